package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pairFile makes a file with a certificate and its key.
func pairFile(t *testing.T) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "pair.pem")
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Without a pair no web server would start.
func TestPair(t *testing.T) {
	one, other := pairFile(t), pairFile(t)
	empty, large := filepath.Join(t.TempDir(), "empty"), filepath.Join(t.TempDir(), "large")
	for path, size := range map[string]int{empty: 0, large: maxFileSize + 1} {
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	settings := func(cert, key string) string {
		return "config umbrella main\n option tls files\n option cert " + cert + "\n option key " + key + "\n"
	}
	load(t, settings(one, one))
	// Not used, not read.
	load(t, strings.Replace(settings(one, other), "files", "auto", 1))
	for _, c := range []struct{ cert, key, want string }{
		{one, other, "section 'main', option 'key' does not go with cert: tls: private key does not match public key"},
		{empty, one, "section 'main', option 'key' does not go with cert: tls: failed to find any PEM data in certificate input"},
		{one, empty, "section 'main', option 'key' does not go with cert: tls: failed to find any PEM data in key input"},
		{large, one, "section 'main', option 'cert' cannot be read: it is larger than 256 KiB"},
		{one, large, "section 'main', option 'key' cannot be read: it is larger than 256 KiB"},
	} {
		if lines := refuse(t, settings(c.cert, c.key)); len(lines) != 1 || !strings.HasSuffix(lines[0], c.want) {
			t.Errorf("got %q, want %q", lines, c.want)
		}
	}
}
