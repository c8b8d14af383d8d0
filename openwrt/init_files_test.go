package openwrt

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"umbrella/internal/config"
)

// pair makes a certificate and its key, in PEM.
func pair(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"ap.example.org"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

// Files that settings name are lent to the node's user.
func testFiles(t *testing.T, d *device) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	certs := map[string]string{"ca": "the ca", "token_key": "the token_key"}
	certs["cert"], certs["key"] = pair(t)
	for name, text := range certs {
		d.write(path(name), text)
	}
	for _, o := range config.Options() {
		if o.Allowed == "the path of a file that is there" && certs[o.Name] == "" {
			t.Errorf("%s of %s names a file that is not lent", o.Name, o.Section)
		}
	}
	files := "\toption tls 'files'\n\toption cert '" + path("cert") + "'\n\toption key '" + path("key") +
		"'\n\toption token_key '" + path("token_key") +
		"'\n\nconfig backhaul 'cloud'\n\toption url 'wss://cloud.example.org/wsb'\n\toption ca '" + path("ca") + "'\n" +
		"\nconfig backhaul 'other'\n\toption url 'wss://other.example.org/wsb'" +
		"\nconfig backhaul 'off'\n\toption enabled 'no'\n\toption url 'wss://off.example.org/wsb'\n\toption ca '/nowhere/ca.pem'"
	d.started(files)
	lent := func() *config.Config {
		t.Helper()
		cfg := load(t, d.read(filepath.Join(d.run, "umbrella")))
		for _, c := range []struct{ name, path string }{
			{"cert", cfg.Main.Cert}, {"key", cfg.Main.Key}, {"token_key", cfg.Main.TokenKey}, {"ca", cfg.Backhauls[0].CA},
		} {
			if !strings.HasPrefix(c.path, filepath.Join(d.run, "lent")) || d.read(c.path) != d.read(path(c.name)) {
				t.Errorf("%s: the node reads %s", c.name, c.path)
				continue
			}
			if info, err := os.Stat(c.path); err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("%v, %v", info, err)
			}
		}
		if cfg.Backhauls[1].CA != "" {
			t.Errorf("%+v", cfg.Backhauls)
		}
		if n := len(list(t, filepath.Join(d.run, "lent"))); n != 4 {
			t.Errorf("%d files are lent, want 4", n)
		}
		return cfg
	}
	lent()

	renew := func() {
		certs["cert"], certs["key"] = pair(t)
		d.write(path("cert"), certs["cert"])
		d.write(path("key"), certs["key"])
	}
	renew()
	if got, err := d.do("reload"); err != nil || !slices.Contains(got, asked) {
		t.Error(err, got)
	}
	lent()
	// Whatever is wrong in settings that came later.
	renew()
	d.settings(invalidSettings)
	if got, err := d.do("reload"); err != nil || !slices.Contains(got, asked) || !strings.Contains(d.refused(), "media_port") {
		t.Error(err, got, d.refused())
	}
	before := lent()
	// But not half of it.
	_, key := pair(t)
	d.write(path("key"), key)
	if got, err := d.do("reload"); err != nil || slices.Contains(got, asked) {
		t.Error(err, got)
	}
	if after := load(t, d.read(filepath.Join(d.run, "umbrella"))); after.Main.Key != before.Main.Key {
		t.Error("a key was lent that is not of the certificate")
	}
	d.settings(validSettings + files)
	if got, err := d.do("reload"); err != nil || slices.Contains(got, asked) || !strings.Contains(d.refused(), "option 'key'") {
		t.Error(err, got, d.refused())
	}

	// A file that is not named any more does not stay.
	d.settings(validSettings)
	if got, err := d.do("reload"); err != nil || len(list(t, filepath.Join(d.run, "lent"))) > 0 {
		t.Error(err, got, list(t, filepath.Join(d.run, "lent")))
	}
}

// What cannot be copied is named; a trunk that is not used needs nothing.
func testMissingCA(t *testing.T, d *device) {
	trunk := "\nconfig backhaul 'cloud'\n\toption url 'wss://cloud.example.org/wsb'\n\toption ca '/nowhere/ca.pem'\n"
	d.settings(validSettings + trunk + "\toption enabled '0'\n")
	if got, err := d.do("start"); err != nil || len(onlyWith(got, "logger")) > 0 {
		t.Errorf("not enabled: %v, %q", err, got)
	}
	d.settings(validSettings + trunk)
	if got, err := d.do("start"); err != nil || !slices.Contains(got, goesOn) || !strings.HasPrefix(d.refused(),
		"/etc/config/umbrella: section 'cloud', option 'ca': '/nowhere/ca.pem'") {
		t.Errorf("enabled: %v, %q, %q", err, got, d.refused())
	}
	// Gone since it was checked.
	d.write(d.prog, "#!/bin/sh\n")
	if got, err := d.do("start"); err != nil || !slices.Contains(got, goesOn) ||
		d.refused() != "/etc/config/umbrella: section 'cloud', option 'ca': '/nowhere/ca.pem' cannot be copied\n" {
		t.Errorf("gone: %v, %q, %q", err, got, d.refused())
	}
}
