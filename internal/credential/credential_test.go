package credential

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
)

func at(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestPlaces: who gets what.
func TestPlaces(t *testing.T) {
	const digest, basic = `Digest realm="x", nonce="1"`, `Basic realm="x"`
	for _, c := range []struct {
		named, and, to string
		digest, basic  error // of a peer that takes only this
		redirected     bool
	}{
		{named: "rtsp://u:p@cam.lan/x", to: "rtsp://CAM.lan.:554/y"},
		{named: "rtsp://u:p@cam.lan/x", to: "rtsp://cam.lan/y", redirected: true, basic: ErrBasic},
		{named: "rtsp://u:p@cam.lan/x", to: "rtsp://cam.lan:8554/y", basic: ErrBasic},
		{named: "rtsp://u:p@cam.lan/x", to: "rtsps://cam.lan:554/y", basic: ErrBasic},
		{named: "rtsps://u:p@cam.lan/x", to: "rtsp://cam.lan:322/y", basic: ErrBasic},
		{named: "rtsp://u:p@cam.lan:80/x", to: "http://cam.lan/y", basic: ErrBasic},
		{named: "rtsp://u:p@cam.lan/x", to: "http://cam.lan/y", basic: ErrBasic},
		{named: "rtsp://u:p@cam.lan/x", and: "http://cam.lan:8080/onvif", to: "http://cam.lan:8080/y"},
		{named: "rtsp://u:p@cam.lan/x", and: "http://cam.lan:8080/onvif", to: "https://cam.lan:8080/y", basic: ErrBasic},
		{named: "rtsp://u:p@cam.lan/x", and: "http://nvr.lan/onvif", to: "http://nvr.lan:80/y"},
		{named: "rtsp://u:p@cam.lan/x", to: "rtsp://cam/y", digest: ErrOtherHost, basic: ErrOtherHost},
		{named: "rtsp://u:p@cam.lan/x", to: "rtsp://cam.lan.evil/y", digest: ErrOtherHost, basic: ErrOtherHost},
		{named: "rtsp://u:p@10.0.0.1/x", to: "rtsp://10.0.0.11/y", digest: ErrOtherHost, basic: ErrOtherHost},
		{named: "rtsp://u:p@10.0.0.1/x", to: "rtsp://[::ffff:10.0.0.1]:554/y"},
		{named: "rtsp://u:p@[fe80::1%25lan]/x", to: "rtsp://[fe80::1%25lan]/y"},
		{named: "rtsp://u:p@[fe80::1%25lan]/x", to: "rtsp://[fe80::1%25wan]/y", digest: ErrOtherHost, basic: ErrOtherHost},
		{named: "rtsp://cam.lan/x", to: "rtsp://cam.lan/x", digest: ErrNone, basic: ErrNone},
		{named: "rtsp://u:p@/x", to: "rtsp:///x", digest: ErrOtherHost, basic: ErrOtherHost},
	} {
		l := FromURL(c.named)
		if c.and != "" {
			l = l.And(c.and)
		}
		for challenge, want := range map[string]error{digest: c.digest, basic: c.basic} {
			s, err := l.Answer(at(t, c.to), []string{challenge}, c.redirected)
			if !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("%s and %q to %s, %q: %v, want %v", c.named, c.and, c.to, challenge, err, want)
				continue
			}
			if got := ""; err == nil {
				if got = s.Authorization("GET", "/"); !strings.HasPrefix(got, challenge[:5]) {
					t.Errorf("%q is answered %q", challenge, got)
				}
			}
		}
		if _, _, err := l.PasswordDigest(at(t, c.to), nil, ""); !errors.Is(err, c.digest) {
			t.Errorf("%s to %s, WS-Security: %v", c.named, c.to, err)
		}
		// A peer that takes both gets no password in clear text.
		if s, err := l.Answer(at(t, c.to), []string{basic, digest}, c.redirected); err == nil && !strings.HasPrefix(s.Authorization("GET", "/"), "Digest ") {
			t.Errorf("%s to %s: Basic although there is Digest", c.named, c.to)
		}
	}
	if _, err := FromURL("rtsp://u:p@cam/").Answer(at(t, "rtsp://cam/"), []string{"Negotiate"}, false); !errors.Is(err, ErrUnknown) {
		t.Errorf("Negotiate: %v", err)
	}
	if _, err := FromURL("rtsp://u:p@cam/").Answer(at(t, "rtsp://cam/"), []string{`Digest realm="x", nonce="1", qop="auth-int"`}, false); !errors.Is(err, ErrIntegrity) {
		t.Errorf("auth-int: %v", err)
	}
	found := ForHost("u", "p", "10.0.0.1")
	for to, want := range map[string]error{"http://10.0.0.1/": ErrBasic, "http://10.0.0.2/": ErrOtherHost} {
		if _, err := found.Answer(at(t, to), []string{basic}, false); !errors.Is(err, want) {
			t.Errorf("found, to %s: %v", to, err)
		}
	}
}

// TestHidden: nothing that prints a credential shows it.
func TestHidden(t *testing.T) {
	c := FromURL("rtsp://hunter1:hunter2@cam/")
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "c", c)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "c", c)
	text := b.String() + fmt.Sprint(c) + fmt.Sprintf("%v %+v %#v %s", c, c, c, c)
	if strings.Contains(text, "hunter") {
		t.Error(text)
	}
}

func TestFromURL(t *testing.T) {
	for stream, want := range map[string]string{
		"rtsp://admin:p%40ss@cam/x": "admin p@ss", "rtsp://admin:a@b@cam/x@y": "admin a@b", "rtsp://cam/x@y": " ", "rtsp://admin@cam": "admin ", "": " ",
	} {
		c := FromURL(stream)
		if got := c.user + " " + c.password; got != want {
			t.Errorf("%s: %q", stream, got)
		}
	}
	for password, valid := range map[string]bool{"x": true, "a\nb": false, strings.Repeat("x", 600): false} {
		if ForHost("u", password, "h").Valid() != valid {
			t.Errorf("%q", password)
		}
	}
}

// TestNothingIsInjected: a challenge cannot put lines into what answers it.
func TestNothingIsInjected(t *testing.T) {
	for _, line := range []string{
		"Digest realm=\"a\nX: y\", nonce=\"1\"", "Digest realm=a, nonce=\"\r\n\"", "Digest realm=\"x\", nonce=\"" + strings.Repeat("x", maxParameters) + "\"",
	} {
		if _, err := FromURL("rtsp://u:p@cam/").Answer(at(t, "rtsp://cam/"), []string{line}, false); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %v", line, err)
		}
	}
}
