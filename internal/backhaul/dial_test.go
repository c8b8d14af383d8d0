package backhaul

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"umbrella/internal/config"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// issue makes a certificate for 127.0.0.1, signed by parent or by itself.
func issue(t *testing.T, until time.Time, parent *tls.Certificate) *tls.Certificate {
	t.Helper()
	return issueFor(t, net.IPv4(127, 0, 0, 1), until, parent)
}

func issueFor(t *testing.T, ip net.IP, until time.Time, parent *tls.Certificate) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{ip}, BasicConstraintsValid: true, IsCA: parent == nil,
	}
	signer, by := template, any(key)
	if parent != nil {
		signer, by = parent.Leaf, parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	c := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
	if parent != nil {
		c.Certificate = append(c.Certificate, parent.Certificate[0])
	}
	return c
}

func pin(c *tls.Certificate) string {
	sum := sha256.Sum256(c.Leaf.Raw)
	return hex.EncodeToString(sum[:])
}

func TestCertificates(t *testing.T) {
	later, earlier := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	ca := issue(t, later, nil)
	good, expired := issue(t, later, ca), issue(t, earlier, ca)
	elsewhere := issueFor(t, net.IPv4(127, 0, 0, 9), later, ca)
	file := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Leaf.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/wsb":
			if ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{Subprotocol}}); err == nil {
				_ = ws.CloseNow()
			}
		case "/other/wsb":
			if ws, err := websocket.Accept(w, r, nil); err == nil {
				_ = ws.CloseNow()
			}
		case "/moved/wsb":
			http.Redirect(w, r, "/wsb", http.StatusFound)
		case "/none/wsb":
			http.Error(w, "add a backhaul\x1b[2J\nwith a secret "+strings.Repeat("!", 2000), http.StatusForbidden)
		case "/page/wsb":
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<html>a page</html>")
		default:
			http.NotFound(w, r)
		}
	})
	for _, c := range []struct {
		name        string
		certificate *tls.Certificate // nil: no TLS
		cfg         config.Backhaul
		path        string
		says        string // "" is success
	}{
		{"ca", good, config.Backhaul{CA: file}, "", ""},
		{"pin", good, config.Backhaul{Fingerprint: pin(good)}, "", ""},
		{"pin of the CA", good, config.Backhaul{Fingerprint: pin(ca)}, "", ""},
		{"the CA's pin, for another address", elsewhere, config.Backhaul{Fingerprint: pin(ca)}, "", "is for another name"},
		{"pin, for another address", elsewhere, config.Backhaul{Fingerprint: pin(elsewhere)}, "", ""},
		{"nobody knows it", good, config.Backhaul{}, "", "set ca to the file of its CA, or fingerprint"},
		{"another pin", good, config.Backhaul{Fingerprint: strings.Repeat("ab", 32)}, "", "if it was renewed, write the new one"},
		{"expired", expired, config.Backhaul{CA: file}, "", "renew it there, or set the clock"},
		{"expired, with a pin", expired, config.Backhaul{Fingerprint: pin(expired)}, "", "renew it there"},
		{"expired, with the CA's pin", expired, config.Backhaul{Fingerprint: pin(ca)}, "", "renew it there"},
		{"no such file", good, config.Backhaul{CA: "/nonexistent"}, "", "ca: open /nonexistent"},
		{"no TLS there", nil, config.Backhaul{CA: file}, "", "does not speak TLS"},
		{"another server", good, config.Backhaul{CA: file}, "/other", "does not speak " + Subprotocol},
		{"a redirection", good, config.Backhaul{CA: file}, "/moved", "write the address that it leads to"},
		{"it says why", good, config.Backhaul{CA: file}, "/none", "answers 403 Forbidden: add a backhaul[2J with a secret !!!"},
		{"a page", good, config.Backhaul{CA: file}, "/page", "answers 403 Forbidden"},
		{"another prefix", good, config.Backhaul{CA: file}, "/prefix", "check the prefix"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(handler)
			server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that hang up are meant
			if c.certificate != nil {
				server.TLS = &tls.Config{Certificates: []tls.Certificate{*c.certificate}}
				server.StartTLS()
			} else {
				server.Start()
			}
			defer server.Close()
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			c.cfg.URL = "wss://" + server.Listener.Addr().String() + c.path + "/wsb"
			ws, err := dial(ctx, c.cfg)
			if err == nil {
				_ = ws.CloseNow()
			}
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if err != nil && (len(err.Error()) > 500 || strings.ContainsAny(err.Error(), "<\x1b\n")) {
				t.Errorf("shown: %q", err)
			}
		})
	}
}

func TestRetriesSlowDown(t *testing.T) {
	reason := func(r umbrellav1.TrunkRefusal_Reason) error { return fmt.Errorf("the trunk: %w", refuse(r, "no")) }
	for name, c := range map[string]struct {
		err         error
		first, most time.Duration
	}{
		"no link":             {errSilent, retryFirst, time.Second},
		"another certificate": {&wrongAnswer{errors.New("pin")}, retryFirst, retryWrong},
		"it restarts":         {reason(umbrellav1.TrunkRefusal_REASON_CLOSED), retryFirst, time.Second},
		"a wrong secret":      {reason(umbrellav1.TrunkRefusal_REASON_WRONG_SECRET), retryRefused, retryRefused},
		"an old version":      {reason(umbrellav1.TrunkRefusal_REASON_WRONG_VERSION), retryRefused, retryRefused},
		"itself":              {reason(umbrellav1.TrunkRefusal_REASON_SELF), retryRefused, retryRefused},
		"too many nodes":      {reason(umbrellav1.TrunkRefusal_REASON_FULL), retryRefused, retryRefused},
		"two of one trunk":    {reason(umbrellav1.TrunkRefusal_REASON_REPLACED), retryRefused, retryRefused},
		"a reason to come":    {reason(1000), retryRefused, retryRefused},
	} {
		for tries := range 100 {
			d := retryIn(tries, c.err)
			if d < c.first/2 || d > c.most {
				t.Errorf("%s, after %d tries: %v", name, tries, d)
			}
			if tries > 10 && d < c.most/2 {
				t.Errorf("%s, after %d tries: %v", name, tries, d)
			}
		}
	}
}
