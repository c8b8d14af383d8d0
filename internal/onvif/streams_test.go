package onvif

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestStreams asks cameras of several dialects.
func TestStreams(t *testing.T) {
	usual := []Profile{
		{Token: "Profile_1", Name: "main", Source: "vs0", Role: Main, Codec: "H264", Width: 1920, Height: 1080, FrameRate: 25, BitRate: 4096, GOP: 50, AudioCodec: "G711",
			URL: "rtsp://127.0.0.1:554/Streaming/Profile_1?transportmode=unicast&profile=Profile_1"},
		{Token: "Profile_2", Name: "sub", Source: "vs0", Role: Sub, Codec: "H264", Width: 640, Height: 360, FrameRate: 15, BitRate: 512, GOP: 50, AudioCodec: "G711",
			URL: "rtsp://127.0.0.1:554/Streaming/Profile_2?transportmode=unicast&profile=Profile_2"},
		{Token: "Profile_3", Name: "third", Source: "vs0", Codec: "JPEG", Width: 320, Height: 180, FrameRate: 5, GOP: 50, AudioCodec: "G711",
			URL: "rtsp://127.0.0.1:554/Streaming/Profile_3?transportmode=unicast&profile=Profile_3"},
	}
	const (
		md5Line = `Digest realm="IP Camera(C1234)", nonce="NONCE", qop="auth"`
		shaLine = `Digest realm="cam", qop="auth, auth-int", algorithm=SHA-256, nonce="NONCE", opaque="o\"p"`
	)
	for name, c := range map[string]struct {
		change func(*camera)
		want   []Profile
		asked  string // a question that must have been asked
	}{
		"as the book says": {change: func(*camera) {}, want: usual},
		"clock of 1970":    {change: func(c *camera) { c.clock = -56 * 365 * 24 * time.Hour }, want: usual},
		"clock ahead":      {change: func(c *camera) { c.clock = 8 * time.Hour }, want: usual},
		"time only in HTTP's Date": {change: func(c *camera) {
			c.clock = 3 * time.Hour
			c.answers["GetSystemDateAndTime"] = soap(`<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:UTCDateTime><tt:Time/><tt:Date><tt:Year>soon</tt:Year></tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>`)
		}, want: usual},
		"time is a secret": {change: func(c *camera) { c.open, c.clock = nil, -time.Hour }, want: usual},
		"Digest with MD5":  {change: func(c *camera) { c.token, c.digest = false, []string{md5Line} }, want: usual},
		"Digest of 1997": {change: func(c *camera) {
			c.token, c.digest = false, []string{`Digest realm="x", nonce="NONCE"`}
		}, want: usual},
		"Digest with SHA-256, among others": {change: func(c *camera) {
			c.token, c.digest = false, []string{`Digest realm="x", algorithm=SHA-512-256, nonce="NONCE"`, shaLine, md5Line, `Basic realm="x"`}
		}, want: usual},
		"Digest with a session": {change: func(c *camera) {
			c.token, c.digest = false, []string{`Digest realm="x", algorithm=MD5-sess, qop=auth, nonce="NONCE"`}
		}, want: usual},
		"nonces that go stale": {change: func(c *camera) { c.token, c.digest, c.uses = false, []string{md5Line}, 1 }, want: usual},
		"Digest, and all is secret": {change: func(c *camera) {
			c.token, c.digest, c.open = false, []string{shaLine}, nil
		}, want: usual},
		"before GetServices": {change: func(c *camera) { delete(c.answers, "GetServices") }, want: usual, asked: "GetCapabilities"},
		"names no services": {change: func(c *camera) {
			delete(c.answers, "GetServices")
			c.answers["GetCapabilities"] = soap(`<tds:GetCapabilitiesResponse><tds:Capabilities/></tds:GetCapabilitiesResponse>`)
		}, want: usual},
		"services elsewhere": {change: func(c *camera) {
			c.answers["GetServices"] = strings.ReplaceAll(c.answers["GetServices"], "http://HOST/", "http://203.0.113.9:81/")
		}, want: usual},
		"other prefixes, SOAP 1.1 and a BOM": {change: func(c *camera) {
			for k, a := range c.answers {
				a = strings.NewReplacer("SOAP-ENV:", "", "SOAP-ENV", "x", "trt:", "ns3:", ":trt", ":ns3", "tt:", "ns1:", ":tt", ":ns1",
					nsEnvelope, "http://schemas.xmlsoap.org/soap/envelope/", `encoding="UTF-8"`, `encoding="GB2312"`).Replace(a)
				c.answers[k] = "\ufeff" + a
			}
		}, want: usual},
		"no prefixes declared": {change: func(c *camera) {
			for k, a := range c.answers {
				_, a, _ = strings.Cut(a, "?>")
				_, a, _ = strings.Cut(a, "<SOAP-ENV:Body>")
				c.answers[k] = "<SOAP-ENV:Envelope><SOAP-ENV:Body>" + a
			}
		}, want: usual},
		"Media2 with H.265": {change: func(c *camera) {
			c.answers["GetServices"] = strings.Replace(c.answers["GetServices"], "</tds:GetServicesResponse>",
				`<tds:Service><tds:Namespace>`+nsMedia2+`</tds:Namespace><tds:XAddr>http://HOST/onvif/Media2</tds:XAddr></tds:Service></tds:GetServicesResponse>`, 1)
			c.answers["2GetProfiles"] = soap(`<tr2:GetProfilesResponse><tr2:Profiles token="a&amp;1" fixed="false"><tr2:Name>Haupt</tr2:Name><tr2:Configurations>` +
				`<tr2:VideoSource token="v"><tt:SourceToken>s1</tt:SourceToken></tr2:VideoSource>` +
				`<tr2:VideoEncoder token="e" GovLength="60" Profile="Main"><tt:Encoding>H265</tt:Encoding><tt:Resolution><tt:Width>3840</tt:Width><tt:Height>2160</tt:Height></tt:Resolution>` +
				`<tt:RateControl ConstantBitRate="true"><tt:FrameRateLimit>12.5</tt:FrameRateLimit><tt:BitrateLimit>6144</tt:BitrateLimit></tt:RateControl></tr2:VideoEncoder>` +
				`<tr2:AudioEncoder token="a"><tt:Encoding>MP4A-LATM</tt:Encoding></tr2:AudioEncoder></tr2:Configurations></tr2:Profiles></tr2:GetProfilesResponse>`)
			c.answers["2GetStreamUri a&1"] = soap(`<tr2:GetStreamUriResponse><tr2:Uri>rtsp://0.0.0.0/h265</tr2:Uri></tr2:GetStreamUriResponse>`)
		}, want: []Profile{{Token: "a&1", Name: "Haupt", Source: "s1", Role: Main, Codec: "H265", Width: 3840, Height: 2160, FrameRate: 12.5, BitRate: 6144, GOP: 60,
			AudioCodec: "MP4A-LATM", URL: "rtsp://127.0.0.1/h265"}}},
		"Media2 that does not work": {change: func(c *camera) {
			c.answers["GetServices"] = strings.Replace(c.answers["GetServices"], "</tds:GetServicesResponse>",
				`<tds:Service><tds:Namespace>`+nsMedia2+`</tds:Namespace><tds:XAddr>http://HOST/onvif/Media2</tds:XAddr></tds:Service></tds:GetServicesResponse>`, 1)
		}, want: usual},
		"one profile without a stream": {change: func(c *camera) {
			c.answers["GetStreamUri Profile_1"] = faultOf("ter:IncompleteConfiguration", "no encoder")
			c.answers["GetStreamUri Profile_3"] = soap(`<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>http://127.0.0.1/x.mjpeg</tt:Uri></trt:MediaUri></trt:GetStreamUriResponse>`)
		}, want: []Profile{{Token: "Profile_2", Name: "sub", Source: "vs0", Role: Main, Codec: "H264", Width: 640, Height: 360, FrameRate: 15, BitRate: 512, GOP: 50, AudioCodec: "G711",
			URL: "rtsp://127.0.0.1:554/Streaming/Profile_2?transportmode=unicast&profile=Profile_2"}}},
		"says next to nothing": {change: func(c *camera) {
			c.answers["GetProfiles"] = soap(`<trt:GetProfilesResponse><trt:Profiles token="p"><tt:VideoEncoderConfiguration><tt:Resolution><tt:Width>-3</tt:Width><tt:Height>wide</tt:Height></tt:Resolution></tt:VideoEncoderConfiguration></trt:Profiles></trt:GetProfilesResponse>`)
			c.answers["GetStreamUri"] = soap("<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>\n rtsp://root:secret@192.168.1.108/live \n</tt:Uri></trt:MediaUri></trt:GetStreamUriResponse>")
		}, want: []Profile{{Token: "p", Name: "p", URL: "rtsp://127.0.0.1/live"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			camera := plain()
			c.change(camera)
			got, err := camera.device(t).Streams(t.Context(), testLogin(testUser, testPassword))
			if err != nil {
				t.Fatalf("%v\nasked: %v", err, camera.asked)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if c.asked != "" && !slices.Contains(camera.asked, c.asked) {
				t.Errorf("%s was not asked, but %v", c.asked, camera.asked)
			}
		})
	}
}

func TestStreamsWithoutUser(t *testing.T) {
	c := plain()
	c.open = []string{"GetSystemDateAndTime", "GetServices", "GetProfiles", "GetStreamUri"}
	got, err := c.device(t).Streams(t.Context(), testLogin("", ""))
	if err != nil || len(got) != 3 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestInformation(t *testing.T) {
	for _, digest := range []bool{false, true} {
		c := plain()
		if digest {
			c.token, c.digest = false, []string{`Digest realm="r", nonce="NONCE", qop="auth"`}
		}
		got, err := c.device(t).Information(t.Context(), testLogin(testUser, testPassword))
		if want := (Information{"ACME", "Dome 5", "V1.2 build 3", "S123"}); err != nil || got != want {
			t.Errorf("digest %v: %+v, %v", digest, got, err)
		}
	}
}

// TestRefused: the reason is in words, and a wrong password is not tried so
// often that the camera locks the user out.
func TestRefused(t *testing.T) {
	digest := []string{`Digest realm="x", nonce="NONCE", qop="auth"`}
	oldFault := `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>wsse:FailedAuthentication</faultcode><faultstring>no</faultstring></s:Fault></s:Body></s:Envelope>`
	for name, c := range map[string]struct {
		user, password string
		change         func(*camera)
		want           error
		words          string
		most           int // attempts
	}{
		"wrong password":              {testUser, "x", func(*camera) {}, ErrRefused, "refused the user name or password", 1},
		"wrong user":                  {"x", testPassword, func(*camera) {}, ErrRefused, "refused the user name or password", 1},
		"wrong password, Digest":      {testUser, "x", func(c *camera) { c.token, c.digest = false, digest }, ErrRefused, "refused", 2},
		"wrong password, both":        {testUser, "x", func(c *camera) { c.digest = digest }, ErrRefused, "refused", 2},
		"wrong password, all secret":  {testUser, "x", func(c *camera) { c.digest, c.open = digest, nil }, ErrRefused, "refused", 2},
		"wrong, SOAP 1.1, status 200": {testUser, "x", func(c *camera) { c.fault, c.status = oldFault, 200 }, ErrRefused, "refused", 1},
		"forbidden by HTTP":           {testUser, "x", func(c *camera) { c.fault, c.status = "<html>", 403 }, ErrRefused, "refused", 1},
		"Basic only":                  {testUser, "x", func(c *camera) { c.token, c.digest = false, []string{`Basic realm="x"`} }, ErrRefused, "refused", 1},
		"locked": {testUser, "x", func(c *camera) {
			c.fault = faultOf("ter:NotAuthorized", "The user is locked for 30 minutes")
		}, ErrRefused, "locked for 30 minutes", 1},
		"no user":            {"", "", func(*camera) {}, ErrNoPassword, "asks for a user name and a password", 0},
		"no user, Digest":    {"", "", func(c *camera) { c.token, c.digest = false, digest }, ErrNoPassword, "asks for", 0},
		"control characters": {"a\nb", "", func(*camera) {}, nil, "control characters", 0},
	} {
		t.Run(name, func(t *testing.T) {
			camera := plain()
			c.change(camera)
			_, err := camera.device(t).Streams(t.Context(), testLogin(c.user, c.password))
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), c.words) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if camera.refused > c.most {
				t.Errorf("tried %d times: %v", camera.refused, camera.asked)
			}
		})
	}
}

// TestFaults: what the camera cannot do is in its own words.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*camera)
		words  string
	}{
		"no profiles": {func(c *camera) { c.answers["GetProfiles"] = soap(`<trt:GetProfilesResponse/>`) }, "no media profile"},
		"a fault": {func(c *camera) {
			c.answers["GetProfiles"] = faultOf("ter:Action", "Too many \x1b[31m clients")
		}, "not ONVIF"}, // a control character is no XML
		"a fault in words": {func(c *camera) { c.answers["GetProfiles"] = faultOf("ter:Action", "Too many clients") }, `the camera answers: "Too many clients"`},
		"a fault without":  {func(c *camera) { c.answers["GetProfiles"] = faultOf("ter:Busy", "") }, `ter:Busy`},
		"no RTSP": {func(c *camera) {
			c.answers["GetStreamUri"] = soap(`<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri/></trt:MediaUri></trt:GetStreamUriResponse>`)
		}, "no URL that can be used"},
	} {
		t.Run(name, func(t *testing.T) {
			camera := plain()
			c.change(camera)
			_, err := camera.device(t).Streams(t.Context(), testLogin(testUser, testPassword))
			if err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v, want %q", err, c.words)
			}
		})
	}
}

// TestSecondService: where the first address is dead the next one is asked.
func TestSecondService(t *testing.T) {
	gone := plain()
	dead := gone.device(t)
	gone.server.Close()
	d := plain().device(t)
	d.Services = append(dead.Services, d.Services...)
	if got, err := d.Streams(t.Context(), testLogin(testUser, testPassword)); err != nil || len(got) != 3 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestAskAndPrint(t *testing.T) {
	two := plain()
	two.answers["GetProfiles"] = soap(`<trt:GetProfilesResponse>` + profileOf("a", "x", "H264", 1280, 720, 30, 0) + `</trt:GetProfilesResponse>`)
	devices := []Device{plain().device(t), two.device(t)}
	devices[0].Name, devices[0].Location = "Front door", "hall"
	results := Ask(t.Context(), devices, testUser, testPassword)
	refused := plain()
	results = append(results, Ask(t.Context(), []Device{refused.device(t)}, testUser, "wrong")...)
	var b strings.Builder
	if err := Print(&b, results); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"3 cameras", "\n" + devices[0].Address + "  Front door\n", "ACME Dome 5", "hall",
		"main  main   H264 1920×1080, 25 frames/s, 4096 kbit/s, sound G711  rtsp://127.0.0.1:554/Streaming/Profile_1",
		"refused the user name or password",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(b.String(), testPassword) || strings.Contains(b.String(), "wrong") {
		t.Error("the password is in it")
	}
	t.Log("\n" + b.String())

	b.Reset()
	if err := Print(&b, nil); err != nil || !strings.Contains(b.String(), "No camera answered") {
		t.Errorf("%q, %v", b.String(), err)
	}
	if err := Print(brokenWriter{}, results); err == nil {
		t.Error("a failed write is no error")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }

// TestHostile: whatever answers, it ends soon, takes little and leads nowhere.
func TestHostile(t *testing.T) {
	reached := make(chan string, 16)
	elsewhere := plain()
	host := elsewhere.serve(t, "127.0.0.2")
	for name, c := range map[string]struct {
		handle http.HandlerFunc
		want   error
		words  string
	}{
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}, ErrTooLarge, ""},
		"entities": {func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `<?xml version="1.0"?><!DOCTYPE z [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>`+
				soap(`<x>&b;&c;</x>`)[39:])
		}, ErrNotONVIF, ""},
		"deep": {func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `<Envelope><Body>`+strings.Repeat("<a>", 300_000))
		}, ErrNotONVIF, ""},
		"a web page": {func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `<!doctype html><title>Router</title>`)
		}, ErrNotONVIF, "not ONVIF"},
		"no such page": {func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, ErrNotONVIF, ""},
		"redirect elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+host+"/onvif/device_service", http.StatusTemporaryRedirect)
		}, ErrNotONVIF, "another address"},
		"redirect to a file": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		}, ErrNotONVIF, "another address"},
		"redirect in a ring": {func(w http.ResponseWriter, r *http.Request) {
			reached <- r.URL.Path
			http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
		}, ErrNotONVIF, "from one address to the next"},
		"hangs up": {func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, nil, "the camera hung up"},
		"great header": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
		}, nil, "asking the camera"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := at(t, c.handle).Streams(t.Context(), testLogin(testUser, testPassword))
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v, want %v %q", err, c.want, c.words)
			}
		})
	}
	if len(elsewhere.asked) > 0 {
		t.Errorf("it was led to another address, and asked %v", elsewhere.asked)
	}
	if n := len(reached); n > 5 {
		t.Errorf("%d redirects were followed", n)
	}
}

// at is a device that is not a camera.
func at(t *testing.T, handle http.HandlerFunc) Device {
	t.Helper()
	c := &camera{}
	host := c.serve(t, "127.0.0.1")
	c.server.Config.Handler = handle
	return Device{Address: host, Services: []string{"http://" + host + "/onvif/device_service"}, reach: reach{loopback: true}}
}

// TestSlow: a camera that says nothing, or a letter at a time, is given up.
func TestSlow(t *testing.T) {
	for name, handle := range map[string]http.HandlerFunc{
		"silent": func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"drip": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				fmt.Fprint(w, " ")
				w.(http.Flusher).Flush()
				time.Sleep(20 * time.Millisecond)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, err := at(t, func(w http.ResponseWriter, r *http.Request) {
				// So that the handler learns of the end: the body is read.
				_, _ = io.Copy(io.Discard, r.Body)
				handle(w, r)
			}).Streams(ctx, testLogin("", ""))
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "did not answer in time") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestSlowRecorder: what it has told until the time is over is not thrown away.
func TestSlowRecorder(t *testing.T) {
	c := plain()
	c.open = append(c.open, "GetProfiles", "GetStreamUri")
	d := c.device(t)
	told := 0
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if strings.Contains(string(body), "GetStreamUri") {
			if told++; told > 2 {
				cancel()
				<-r.Context().Done()
				return
			}
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		c.ServeHTTP(w, r)
	})
	got, err := d.Streams(ctx, testLogin("", ""))
	if err != nil || len(got) != 2 || got[0].Role != Main || got[1].Role != Sub {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestRedirectToItself: from one path to another, or to HTTPS, is fine.
func TestRedirectToItself(t *testing.T) {
	c := plain()
	c.token, c.digest = false, []string{`Digest realm="x", nonce="NONCE", qop="auth"`}
	d := c.device(t)
	c.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/new/") {
			http.Redirect(w, r, "/new"+r.URL.Path, http.StatusMovedPermanently)
			return
		}
		c.ServeHTTP(w, r)
	})
	if got, err := d.Streams(t.Context(), testLogin(testUser, testPassword)); err != nil || len(got) != 3 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestOnlyLocal: neither an address nor a name nor the camera leads to this
// machine or out of the network.
func TestOnlyLocal(t *testing.T) {
	c := plain()
	d := c.device(t)
	_, port, _ := strings.Cut(d.Address, ":")
	for _, service := range []string{
		"http://127.0.0.1:" + port, "http://localhost:" + port, "http://[::ffff:127.0.0.1]:" + port, "http://0.0.0.0:" + port,
		"http://203.0.113.1/onvif", "http://[2001:db8::1]/", "ftp://192.168.1.1/", "http://", "192.168.1.1", "http://user@/",
	} {
		d := Device{Services: []string{service}}
		_, err := d.Streams(t.Context(), testLogin("", ""))
		if err == nil {
			t.Errorf("%s was asked", service)
		}
		if strings.HasPrefix(service, "http://") && strings.HasSuffix(service, port) && !errors.Is(err, ErrNotLocal) {
			t.Errorf("%s: %v", service, err)
		}
	}
	if len(c.asked) > 0 {
		t.Errorf("it was asked %v", c.asked)
	}
	if _, err := (Device{}).Streams(t.Context(), testLogin("", "")); err == nil {
		t.Error("a device without an address was asked")
	}
}
