package access

import (
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
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"umbrella/internal/state"
)

// Files in the state directory.
const (
	caCertFile = state.CACert
	caKeyFile  = state.CAKey
	certFile   = state.ServerCert
	keyFile    = state.ServerKey
)

const (
	caLife   = 10 * 365 * 24 * time.Hour
	leafLife = 397 * 24 * time.Hour // what Apple's systems take at most is 398
	// renewBefore is how long before its end a certificate is made anew.
	renewBefore = 30 * 24 * time.Hour
	// leafBackdate lets a client whose clock is slow take the certificate, and one made
	// by a router whose clock was fast. What the leaf has before now it lacks after,
	// where it serves a router whose clock is slow: one without the internet loses the
	// time that it is switched off.
	leafBackdate = 190 * 24 * time.Hour
)

// caBegin is since when a CA holds, whatever the clock shows that makes it: it may be years
// ahead, and people trust the CA for longer than that.
func caBegin() time.Time { return time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC) }

// authority is the node's own CA: made once, kept in the state directory.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// openAuthority reads the CA, or makes one where there is none. Files that are
// there and cannot be used are not overwritten: people may trust that CA.
func openAuthority(dir, host string, now time.Time) (*authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	certPEM, err := os.ReadFile(filepath.Join(dir, caCertFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return newAuthority(dir, host, now)
	case err != nil:
		return nil, err
	}
	cert, err := parseCertificate(certPEM)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; remove it to make a new CA", filepath.Join(dir, caCertFile), err)
	}
	if cert.IsCA && (!now.Before(cert.NotAfter.Add(-renewBefore)) || now.Before(cert.NotBefore)) {
		// Who trusted it has to trust a new one; better than none. Before its key
		// is looked at: a crash in newAuthority leaves this one with the new key.
		return newAuthority(dir, host, now)
	}
	key, err := readKey(filepath.Join(dir, caKeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is there without its key %s: put that back, or remove both to make a new CA",
			filepath.Join(dir, caCertFile), caKeyFile)
	}
	if err != nil {
		return nil, fmt.Errorf("%w; remove it and %s to make a new CA", err, caCertFile)
	}
	if !key.PublicKey.Equal(cert.PublicKey) || !cert.IsCA {
		return nil, fmt.Errorf("%s and %s in %s do not belong together: remove both to make a new CA", caCertFile, caKeyFile, dir)
	}
	return &authority{cert, key}, nil
}

func newAuthority(dir, host string, now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: "Umbrella CA of " + host, Organization: []string{"Umbrella"}},
		NotBefore:    caBegin(), NotAfter: now.Add(caLife),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:     true, BasicConstraintsValid: true, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	// The key first: a crash in between leaves a key that no certificate names,
	// and the next start makes both anew.
	if err := writeKey(filepath.Join(dir, caKeyFile), key); err != nil {
		return nil, err
	}
	if err := writeCertificates(filepath.Join(dir, caCertFile), der); err != nil {
		return nil, err
	}
	return &authority{cert, key}, nil
}

// fingerprint is the SHA-256 of the CA's certificate, as systems show it.
func (a *authority) fingerprint() string {
	sum := sha256.Sum256(a.cert.Raw)
	h := strings.ToUpper(hex.EncodeToString(sum[:]))
	var parts []string
	for i := 0; i < len(h); i += 2 {
		parts = append(parts, h[i:i+2])
	}
	return strings.Join(parts, ":")
}

// leaf returns the server's certificate: the one in the state directory if it
// is for just these names and lasts, else a new one.
func (a *authority) leaf(dir string, names []string, now time.Time) (*tls.Certificate, error) {
	if c := a.keptLeaf(dir, names, now); c != nil {
		return c, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	end := now.Add(leafLife - leafBackdate)
	if a.cert.NotAfter.Before(end) {
		end = a.cert.NotAfter
	}
	t := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: names[0]},
		NotBefore:    end.Add(-leafLife), NotAfter: end,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if err := writeKey(filepath.Join(dir, keyFile), key); err != nil {
		return nil, err
	}
	if err := writeCertificates(filepath.Join(dir, certFile), der, a.cert.Raw); err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: parsed}, nil
}

// keptLeaf is nil where the kept certificate is missing, broken, of another
// CA, for other names, or about to end: then a new one costs nothing, since
// nobody trusts it but through the CA.
func (a *authority) keptLeaf(dir string, names []string, now time.Time) *tls.Certificate {
	c, err := tls.LoadX509KeyPair(filepath.Join(dir, certFile), filepath.Join(dir, keyFile))
	if err != nil || c.Leaf == nil || c.Leaf.CheckSignatureFrom(a.cert) != nil {
		return nil
	}
	if !a.lasts(c.Leaf, now) {
		return nil
	}
	has := slices.Clone(c.Leaf.DNSNames)
	for _, ip := range c.Leaf.IPAddresses {
		has = append(has, ip.String())
	}
	want := slices.Clone(names)
	slices.Sort(has)
	slices.Sort(want)
	if !slices.Equal(has, want) {
		return nil
	}
	return &c
}

// lasts tells that a certificate need not be made anew: it holds, and will for
// a while, or ends with the CA, so that a new one would end no later.
func (a *authority) lasts(leaf *x509.Certificate, now time.Time) bool {
	if now.Before(leaf.NotBefore) {
		return false
	}
	return now.Before(leaf.NotAfter.Add(-renewBefore)) || !leaf.NotAfter.Before(a.cert.NotAfter)
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return n
}

func parseCertificate(b []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(b)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("not a certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

func readKey(path string) (*ecdsa.PrivateKey, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%s: not a key in PEM", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: not an ECDSA key", path)
	}
	return ec, nil
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return state.Write(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func writeCertificates(path string, ders ...[]byte) error {
	var b []byte
	for _, der := range ders {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return state.Write(path, b)
}
