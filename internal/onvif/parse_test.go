package onvif

import (
	"errors"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
)

func TestServices(t *testing.T) {
	for _, c := range []struct {
		given, from, want, others string
	}{
		{"http://192.168.1.64/onvif/device_service", "192.168.1.64", "http://192.168.1.64/onvif/device_service", ""},
		{"http://u:p@192.168.1.64:8080/x?y=1#z https://192.168.1.64", "192.168.1.64",
			"http://192.168.1.64:8080/x?y=1 https://192.168.1.64/onvif/device_service", ""},
		{"http://192.168.1.108/x", "10.0.0.5", "http://10.0.0.5/x", "http://192.168.1.108/x"},
		{"http://8.8.8.8/x", "10.0.0.5", "http://10.0.0.5/x", "http://8.8.8.8/x"},
		{"http://camera.local/x", "10.0.0.5", "http://10.0.0.5/x", "http://camera.local/x"},
		{"http://127.0.0.1/x", "10.0.0.5", "http://10.0.0.5/x", "http://127.0.0.1/x"},
		{"http://10.0.0.6:81/x http://10.0.0.5/y", "10.0.0.6", "http://10.0.0.6:81/x http://10.0.0.6/y", "http://10.0.0.5/y"},
		{"http://[::ffff:10.0.0.5]/x", "10.0.0.5", "http://10.0.0.5/x", ""},
		{"http://[fe80::5]/x http://192.168.1.5/x", "fe80::5%lan", "http://[fe80::5%25lan]/x", "http://192.168.1.5/x"},
		{"http://[fe80::6]/x", "192.168.1.6", "http://192.168.1.6/x", "http://[fe80::6]/x"},
		{"ftp://192.168.1.6/ x http:// //192.168.1.6/", "192.168.1.6", "", ""},
		{"http://192.168.1.6/" + strings.Repeat("x", 600), "192.168.1.6", "", ""},
	} {
		var got []string
		list, others := services(strings.Fields(c.given), netip.MustParseAddr(c.from))
		for _, s := range list {
			got = append(got, s.url)
		}
		if strings.Join(got, " ") != c.want || others != c.others {
			t.Errorf("%s from %s: %v, %s\nwant %s, %s", c.given, c.from, got, others, c.want, c.others)
		}
	}
}

func TestAt(t *testing.T) {
	for text, want := range map[string]string{
		"192.168.1.64":                "http://192.168.1.64/onvif/device_service",
		" 192.168.1.64:8080 ":         "http://192.168.1.64:8080/onvif/device_service",
		"camera.lan":                  "http://camera.lan/onvif/device_service",
		"https://u:p@10.0.0.1/a?b=c":  "https://10.0.0.1/a?b=c",
		"fd00::9":                     "http://[fd00::9]/onvif/device_service",
		"fe80::9%lan":                 "http://[fe80::9%25lan]/onvif/device_service",
		"[fe80::9%lan]:81":            "http://[fe80::9%25lan]:81/onvif/device_service",
		"http://[fe80::9%25lan]/onv%": "",
		"127.0.0.1":                   "",
		"::1":                         "",
		"8.8.8.8":                     "",
		"http://169.254.169.254/":     "http://169.254.169.254/onvif/device_service", // link-local
		"0.0.0.0":                     "",
		"rtsp://192.168.1.64/":        "",
		"":                            "",
		"a b":                         "",
	} {
		d, err := At(text)
		if want == "" {
			if err == nil {
				t.Errorf("%q: %v", text, d.Services)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(d.Services, []string{want}) {
			t.Errorf("%q: %v, %v", text, d.Services, err)
		}
	}
	if _, err := At("8.8.8.8"); !errors.Is(err, ErrNotLocal) {
		t.Errorf("got %v", err)
	}
}

func TestReachable(t *testing.T) {
	for _, c := range []struct{ stream, reached, want string }{
		{"rtsp://192.168.1.64:554/a?b=c&d", "192.168.1.64", "rtsp://192.168.1.64:554/a?b=c&d"},
		{"rtsp://192.168.1.108:8554/a", "10.0.0.5", "rtsp://10.0.0.5:8554/a"},
		{"RTSP://127.0.0.1/a", "10.0.0.5", "rtsp://10.0.0.5/a"},
		{"rtsps://0.0.0.0", "10.0.0.5", "rtsps://10.0.0.5"},
		{"rtsp://169.254.1.1/", "10.0.0.5", "rtsp://10.0.0.5/"},
		{"rtsp://100.64.0.9/", "10.0.0.5", "rtsp://10.0.0.5/"},
		{"rtsp://239.1.1.1/", "10.0.0.5", "rtsp://10.0.0.5/"},
		{"rtsp://[fe80::1]:554/", "10.0.0.5", "rtsp://10.0.0.5:554/"},
		{"rtsp://10.0.0.9/x", "fe80::1%lan", "rtsp://[fe80::1%25lan]/x"},
		{"rtsp://10.0.0.9:1/x", "fd00::1", "rtsp://[fd00::1]:1/x"},
		{"rtsp://203.0.113.7:554/a", "10.0.0.5", "rtsp://10.0.0.5:554/a"},
		{"rtsp://[2001:db8::1]/a", "10.0.0.5", "rtsp://10.0.0.5/a"},
		{"rtsp://cam.example.com/a", "cam.lan", "rtsp://cam.lan/a"},
		{"rtsp://ipcam/a", "10.0.0.5", "rtsp://10.0.0.5/a"},
		{"rtsp://ipcam.local./a", "10.0.0.5", "rtsp://10.0.0.5/a"},
		{"rtsp:///a", "10.0.0.5", "rtsp://10.0.0.5/a"},
		{"rtsp://u:p@192.168.1.9/a%zz|{b}", "192.168.1.9", "rtsp://192.168.1.9/a%zz|{b}"},
		{"rtsp://192.168.1.9:554/user=admin_password=x_channel=1_stream=0.sdp?real", "192.168.1.9", "rtsp://192.168.1.9:554/user=admin_password=x_channel=1_stream=0.sdp?real"},
		{"rtsp://10.0.0.1:99999/", "10.0.0.5", ""},
		{"rtsp://10.0.0.1:http/", "10.0.0.5", ""},
		{"http://10.0.0.1/", "10.0.0.5", ""},
		{"rtsp://10.0.0.1/a b", "10.0.0.5", ""},
		{"rtsp://10.0.0.1/a\x00", "10.0.0.5", ""},
		{"rtsp://10.0.0.1/" + strings.Repeat("a", 1024), "10.0.0.5", ""},
		{"", "10.0.0.5", ""},
	} {
		got, err := reachable(c.stream, c.reached)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q by %s: %q, %v", c.stream, c.reached, got, err)
		}
	}
}

func TestWithCredentials(t *testing.T) {
	for _, c := range []struct{ stream, user, password, want string }{
		{"rtsp://10.0.0.1/a?b", "admin", "x", "rtsp://admin:x@10.0.0.1/a?b"},
		{"rtsp://old:pw@10.0.0.1/a@b", "admin", `p@/:?#%"ß`, "rtsp://admin:p%40%2F%3A%3F%23%25%22%C3%9F@10.0.0.1/a@b"},
		{"rtsp://old:pw@10.0.0.1/a", "", "", "rtsp://10.0.0.1/a"},
	} {
		got, err := WithCredentials(c.stream, c.user, c.password)
		if err != nil || got != c.want {
			t.Errorf("%s: %s, %v", c.stream, got, err)
		}
		if u, err := url.Parse(got); err != nil || u.User.Username() != c.user {
			t.Errorf("%s: reads as %v, %v", got, u, err)
		} else if p, _ := u.User.Password(); p != c.password {
			t.Errorf("%s: the password reads as %q", got, p)
		}
	}
	if _, err := WithCredentials("http://10.0.0.1/", "a", "b"); err == nil || strings.Contains(err.Error(), "b") && strings.Contains(err.Error(), "a:b") {
		t.Errorf("got %v", err)
	}
}

func TestAssignRoles(t *testing.T) {
	p := func(source, codec string, width, height, rate int) Profile {
		return Profile{Source: source, Codec: codec, Width: width, Height: height, BitRate: rate}
	}
	for _, c := range []struct {
		profiles []Profile
		want     string
	}{
		{[]Profile{p("", "H264", 640, 360, 0), p("", "H264", 1920, 1080, 0), p("", "H264", 1280, 720, 0)}, "sub main -"},
		{[]Profile{p("", "H265", 3840, 2160, 0), p("", "H264", 1280, 720, 0), p("", "JPEG", 320, 180, 0)}, "- main -"},
		{[]Profile{p("", "H265", 3840, 2160, 0), p("", "H265", 1280, 720, 0)}, "main sub"},
		{[]Profile{p("", "H264", 1280, 720, 1), p("", "H264", 1280, 720, 2)}, "- main"},
		{[]Profile{p("a", "H264", 1280, 720, 0), p("b", "H264", 640, 360, 0), p("a", "H264", 640, 360, 0)}, "main main sub"},
		{[]Profile{p("", "H264", 1280, 720, 0), p("", "H264", 0, 0, 0)}, "main -"},
		{[]Profile{p("", "", 0, 0, 0), p("", "JPEG", 0, 0, 0)}, "- -"},
		{nil, ""},
	} {
		assignRoles(c.profiles)
		var got []string
		for _, p := range c.profiles {
			got = append(got, strings.Replace(orDash(string(p.Role)), "–", "-", 1))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("got %v, want %s", got, c.want)
		}
	}
}

func TestEndpoint(t *testing.T) {
	for text, want := range map[string]string{
		"urn:uuid:ABC-1": "urn:uuid:abc-1", "uuid:abc-1": "urn:uuid:abc-1", " abc ": "abc",
		"": "", "urn:uuid:00000000-0000-0000-0000-000000000000": "", "urn:uuid:": "",
	} {
		if got := endpoint(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// isClean tells what a terminal may get.
func isClean(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// FuzzProbeMatch: whatever comes by multicast leads to local addresses only,
// and to text that can be printed.
func FuzzProbeMatch(f *testing.F) {
	fill := strings.NewReplacer("ENDPOINT", "urn:uuid:1", "TYPES", "dn:NetworkVideoTransmitter",
		"SCOPES", "onvif://www.onvif.org/name/a%20b onvif://www.onvif.org/location/x/%1b", "XADDRS", "http://192.168.1.9/onvif http://[fe80::1]:80/x http://8.8.8.8")
	for _, m := range []string{matchGSOAP, matchDefault, matchSparse} {
		for _, from := range []string{"192.168.1.9", "fe80::1%lan", "::ffff:10.0.0.1"} {
			f.Add([]byte(fill.Replace(m)), from)
		}
	}
	f.Fuzz(func(t *testing.T, datagram []byte, from string) {
		sender, err := netip.ParseAddr(from)
		if err != nil || len(datagram) > 64<<10 {
			return
		}
		if sender = sender.Unmap(); !local(sender, false) || sender.Zone() != "" && sender.Zone() != "lan" {
			return
		}
		answers, err := parseMatches(datagram, sender, "lan")
		if err != nil {
			return
		}
		var g gathering
		for _, a := range answers {
			g.add(a)
		}
		for _, d := range g.devices() {
			if len(d.Services) == 0 || len(d.Services) > maxServices || d.Address == "" {
				t.Errorf("services %q of %q", d.Services, d.Address)
			}
			for _, s := range d.Services {
				u, err := parseService(s)
				if err != nil {
					t.Fatalf("%q: %v", s, err)
				}
				if a, err := netip.ParseAddr(u.Hostname()); err != nil || a != sender || u.User != nil {
					t.Errorf("it leads to %q", s)
				}
			}
			if !isClean(d.Named + d.Endpoint + d.Name + d.Hardware + d.Location + d.Address + strings.Join(d.Services, "")) {
				t.Errorf("%+v cannot be printed", d)
			}
		}
	})
}

// FuzzSOAP: whatever a camera answers is read or is an error in words.
func FuzzSOAP(f *testing.F) {
	c := plain()
	for _, a := range c.answers {
		f.Add([]byte(a))
	}
	f.Add([]byte(dateAndTime(time.Unix(0, 0))))
	f.Add([]byte(c.fault))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY b "c">]><Envelope><Body><x>&b;</x></Body></Envelope>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var answer struct {
			Profiles few[profile]
			First    string `xml:"MediaUri>Uri"`
			Second   string `xml:"Uri"`
			Service  few[struct{ Namespace, XAddr string }]
		}
		err := decode(data, &answer)
		if err != nil && !isClean(err.Error()) {
			t.Errorf("%q cannot be printed", err)
		}
		if len(answer.Profiles) > maxElements || len(answer.Service) > maxElements {
			t.Errorf("%d profiles and %d services are kept", len(answer.Profiles), len(answer.Service))
		}
		var said *fault
		if errors.As(err, &said) {
			if said.unauthorized(); !isClean(said.Error()) && !strings.Contains(said.Error(), `\`) {
				t.Errorf("%q cannot be printed", said.Error())
			}
		}
		var profiles []Profile
		for _, p := range answer.Profiles {
			profiles = append(profiles, p.profile())
		}
		assignRoles(profiles)
		results := []Result{{Profiles: profiles}}
		var b strings.Builder
		if err := Print(&b, results); err != nil || !isClean(strings.ReplaceAll(b.String(), "\n", "")) {
			t.Errorf("%q, %v", b.String(), err)
		}
		for _, stream := range []string{answer.First, answer.Second} {
			got, err := reachable(stream, "192.168.1.9")
			if err != nil {
				continue
			}
			if again, err := reachable(got, "192.168.1.9"); err != nil || again != got || !isClean(got) {
				t.Errorf("%q becomes %q, and that %q, %v", stream, got, again, err)
			}
		}
	})
}
