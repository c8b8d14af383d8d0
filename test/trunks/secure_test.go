package trunks

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/netns"
)

// By TLS with a CA of its own, which is pinned, and over IPv6: what a trunk costs
// that nobody uses, and who is turned down, with a sentence on both sides.
func TestSecureTrunk(t *testing.T) {
	w := newNetwork(t, 3)
	w.secure = true
	wan := w.link(0, 1)
	ap, cloud, stale := w.nodes[0], w.nodes[1], w.nodes[2]
	second := w.cable(0, 2)
	ca, cert, key := expired(t, w.dir, second.address6("b"))
	stale.main = "\toption tls 'files'\n\toption cert '" + cert + "'\n\toption key '" + key + "'\n"
	ap.dials = append(ap.dials, func() {
		pin := fingerprint(t, cloud.caFile())
		ap.backhaul("badsecret", wan.url(), "another-secret-than-theirs", "fingerprint", pin)
		ap.backhaul("badpin", wan.url(), secret, "fingerprint", strings.Repeat("ab", 32))
		ap.backhaul("unknown", wan.url(), secret)
		ap.backhaul("expired", second.url(), secret, "ca", ca)
	})
	w.start()
	far := cloud.people.report().status.NodeId
	var up *umbrellav1.TrunkLink
	netns.Eventually(t, 20*time.Second, "the trunk is up", func() bool {
		up = neighbour(ap.people.report().status, far)
		return up != nil
	})
	if !strings.HasPrefix(up.Media, "udp [fd88:") {
		t.Errorf("media goes by %s", up.Media)
	}
	for section, sentence := range map[string]string{
		"badsecret": "the secret is not that of any trunk here: write the same secret on both nodes",
		"badpin":    "if it was renewed, write the new one there; if not, somebody stands between the nodes",
		"unknown":   "is signed by nobody whom this machine knows: set ca to the file of its CA, or fingerprint",
		"expired":   "renew it there, or set the clock",
	} {
		problem := ""
		netns.Eventually(t, 20*time.Second, section+" is refused", func() bool {
			for _, s := range ap.people.report().status.Trunks {
				if s.Name == section {
					problem = s.Problem
				}
			}
			return problem != ""
		})
		t.Logf("%s: %s", section, problem)
		if !strings.Contains(problem, sentence) {
			t.Errorf("%s: %s", section, problem)
		}
	}
	const update = "speaks version 0 of the trunk protocol"
	if r := ap.people.ask(order{Old: wan.url()}); !strings.Contains(r.Answer, update) || !strings.Contains(r.Answer, "update the older one") {
		t.Errorf("an old node is told %q", r.Answer)
	}
	told := map[string]bool{}
	for _, r := range cloud.people.report().status.RefusedTrunks {
		told[r.Problem] = true
	}
	for _, sentence := range []string{"write the same secret on both nodes", update} {
		found := false
		for problem := range told {
			found = found || strings.Contains(problem, sentence)
		}
		if !found {
			t.Errorf("the other side does not say %q: %v", sentence, told)
		}
	}
	if neighbour(ap.people.report().status, stale.people.report().status.NodeId) != nil {
		t.Error("the trunk with the expired certificate is up")
	}
}

// What a trunk that nobody uses costs, by TLS and over IPv6.
func TestIdleSecureTrunk(t *testing.T) {
	w := newNetwork(t, 2)
	w.secure = true
	wan := w.link(0, 1)
	w.start()
	w.nodes[0].people.join("Ada", false)
	netns.Eventually(t, 20*time.Second, "Ada is seen", func() bool {
		return len(reached(w.nodes[1].people.report().status, w.nodes[0].people.report().status.NodeId)) == 1
	})
	time.Sleep(5 * time.Second) // the nodes look for their names by multicast at first
	got := 8 * rate(wan.bytes, 6*time.Second)
	t.Logf("nobody watches: %.0f bit/s cross", got)
	if got > 10_000 {
		t.Errorf("%.0f bit/s cross though nobody watches", got)
	}
}

// expired makes a CA and a certificate for an address that has ended.
func expired(t *testing.T, dir, address string) (ca, cert, key string) {
	t.Helper()
	file := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	must := func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a CA"}, NotBefore: time.Now().AddDate(-2, 0, 0),
		NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: address}, IPAddresses: []net.IP{net.ParseIP(address)},
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(0, 0, -3), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	ca = file("stale-ca.crt", "CERTIFICATE", must(x509.CreateCertificate(rand.Reader, root, root, private.Public(), private)))
	cert = file("stale.crt", "CERTIFICATE", must(x509.CreateCertificate(rand.Reader, leaf, root, private.Public(), private)))
	key = file("stale.key", "PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(private)))
	return ca, cert, key
}
