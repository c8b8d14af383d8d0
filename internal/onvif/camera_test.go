package onvif

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"umbrella/internal/credential"
)

// camera is an ONVIF device: it answers to probes and to questions over HTTP,
// and really checks who asks. Its makers' dialect is in the fields.
type camera struct {
	endpoint, scopes, types string
	// xaddrs may hold HOST, for the address that the server listens on.
	xaddrs string
	// match is what it answers to a probe: RELATES, ENDPOINT, TYPES, SCOPES and
	// XADDRS are put in.
	match string
	// times is how often it says so.
	times int

	// answers are by question; HOST is put in, and TOKEN, that of the profile.
	answers map[string]string
	// open are the questions that anybody may ask.
	open []string
	// clock is how far its clock is ahead.
	clock time.Duration
	// fault is said, with status, to who is not let in.
	fault  string
	status int
	// token: it takes WS-Security. digest: it takes HTTP's Digest with these
	// algorithms, the lines that it challenges with.
	token  bool
	digest []string
	// nonces: each is good for so many requests, if not 0.
	uses int

	silent atomic.Bool // it answers no probe any more
	source net.IP      // it answers from here, and not from where it was asked; may be nil

	mu      sync.Mutex
	nonce   string
	used    int
	counts  []string
	seen    map[string]bool
	refused int
	asked   []string
	server  *httptest.Server
}

// testLogin is for the hosts that the tests use.
func testLogin(user, password string) credential.Credential {
	return credential.ForHost(user, password, "127.0.0.1")
}

const (
	testUser     = "ädmin <1>"
	testPassword = `p&ss"wörd`
)

// serve starts the HTTP side at an address of this machine.
func (c *camera) serve(t *testing.T, address string) string {
	t.Helper()
	c.seen = map[string]bool{}
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	c.server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: c}}
	c.server.Start()
	t.Cleanup(c.server.Close)
	return listener.Addr().String()
}

// device is the camera as a discovery on loopback would give it.
func (c *camera) device(t *testing.T) Device {
	t.Helper()
	host := c.serve(t, "127.0.0.1")
	return Device{Address: host, Services: []string{"http://" + host + "/onvif/device_service"}, reach: reach{loopback: true}}
}

// listen answers to the probes that come in on an interface, until the test is
// over. It counts them.
func (c *camera) listen(t *testing.T, name string, group netip.Addr) *atomic.Int64 {
	t.Helper()
	i, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	network := "udp4"
	if group.Is6() {
		network = "udp6"
	}
	conn, err := net.ListenMulticastUDP(network, i, net.UDPAddrFromAddrPort(netip.AddrPortFrom(group, discoveryPort)))
	if err != nil {
		t.Fatal(err)
	}
	var (
		running sync.WaitGroup
		heard   atomic.Int64
	)
	running.Go(func() {
		buf := make([]byte, 64<<10)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			var probe struct {
				Header struct{ MessageID, Action string }
				Body   struct {
					Probe struct{ Types string }
				}
			}
			if xml.Unmarshal(buf[:n], &probe) != nil || !strings.HasSuffix(probe.Header.Action, "/Probe") ||
				!strings.Contains(probe.Body.Probe.Types, ":") {
				continue
			}
			// A socket also hears of the groups that others of this machine joined
			// on other interfaces.
			own, _ := i.Addrs()
			if group.Is6() && from.Addr().Zone() != name || group.Is4() && !slices.ContainsFunc(own, func(a net.Addr) bool {
				return strings.HasPrefix(a.String(), from.Addr().Unmap().String()+"/")
			}) {
				continue
			}
			if heard.Add(1); c.silent.Load() {
				continue
			}
			// From the interface that it came in on, as devices do.
			source := &net.UDPAddr{}
			if from.Addr().Is6() {
				source.IP, source.Zone = from.Addr().AsSlice(), name
			} else {
				source.IP = from.Addr().AsSlice()
			}
			if c.source != nil {
				source.IP = c.source
			}
			out, err := net.DialUDP("udp", source, net.UDPAddrFromAddrPort(from))
			if err != nil {
				continue
			}
			for range max(c.times, 1) {
				_, _ = out.Write([]byte(strings.NewReplacer(
					"RELATES", probe.Header.MessageID, "ENDPOINT", c.endpoint, "TYPES", c.types,
					"SCOPES", c.scopes, "XADDRS", c.host(c.xaddrs)).Replace(c.match)))
			}
			out.Close()
		}
	})
	t.Cleanup(func() {
		conn.Close()
		running.Wait()
	})
	return &heard
}

func (c *camera) host(text string) string {
	if c.server == nil {
		return text
	}
	return strings.ReplaceAll(text, "HOST", c.server.Listener.Addr().String())
}

func (c *camera) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var message struct {
		XMLName xml.Name `xml:"http://www.w3.org/2003/05/soap-envelope Envelope"`
		Header  struct {
			Token *usernameToken `xml:"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd Security>UsernameToken"`
		} `xml:"http://www.w3.org/2003/05/soap-envelope Header"`
		Body struct {
			Question struct {
				XMLName      xml.Name
				ProfileToken string
			} `xml:",any"`
		} `xml:"http://www.w3.org/2003/05/soap-envelope Body"`
	}
	d := xml.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
	if err := d.Decode(&message); err != nil || r.Method != http.MethodPost {
		http.Error(w, fmt.Sprint(err), http.StatusBadRequest)
		return
	}
	question := message.Body.Question.XMLName.Local
	c.asked = append(c.asked, question)
	w.Header().Set("Content-Type", "application/soap+xml")
	w.Header().Set("Date", time.Now().Add(c.clock).UTC().Format(http.TimeFormat))
	if !slices.Contains(c.open, question) && !c.allows(r, message.Header.Token) {
		c.challenge(w, r, message.Header.Token != nil)
		return
	}
	// In Media2 the same questions are answered otherwise.
	key := question
	if message.Body.Question.XMLName.Space == nsMedia2 {
		key = "2" + question
	}
	answer, known := c.answers[key]
	if token := message.Body.Question.ProfileToken; token != "" {
		if own, ok := c.answers[key+" "+token]; ok {
			answer, known = own, true
		}
		answer = strings.ReplaceAll(answer, "TOKEN", token)
	}
	switch {
	case !known && question == "GetSystemDateAndTime":
		answer = dateAndTime(time.Now().Add(c.clock).UTC())
	case !known:
		w.WriteHeader(http.StatusInternalServerError)
		answer = faultOf("ter:ActionNotSupported", "Optional Action Not Implemented")
	case strings.Contains(answer, "Fault>"):
		w.WriteHeader(http.StatusBadRequest)
	}
	fmt.Fprint(w, c.host(answer))
}

type usernameToken struct {
	Username, Nonce, Created string
	Password                 struct {
		Type string `xml:",attr"`
		Text string `xml:",chardata"`
	}
}

// allows tells whether the request may be answered.
func (c *camera) allows(r *http.Request, token *usernameToken) bool {
	if token != nil && c.token {
		created, err := time.Parse(time.RFC3339Nano, token.Created)
		nonce, errNonce := base64.StdEncoding.DecodeString(token.Nonce)
		sum := sha1.Sum([]byte(string(nonce) + token.Created + testPassword))
		fresh := err == nil && created.Sub(time.Now().Add(c.clock)).Abs() < 5*time.Second && !c.seen[token.Nonce]
		c.seen[token.Nonce] = true
		return fresh && errNonce == nil && len(nonce) >= 8 && token.Username == testUser &&
			strings.HasSuffix(token.Password.Type, "#PasswordDigest") &&
			token.Password.Text == base64.StdEncoding.EncodeToString(sum[:])
	}
	header := r.Header.Get("Authorization")
	if header == "" || len(c.digest) == 0 {
		return false
	}
	given := parameters(header)
	for _, line := range c.digest {
		check := parameters(strings.ReplaceAll(line, "NONCE", c.nonce))
		if given["algorithm"] != check["algorithm"] || given["nonce"] != c.nonce || given["uri"] != r.RequestURI ||
			given["opaque"] != check["opaque"] || slices.Contains(c.counts, given["nc"]) || c.uses > 0 && c.used >= c.uses {
			continue
		}
		c.used++
		if given["nc"] != "" {
			c.counts = append(c.counts, given["nc"])
		}
		hash := func(parts ...string) string {
			text := []byte(strings.Join(parts, ":"))
			if check["algorithm"] == "SHA-512-256" {
				return fmt.Sprintf("%x", sha512.Sum512_256(text))
			}
			if strings.HasPrefix(check["algorithm"], "SHA-256") {
				return fmt.Sprintf("%x", sha256.Sum256(text))
			}
			return fmt.Sprintf("%x", md5.Sum(text))
		}
		secret, about := hash(testUser, check["realm"], testPassword), hash(r.Method, r.RequestURI)
		if strings.HasSuffix(strings.ToLower(check["algorithm"]), "-sess") {
			secret = hash(secret, c.nonce, given["cnonce"])
		}
		want := hash(secret, c.nonce, about)
		if check["qop"] != "" {
			want = hash(secret, c.nonce, given["nc"], given["cnonce"], "auth", about)
		}
		return given["username"] == testUser && given["response"] == want
	}
	return false
}

// parameters are those of a challenge of Digest, or of an answer to one.
func parameters(header string) map[string]string {
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`(\w+)=(?:"([^"]*)"|([^",\s]+))`).FindAllStringSubmatch(header, -1) {
		all[m[1]] = m[2] + m[3]
	}
	return all
}

func (c *camera) challenge(w http.ResponseWriter, r *http.Request, token bool) {
	stale := ""
	if strings.Contains(r.Header.Get("Authorization"), `nonce="`+c.nonce+`"`) && c.uses > 0 && c.used >= c.uses {
		stale = ", stale=true"
	} else if token || r.Header.Get("Authorization") != "" {
		c.refused++
	}
	c.nonce, c.used, c.counts = fmt.Sprintf("n%d", time.Now().UnixNano()), 0, nil
	for _, line := range c.digest {
		w.Header().Add("WWW-Authenticate", strings.ReplaceAll(line, "NONCE", c.nonce)+stale)
	}
	status := c.status
	if len(c.digest) > 0 || status == 0 {
		status = http.StatusUnauthorized
	}
	w.WriteHeader(status)
	fmt.Fprint(w, c.fault)
}

// dateAndTime is in the words of gSOAP, which many makers use.
func dateAndTime(t time.Time) string {
	return soap(fmt.Sprintf(`<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>`+
		`<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>CST-8</tt:TZ></tt:TimeZone>`+
		`<tt:UTCDateTime><tt:Time><tt:Hour>%d</tt:Hour><tt:Minute>%d</tt:Minute><tt:Second>%d</tt:Second></tt:Time>`+
		`<tt:Date><tt:Year>%d</tt:Year><tt:Month>%d</tt:Month><tt:Day>%d</tt:Day></tt:Date></tt:UTCDateTime>`+
		`</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>`,
		t.Hour(), t.Minute(), t.Second(), t.Year(), t.Month(), t.Day()))
}

func soap(body string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<SOAP-ENV:Envelope xmlns:SOAP-ENV="` + nsEnvelope + `" xmlns:tds="` + nsDevice +
		`" xmlns:trt="` + nsMedia + `" xmlns:tr2="` + nsMedia2 + `" xmlns:tt="` + nsSchema + `" xmlns:ter="http://www.onvif.org/ver10/error">` +
		`<SOAP-ENV:Header></SOAP-ENV:Header><SOAP-ENV:Body>` + body + `</SOAP-ENV:Body></SOAP-ENV:Envelope>`
}

func faultOf(subcode, reason string) string {
	return soap(`<SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:Sender</SOAP-ENV:Value><SOAP-ENV:Subcode>` +
		`<SOAP-ENV:Value>` + subcode + `</SOAP-ENV:Value></SOAP-ENV:Subcode></SOAP-ENV:Code>` +
		`<SOAP-ENV:Reason><SOAP-ENV:Text xml:lang="en">` + reason + `</SOAP-ENV:Text></SOAP-ENV:Reason></SOAP-ENV:Fault>`)
}

// plain is a camera with a main and a substream, in the words of gSOAP.
func plain() *camera {
	return &camera{
		token: true,
		fault: faultOf("ter:NotAuthorized", "Sender not Authorized"), status: http.StatusBadRequest,
		open: []string{"GetSystemDateAndTime", "GetServices", "GetCapabilities"},
		answers: map[string]string{
			"GetServices": soap(`<tds:GetServicesResponse><tds:Service><tds:Namespace>` + nsDevice + `</tds:Namespace><tds:XAddr>http://HOST/onvif/device_service</tds:XAddr></tds:Service>` +
				`<tds:Service><tds:Namespace>` + nsMedia + `</tds:Namespace><tds:XAddr>http://HOST/onvif/Media</tds:XAddr><tds:Version><tt:Major>2</tt:Major></tds:Version></tds:Service></tds:GetServicesResponse>`),
			"GetCapabilities": soap(`<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Media><tt:XAddr>http://HOST/onvif/Media</tt:XAddr></tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>`),
			"GetDeviceInformation": soap(`<tds:GetDeviceInformationResponse><tds:Manufacturer>ACME</tds:Manufacturer><tds:Model>Dome 5</tds:Model>` +
				`<tds:FirmwareVersion>V1.2 build 3</tds:FirmwareVersion><tds:SerialNumber>S123</tds:SerialNumber><tds:HardwareId>88</tds:HardwareId></tds:GetDeviceInformationResponse>`),
			"GetProfiles": soap(`<trt:GetProfilesResponse>` + profileOf("Profile_1", "main", "H264", 1920, 1080, 25, 4096) +
				profileOf("Profile_2", "sub", "H264", 640, 360, 15, 512) + profileOf("Profile_3", "third", "JPEG", 320, 180, 5, 0) + `</trt:GetProfilesResponse>`),
			"GetStreamUri": soap(`<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>rtsp://127.0.0.1:554/Streaming/TOKEN?transportmode=unicast&amp;profile=TOKEN</tt:Uri>` +
				`<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>`),
		},
	}
}

func profileOf(token, name, codec string, width, height, rate, kbits int) string {
	return fmt.Sprintf(`<trt:Profiles token=%q fixed="true"><tt:Name>%s</tt:Name>`+
		`<tt:VideoSourceConfiguration token="vsc"><tt:Name>vsc</tt:Name><tt:UseCount>2</tt:UseCount><tt:SourceToken>vs0</tt:SourceToken></tt:VideoSourceConfiguration>`+
		`<tt:VideoEncoderConfiguration token="vec"><tt:Name>vec</tt:Name><tt:Encoding>%s</tt:Encoding><tt:Resolution><tt:Width>%d</tt:Width><tt:Height>%d</tt:Height></tt:Resolution>`+
		`<tt:Quality>4</tt:Quality><tt:RateControl><tt:FrameRateLimit>%d</tt:FrameRateLimit><tt:EncodingInterval>1</tt:EncodingInterval><tt:BitrateLimit>%d</tt:BitrateLimit></tt:RateControl>`+
		`<tt:H264><tt:GovLength>50</tt:GovLength><tt:H264Profile>Main</tt:H264Profile></tt:H264></tt:VideoEncoderConfiguration>`+
		`<tt:AudioEncoderConfiguration token="aec"><tt:Name>aec</tt:Name><tt:Encoding>G711</tt:Encoding></tt:AudioEncoderConfiguration></trt:Profiles>`,
		token, name, codec, width, height, rate, kbits)
}
