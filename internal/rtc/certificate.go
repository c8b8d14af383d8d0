package rtc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"time"

	"github.com/pion/webrtc/v4"
)

// Identity is the certificate of all DTLS handshakes: making one costs a small
// machine more than the rest of a join.
type Identity struct {
	certificate tls.Certificate
	webrtc      webrtc.Certificate
	fingerprint [sha256.Size]byte
}

// newIdentity makes one. Peers know it by its fingerprint (RFC 8827 §5), and
// its dates mean nothing to them; they are wide because an access point that
// has just started may think that it is another year.
func newIdentity() (*Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "umbrella"},
		NotBefore:    time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Identity{
		certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: parsed},
		webrtc:      webrtc.CertificateFromX509(key, parsed),
		fingerprint: sha256.Sum256(der),
	}, nil
}

// Fingerprint is the SHA-256 of the certificate.
func (i *Identity) Fingerprint() []byte { return slices.Clone(i.fingerprint[:]) }
