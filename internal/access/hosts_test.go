package access

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCheckHost(t *testing.T) {
	a, err := newAuthority(t.TempDir(), "x", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	files := t.TempDir()
	if _, err := a.leaf(files, []string{"*.wild.example", "one.example"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	c := newMachine().certificates(t.TempDir())
	c.CertFile, c.KeyFile = filepath.Join(files, certFile), filepath.Join(files, keyFile)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	machine, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	g := &Gate{}
	g.SetTrustedProxies(prefixes("10.0.0.1/32"))
	g.SetHosts([]string{"Call.example", "203.0.113.9", "ap.example:8081", ":8081"})
	for host, ok := range map[string]bool{
		"": true, "localhost": true, "x.localhost:1": true, machine: true, "127.0.0.1:8081": true, "192.0.2.77": true, "[2001:db8::1]": true,
		"[2001:db8::1]:8081": true, "[fe80::1%25eth0]:8081": true, "call.example": true, "CALL.example.:443": true, "ap.example": true,
		"one.example": true, "a.wild.example:8081": true,

		"evil.example": false, "call.example.evil.example": false, "evilcall.example": false, "wild.example": false, "a.b.wild.example": false,
		"localhost.evil.example": false, "127.0.0.1.evil.example": false, "0x7f000001": false, "2130706433": false, "127.1": false, "call.example..": false,
		"call": false, "a;b": false, "ap.example%.evil.example": false, machine + ".evil.example": false, strings.Repeat("a", 4096): false,
	} {
		r := request("192.168.1.20:1")
		r.Host = host
		err := g.CheckHost(r, c)
		if (err == nil) != ok || err != nil && (!errors.Is(err, ErrHost) || len(err.Error()) > 400) {
			t.Errorf("%.100q: %v", host, err)
		}
		r.RemoteAddr = "10.0.0.1:1"
		if err := g.CheckHost(r, c); (err == nil) != ok {
			t.Errorf("%.100q, by a proxy that does not say so: %v", host, err)
		}
		r.Header.Set("X-Forwarded-For", "192.168.1.20")
		if err := g.CheckHost(r, c); err != nil {
			t.Errorf("%.100q, by a proxy: %v", host, err)
		}
		r.RemoteAddr = "192.168.1.20:1"
		if err := g.CheckHost(r, c); (err == nil) != ok {
			t.Errorf("%.100q, by one that is not trusted: %v", host, err)
		}
	}
	// Without TLS there is no certificate.
	r := request("192.168.1.20:1")
	r.Host = "one.example"
	if err := g.CheckHost(r, nil); !errors.Is(err, ErrHost) {
		t.Errorf("the name of a certificate that is not used: %v", err)
	}
}

func TestMachineNames(t *testing.T) {
	for name, want := range map[string][]string{
		"OpenWrt": {"openwrt", "openwrt.lan", "openwrt.local", "localhost"}, "ap.example.org": {"ap.example.org", "localhost"},
		"": {"localhost"}, "a b": {"localhost"},
	} {
		if got := machineNames(name); !slices.Equal(got, want) {
			t.Errorf("%q: %q", name, got)
		}
	}
}

// A page of another site gets no picture, whether the browser says where the request
// is from, or only the page's address, or its origin.
func TestCheckEmbed(t *testing.T) {
	const host = "ap.lan:8081"
	for name, c := range map[string]struct {
		headers []string
		ok      bool
	}{
		"a program":                    {nil, true},
		"typed":                        {[]string{"Sec-Fetch-Site", "none"}, true},
		"a page of the node":           {[]string{"Sec-Fetch-Site", "same-origin", "Referer", "http://ap.lan:8081/status"}, true},
		"over HTTP":                    {[]string{"Referer", "http://ap.lan:8081/"}, true},
		"another site":                 {[]string{"Sec-Fetch-Site", "cross-site"}, false},
		"another port":                 {[]string{"Sec-Fetch-Site", "same-site"}, false},
		"what is not known":            {[]string{"Sec-Fetch-Site", "x"}, false},
		"another site over HTTP":       {[]string{"Referer", "http://evil.example/"}, false},
		"another port over HTTP":       {[]string{"Referer", "http://ap.lan/"}, false},
		"a Referer that is none":       {[]string{"Referer", "ap.lan:8081"}, false},
		"another origin":               {[]string{"Origin", "http://evil.example"}, false},
		"another site that hides it":   {[]string{"Sec-Fetch-Site", "cross-site", "Referer", "http://ap.lan:8081/"}, false},
		"another origin that hides it": {[]string{"Origin", "null", "Sec-Fetch-Site", "same-origin"}, false},
	} {
		r := request("192.168.1.20:1", c.headers...)
		r.Host = host
		if err := (&Gate{}).CheckEmbed(r); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrOrigin) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
