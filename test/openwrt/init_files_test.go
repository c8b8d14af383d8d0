package openwrt

import (
	"crypto/ecdsa"
	"crypto/ed25519"
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

// publicKey is one of Ed25519, in PEM.
func publicKey(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// Only certificates and keys are lent, of root's files: whoever may change the settings
// cannot have the node's user read others.
func testForeignFiles(t *testing.T, d *device) {
	cert, key := pair(t)
	other, otherKey := pair(t)
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		d.write(path, text)
		return path
	}
	const shadow = "root:$1$secret$hash:19000:0:99999:7:::\n"
	trunk := func(ca string) string {
		return "\nconfig backhaul 'cloud'\n\toption url 'wss://cloud.example.org/wsb'\n\toption ca '" + ca + "'\n"
	}
	tls := func(cert, key string) string {
		return "\toption tls 'files'\n\toption cert '" + cert + "'\n\toption key '" + key + "'\n"
	}
	tokens := func(key string) string { return "\toption token_key '" + key + "'\n" }
	good := file("good", cert)
	link := filepath.Join(dir, "link")
	if err := os.Symlink(good, link); err != nil {
		t.Fatal(err)
	}
	combined := file("combined", shadow+strings.ReplaceAll(cert, "\n", "\r\n")+shadow+key+shadow)

	// all is every file that is lent.
	all := func() string {
		text := ""
		for _, name := range list(t, filepath.Join(d.run, "lent")) {
			text += d.read(filepath.Join(d.run, "lent", name))
		}
		return text
	}
	for name, c := range map[string]struct{ settings, want string }{
		"a file with more in it": {tls(combined, combined), ""},
		"by a link":              {trunk(link), ""},
		"several certificates":   {trunk(file("two", cert+other)), ""},

		"passwords":                 {tokens(file("shadow", shadow)), "there is no public key in PEM"},
		"passwords for a CA":        {trunk(file("shadow", shadow)), "there is no certificate in PEM"},
		"a private key for a CA":    {trunk(file("private", otherKey)), "there is no certificate in PEM"},
		"a private key for another": {tokens(file("private", otherKey)), "there is no public key in PEM"},
		"a certificate for a key":   {tokens(file("cert", other)), "there is no public key in PEM"},
		"a key of SSH":              {tokens(file("ssh", strings.ReplaceAll(otherKey, "PRIVATE KEY", "OPENSSH PRIVATE KEY"))), "there is no public key in PEM"},
		"a file that is empty":      {tokens(file("empty", "")), "there is no public key in PEM"},
	} {
		d.running = false
		if err := os.RemoveAll(d.run); err != nil {
			t.Fatal(err)
		}
		d.settings(validSettings + c.settings)
		got, err := d.do("start")
		if (err == nil) != (c.want == "") || c.want != "" && (!strings.Contains(d.refused(), c.want) || all() != "") {
			t.Errorf("%s: %v, %q, %q, lent: %q", name, err, got, d.refused(), all())
		}
		if strings.Contains(all(), "secret") || c.want == "" && !strings.Contains(all(), cert) {
			t.Errorf("%s: lent is %q", name, all())
		}
	}

	if os.Getuid() != 0 {
		return // as nobody else can give files away
	}
	const nobody = 65534
	for name, theirs := range map[string]func(path string) string{
		"a file of somebody's":         func(path string) string { return path },
		"in a directory of somebody's": filepath.Dir,
	} {
		if err := os.RemoveAll(d.run); err != nil {
			t.Fatal(err)
		}
		home := t.TempDir()
		path := filepath.Join(home, "ca.pem")
		d.write(path, cert)
		if err := os.Chown(theirs(path), nobody, nobody); err != nil {
			t.Fatal(err)
		}
		for _, at := range []string{path, filepath.Join(dir, "to-"+filepath.Base(home))} {
			if at != path {
				if err := os.Symlink(path, at); err != nil {
					t.Fatal(err)
				}
			}
			d.settings(validSettings + trunk(at))
			if got, err := d.do("start"); err == nil || !strings.Contains(d.refused(), "it has to be root's") || all() != "" {
				t.Errorf("%s, at %s: %v, %q, %q", name, at, err, got, d.refused())
			}
		}
	}
}

// Files that settings name are lent to the node's user.
func testFiles(t *testing.T, d *device) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	certs := map[string]string{"token_key": publicKey(t)}
	certs["ca"], _ = pair(t)
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
}

// Where the preparation itself fails, as when there is no memory for it, what runs goes
// on as it is registered.
func testPreparationFails(t *testing.T, d *device) {
	d.started("\toption media_port '9000'\n")
	good := d.read(d.prog)
	for name, text := range map[string]string{"killed": "#!/bin/sh\nexit 137\n", "a crash": "#!/bin/sh\nexit 2\n"} {
		d.write(d.prog, text)
		got, err := d.do("reload")
		if err == nil || len(onlyWith(got, "procd_open_instance")) != 1 || !slices.Contains(got, "json_add_string [dest_port] [9000]") ||
			!slices.Contains(got, "logger [-t] [umbrella] [-p] [daemon.err] [umbrellad prepare failed]") || slices.Contains(got, "procd_set_config_changed [firewall]") {
			t.Errorf("%s: %v, %q", name, err, got)
		}
	}
	d.write(d.prog, good)
	if got, err := d.do("reload"); err != nil || !slices.Contains(got, asked) {
		t.Errorf("%v, %q", err, got)
	}
}
