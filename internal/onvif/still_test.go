package onvif

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"umbrella/internal/credential"
)

const jpegHead = "\xff\xd8\xff\xe0 and more"

// takes makes a camera offer snapshots at /snap, to who may have them.
func (c *camera) takes(picture string) {
	c.answers["GetSnapshotUri"] = soap(`<trt:GetSnapshotUriResponse><trt:MediaUri><tt:Uri>http://192.0.2.1/snap?of=TOKEN</tt:Uri></trt:MediaUri></trt:GetSnapshotUriResponse>`)
	c.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			c.ServeHTTP(w, r)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.asked = append(c.asked, r.URL.String())
		if user, password, ok := r.BasicAuth(); ok && user == testUser && password == testPassword && len(c.digest) == 1 && strings.HasPrefix(c.digest[0], "Basic") {
			w.Write([]byte(picture))
			return
		}
		if !c.allows(r, nil) {
			c.challenge(w, r, false)
			return
		}
		w.Write([]byte(picture))
	})
}

func TestStill(t *testing.T) {
	for name, c := range map[string]struct {
		digest, path, picture string
		refuse, named         bool // named: the settings name the place by onvif
		want                  error
		asks                  string
	}{
		"Digest":                     {digest: `Digest realm="x", nonce="NONCE", qop="auth"`, path: "/Streaming/Profile_2?transportmode=unicast&profile=Profile_2", picture: jpegHead, asks: "/snap?of=Profile_2"},
		"Basic":                      {digest: `Basic realm="x"`, path: "/else", picture: jpegHead, asks: "/snap?of=Profile_1", named: true},
		"Basic where it is not said": {digest: `Basic realm="x"`, path: "/else", picture: jpegHead, asks: "/snap?of=Profile_1", want: ErrClear},
		"no JPEG":                    {digest: `Digest realm="x", nonce="NONCE"`, path: "/", picture: "<html>", want: ErrNotJPEG},
		"too large":                  {digest: `Digest realm="x", nonce="NONCE"`, path: "/", picture: jpegHead + strings.Repeat("x", maxStill), want: ErrStillTooLarge},
		"it offers none":             {digest: `Digest realm="x", nonce="NONCE"`, path: "/", refuse: true, want: ErrNoStill},
		"an unknown way to sign":     {digest: `Negotiate`, path: "/", want: ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cam := plain()
			d := cam.device(t)
			cam.takes(c.picture)
			cam.digest = []string{c.digest}
			if c.refuse {
				delete(cam.answers, "GetSnapshotUri")
			}
			stream, err := WithCredentials("rtsp://127.0.0.1:554"+c.path, testUser, testPassword)
			if err != nil {
				t.Fatal(err)
			}
			login := credential.FromURL(stream)
			if c.named {
				login = login.And(d.Services[0])
			}
			u, err := d.stillURL(t.Context(), login, stream)
			if err == nil {
				if len(u) != 1 || !strings.HasPrefix(u[0].String(), "http://"+d.Address+"/snap?") {
					t.Fatalf("it is led to %s", u)
				}
				var got []byte
				got, err = d.fetch(t.Context(), u[0], login)
				if c.want == nil && string(got) != c.picture {
					t.Errorf("%q", got)
				}
			}
			if !errors.Is(err, c.want) {
				t.Errorf("%v", err)
			}
			if last := cam.asked[len(cam.asked)-1]; c.asks != "" && last != c.asks {
				t.Errorf("it was asked for %s", last)
			}
		})
	}
}

func TestStillOfARecorder(t *testing.T) {
	profiles := []Profile{
		{Token: "1", Source: "a", Codec: "H264", Width: 640, URL: "rtsp://192.168.1.2/1"},
		{Token: "2", Source: "b", Codec: "H264", Width: 640, URL: "rtsp://192.168.1.2/2?x"},
	}
	if p, err := sends(profiles, "rtsp://u:p@recorder:554/2?x"); err != nil || p.Token != "2" {
		t.Errorf("%v, %v", p, err)
	}
	if _, err := sends(profiles, "rtsp://u:p@recorder:554/3"); !errors.Is(err, ErrNoStill) {
		t.Errorf("%v", err)
	}
}

func TestStillStaysInTheNetwork(t *testing.T) {
	for _, stream := range []string{"rtsp://127.0.0.1/x", "rtsp://[::1]:554/x", "rtsp://203.0.113.1/x", "rtsp://localhost:1/"} {
		s := &Still{Stream: stream}
		if _, err := s.Take(t.Context()); !errors.Is(err, ErrNotLocal) {
			t.Errorf("%s: %v", stream, err)
		}
	}
}

// rogue is a device that wants the password of a camera: it has all that a camera has,
// and asks for passwords in every way.
type rogue struct {
	host string
	mu   sync.Mutex
	got  []string // all requests, with what they give away
}

func startRogue(t *testing.T, address string) *rogue {
	t.Helper()
	r := &rogue{}
	c := plain()
	r.host = c.serve(t, address)
	c.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(req.Body, 1<<16))
		r.mu.Lock()
		r.got = append(r.got, req.Method+" "+req.URL.String()+" "+req.Header.Get("Authorization")+" "+string(body))
		r.mu.Unlock()
		switch {
		case strings.Contains(string(body), "GetSystemDateAndTime"):
			fmt.Fprint(w, dateAndTime(time.Now().UTC()))
		case req.Header.Get("Authorization") == "":
			w.Header().Add("WWW-Authenticate", `Basic realm="x"`)
			w.Header().Add("WWW-Authenticate", `Digest realm="x", nonce="1"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			fmt.Fprint(w, jpegHead)
		}
	})
	return r
}

func (r *rogue) asked() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// TestStillOfARogue: a device that tells of a camera's address beside its own is not
// taken for the camera, and neither is one to which a camera sends.
func TestStillOfARogue(t *testing.T) {
	own, other := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	message := strings.NewReplacer("ENDPOINT", "urn:uuid:1", "TYPES", "dn:NetworkVideoTransmitter", "SCOPES", "",
		"XADDRS", "http://127.0.0.2:81/x http://127.0.0.1:82/y").Replace(matchGSOAP)
	for _, sender := range []netip.Addr{other, own} {
		answers, err := parseMatches([]byte(message), sender, "lo")
		if err != nil {
			t.Fatal(err)
		}
		var g gathering
		for _, a := range answers {
			g.add(a)
		}
		d, found := from(g.devices(), []netip.Addr{own})
		if found != (sender == own) {
			t.Errorf("an answer from %s is the one of the camera: %v", sender, found)
		}
		for _, s := range d.Services {
			if !strings.HasPrefix(s, "http://127.0.0.1:") {
				t.Errorf("%s is asked", s)
			}
		}
	}

	stranger := startRogue(t, "127.0.0.2")
	for name, change := range map[string]func(*camera){
		"a redirect of the snapshot": func(c *camera) {
			soap := c.server.Config.Handler
			c.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					http.Redirect(w, r, "http://"+stranger.host+"/snap", http.StatusFound)
					return
				}
				soap.ServeHTTP(w, r)
			})
		},
		"a redirect after the password": func(c *camera) {
			soap := c.server.Config.Handler
			c.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method != http.MethodGet:
					soap.ServeHTTP(w, r)
				case r.Header.Get("Authorization") == "":
					w.Header().Set("WWW-Authenticate", `Digest realm="x", nonce="1"`)
					w.WriteHeader(http.StatusUnauthorized)
				default:
					http.Redirect(w, r, "http://"+stranger.host+"/snap", http.StatusFound)
				}
			})
		},
		"a redirect of a question": func(c *camera) {
			c.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://"+stranger.host+r.URL.Path, http.StatusTemporaryRedirect)
			})
		},
		"another host's media service": func(c *camera) {
			c.answers["GetServices"] = strings.ReplaceAll(c.answers["GetServices"], "http://HOST/onvif/Media", "http://"+stranger.host+"/onvif/Media")
		},
		"another host's snapshot": func(c *camera) {
			c.answers["GetSnapshotUri"] = soap(`<trt:GetSnapshotUriResponse><trt:MediaUri><tt:Uri>http://` + stranger.host + `/snap</tt:Uri></trt:MediaUri></trt:GetSnapshotUriResponse>`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := plain()
			d := c.device(t)
			c.takes(jpegHead)
			c.digest = []string{`Digest realm="x", nonce="NONCE"`, `Basic realm="x"`}
			change(c)
			stream, err := WithCredentials("rtsp://127.0.0.1:554/x", testUser, testPassword)
			if err != nil {
				t.Fatal(err)
			}
			s := &Still{Stream: stream, device: d, login: credential.FromURL(stream).And(d.Services[0])}
			s.urls, err = d.stillURL(t.Context(), s.login, stream)
			var picture []byte
			if err == nil {
				picture, err = s.fetch(t.Context())
			}
			if redirected := strings.HasPrefix(name, "a redirect"); (err == nil) == redirected {
				t.Errorf("%q, %v", picture, err)
			}
		})
	}
	if got := stranger.asked(); len(got) > 0 {
		t.Errorf("the rogue was asked %q", got)
	}
}

// TestMediaServiceElsewhere: a camera whose media service is at another port, and that
// calls itself by the address with which it left the factory.
func TestMediaServiceElsewhere(t *testing.T) {
	for name, port := range map[string]bool{"at the port": true, "at the port of the device": false} {
		t.Run(name, func(t *testing.T) {
			c, second := plain(), plain()
			d := c.device(t)
			at := second.serve(t, "127.0.0.1")
			if port {
				c.answers["GetProfiles"] = faultOf("ter:Action", "not here")
			} else {
				second.server.Close()
			}
			_, number, _ := strings.Cut(at, ":")
			c.answers["GetServices"] = strings.ReplaceAll(c.answers["GetServices"], "http://HOST/onvif/Media", "http://192.0.2.108:"+number+"/onvif/Media")
			got, err := d.Streams(t.Context(), testLogin(testUser, testPassword))
			if err != nil || len(got) != 3 {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// TestWordsOfCameras: what a camera says into errors and names is fit for a terminal.
func TestWordsOfCameras(t *testing.T) {
	const evil = "\x1b]0;owned\x07\x1b[31m \u202egpj.exe\u009b1A"
	for name, answer := range map[string]string{
		"a header":    "HTTP/1.1 200 OK\r\nServer: x" + evil + "\r\nbroken line " + evil + "\r\n\r\n",
		"a status":    "HTTP/1.1 2" + evil + " OK\r\n\r\n",
		"a protocol":  evil + strings.Repeat(evil, 99) + "\r\n\r\n",
		"an element":  "HTTP/1.1 200 OK\r\n\r\n<" + strings.Repeat("\u0301x", 9999) + "/>",
		"an encoding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + evil + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var running sync.WaitGroup
			running.Go(func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					_, _ = http.ReadRequest(bufio.NewReader(conn))
					_, _ = conn.Write([]byte(answer))
					conn.Close()
				}
			})
			t.Cleanup(func() { listener.Close(); running.Wait() })
			d := Device{Address: "x", Services: []string{"http://" + listener.Addr().String() + "/"}, reach: reach{loopback: true}}
			_, err = d.Streams(t.Context(), testLogin(testUser, testPassword))
			if err == nil || !isClean(err.Error()) || len(err.Error()) > 2*maxWords {
				t.Errorf("%q", err)
			}
			var b strings.Builder
			if err := Print(&b, []Result{{Device: d, Err: err}}); err != nil || !isClean(strings.ReplaceAll(b.String(), "\n", "")) {
				t.Errorf("%q, %v", b.String(), err)
			}
		})
	}
	c := plain()
	c.answers["GetDeviceInformation"] = soap(`<tds:GetDeviceInformationResponse><tds:Manufacturer>A` + "\u202e\u009b1A" + `</tds:Manufacturer><tds:Model>` + strings.Repeat("x", 9999) + `</tds:Model></tds:GetDeviceInformationResponse>`)
	got, err := c.device(t).Information(t.Context(), testLogin(testUser, testPassword))
	if err != nil || got.Manufacturer != "A1A" || len(got.Model) > maxWords+len("…") {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestManyParts: an answer is refused by its numbers before anything is made of it.
func TestManyParts(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		many bool
	}{
		"tags":         {strings.Repeat("<a/>", maxTags), true},
		"depth":        {strings.Repeat("<a>", maxDepth), true},
		"attributes":   {"<a " + strings.Repeat(`b="" `, maxAttributes+1) + "/>", true},
		"a large list": {strings.Repeat(`<Profiles token="x"/>`, maxElements*9), false},
	} {
		var answer struct{ Profiles few[profile] }
		err := decode([]byte(`<Envelope><Body><x>`+c.body+`</x></Body></Envelope>`), &answer)
		if errors.Is(err, errTooMany) != c.many || len(answer.Profiles) > maxElements {
			t.Errorf("%s: %v, %d profiles", name, err, len(answer.Profiles))
		}
	}
}
