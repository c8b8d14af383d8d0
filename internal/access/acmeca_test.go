package access

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
)

// testCA is a CA that speaks as much of RFC 8555 as is needed, and looks at the
// proofs as a real one does: over the network, by the name.
type testCA struct {
	*httptest.Server
	t *testing.T
	// dial connects to a port of a name.
	dial func(name, port string) (net.Conn, error)
	life time.Duration
	now  func() time.Time
	key  *ecdsa.PrivateKey
	root *x509.Certificate

	mu       sync.Mutex
	nonces   map[string]bool
	accounts map[string]*ecdsa.PublicKey // by thumbprint
	contacts []string
	orders   []*testOrder
	broken   bool // answers nothing but 500
	lost     bool // no name leads anywhere
}

type testOrder struct {
	names  []string
	valid  []bool // by name
	detail string // of what failed
	chain  []byte
}

func newTestCA(t *testing.T) *testCA {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	ca := &testCA{
		t: t, key: key, root: root, life: 90 * 24 * time.Hour, now: time.Now,
		dial:   func(string, string) (net.Conn, error) { return nil, errors.New("connection refused") },
		nonces: map[string]bool{}, accounts: map[string]*ecdsa.PublicKey{},
	}
	ca.Server = httptest.NewTLSServer(http.HandlerFunc(ca.serve))
	t.Cleanup(ca.Close)
	return ca
}

func (ca *testCA) refuse(w http.ResponseWriter, status int, kind, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "detail": detail, "status": status})
}

func (ca *testCA) serve(w http.ResponseWriter, r *http.Request) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if ca.broken {
		http.Error(w, "out of order", http.StatusInternalServerError)
		return
	}
	nonce := rand.Text()
	ca.nonces[nonce] = true
	w.Header().Set("Replay-Nonce", nonce)
	if r.URL.Path == "/dir" {
		ca.tell(w, http.StatusOK, map[string]any{
			"newNonce": ca.URL + "/nonce", "newAccount": ca.URL + "/account", "newOrder": ca.URL + "/order",
			"meta": map[string]any{"termsOfService": ca.URL + "/terms"},
		})
		return
	}
	if r.URL.Path == "/nonce" {
		return
	}
	payload, key, problem := ca.signed(r)
	if problem != "" {
		ca.refuse(w, http.StatusBadRequest, "malformed", problem)
		return
	}
	var n, i int
	switch path := r.URL.Path; {
	case path == "/account":
		ca.account(w, payload, key)
	case path == "/order":
		ca.order(w, payload)
	case scans(path, "/order/%d", &n):
		ca.tellOrder(w, http.StatusOK, n)
	case scans(path, "/authz/%d/%d", &n, &i):
		var change struct{ Status string }
		_ = json.Unmarshal(payload, &change)
		if change.Status == "deactivated" {
			ca.orders[n].detail = "given up"
		}
		ca.tellAuthorization(w, n, i)
	case scans(path, "/tls-alpn-01/%d/%d", &n, &i), scans(path, "/http-01/%d/%d", &n, &i):
		ca.look(n, i, strings.Split(path, "/")[1], key)
		ca.tell(w, http.StatusOK, map[string]any{"type": "x", "url": ca.URL + path, "status": "processing", "token": token(n, i)})
	case scans(path, "/finalize/%d", &n):
		ca.finalize(w, n, payload)
	case scans(path, "/certificate/%d", &n):
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(ca.orders[n].chain)
	default:
		ca.refuse(w, http.StatusNotFound, "malformed", "no "+path)
	}
}

func scans(path, format string, into ...any) bool {
	n, err := fmt.Sscanf(path, format, into...)
	return err == nil && n == len(into)
}

func token(n, i int) string { return fmt.Sprintf("token-%d-%d", n, i) }

func (ca *testCA) tell(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		ca.t.Error(err)
	}
}

// signed checks a JWS (RFC 7515) and returns what it says and whose it is.
func (ca *testCA) signed(r *http.Request) (payload []byte, key *ecdsa.PublicKey, problem string) {
	var jws struct{ Protected, Payload, Signature string }
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil || json.Unmarshal(body, &jws) != nil {
		return nil, nil, "not a JWS"
	}
	decode := base64.RawURLEncoding.DecodeString
	head, err := decode(jws.Protected)
	if err != nil {
		return nil, nil, "its header is not base64url"
	}
	var header struct {
		Alg, Nonce, URL, KID string
		JWK                  *struct{ X, Y string }
	}
	if err := json.Unmarshal(head, &header); err != nil {
		return nil, nil, "its header is not JSON"
	}
	if !ca.nonces[header.Nonce] {
		return nil, nil, "a nonce that is not ours, or used"
	}
	delete(ca.nonces, header.Nonce)
	if header.URL != ca.URL+r.URL.Path || header.Alg != "ES256" {
		return nil, nil, "for another URL, or signed otherwise"
	}
	if header.JWK != nil {
		x, errX := decode(header.JWK.X)
		y, errY := decode(header.JWK.Y)
		if errX != nil || errY != nil {
			return nil, nil, "the key is not base64url"
		}
		if key, err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...)); err != nil {
			return nil, nil, "the key is none"
		}
	} else {
		key = ca.accounts[strings.TrimPrefix(header.KID, ca.URL+"/account/")]
	}
	signature, err := decode(jws.Signature)
	if key == nil || err != nil || len(signature) != 64 {
		return nil, nil, "no account, or no signature"
	}
	sum := sha256.Sum256([]byte(jws.Protected + "." + jws.Payload))
	if !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return nil, nil, "the signature is wrong"
	}
	payload, err = decode(jws.Payload)
	if err != nil {
		return nil, nil, "the payload is not base64url"
	}
	return payload, key, ""
}

func (ca *testCA) account(w http.ResponseWriter, payload []byte, key *ecdsa.PublicKey) {
	var wish struct {
		Contact              []string
		TermsOfServiceAgreed bool
		OnlyReturnExisting   bool
	}
	if err := json.Unmarshal(payload, &wish); err != nil {
		ca.t.Error(err)
	}
	print, err := acme.JWKThumbprint(key)
	if err != nil {
		ca.t.Error(err)
	}
	status := http.StatusOK
	if ca.accounts[print] == nil {
		if wish.OnlyReturnExisting {
			ca.refuse(w, http.StatusBadRequest, "accountDoesNotExist", "there is no such account")
			return
		}
		if !wish.TermsOfServiceAgreed {
			ca.t.Error("the terms were not agreed to")
		}
		status = http.StatusCreated
		ca.accounts[print] = key
		ca.contacts = wish.Contact
	}
	w.Header().Set("Location", ca.URL+"/account/"+print)
	ca.tell(w, status, map[string]any{"status": "valid"})
}

func (ca *testCA) order(w http.ResponseWriter, payload []byte) {
	var wish struct {
		Identifiers []struct{ Type, Value string }
	}
	if err := json.Unmarshal(payload, &wish); err != nil {
		ca.t.Error(err)
	}
	o := &testOrder{}
	for _, id := range wish.Identifiers {
		if id.Value == "forbidden.example" {
			ca.refuse(w, http.StatusForbidden, "rejectedIdentifier", "we do not certify forbidden.example")
			return
		}
		o.names = append(o.names, id.Value)
	}
	o.valid = make([]bool, len(o.names))
	ca.orders = append(ca.orders, o)
	ca.tellOrder(w, http.StatusCreated, len(ca.orders)-1)
}

func (ca *testCA) tellOrder(w http.ResponseWriter, status, n int) {
	o := ca.orders[n]
	var ids, authorizations []any
	state := "ready"
	for i, name := range o.names {
		ids = append(ids, map[string]any{"type": "dns", "value": name})
		authorizations = append(authorizations, fmt.Sprintf("%s/authz/%d/%d", ca.URL, n, i))
		if !o.valid[i] {
			state = "pending"
		}
	}
	at := fmt.Sprintf("%s/order/%d", ca.URL, n)
	answer := map[string]any{"identifiers": ids, "authorizations": authorizations, "finalize": fmt.Sprintf("%s/finalize/%d", ca.URL, n)}
	if o.chain != nil {
		state = "valid"
		answer["certificate"] = fmt.Sprintf("%s/certificate/%d", ca.URL, n)
	}
	answer["status"] = state
	w.Header().Set("Location", at)
	ca.tell(w, status, answer)
}

func (ca *testCA) tellAuthorization(w http.ResponseWriter, n, i int) {
	o := ca.orders[n]
	state := "pending"
	switch {
	case o.valid[i]:
		state = "valid"
	case o.detail != "":
		state = "invalid"
	}
	var challenges []any
	for _, kind := range []string{"http-01", "tls-alpn-01"} {
		c := map[string]any{"type": kind, "url": fmt.Sprintf("%s/%s/%d/%d", ca.URL, kind, n, i), "token": token(n, i), "status": state}
		if state == "invalid" {
			c["error"] = map[string]any{"type": "urn:ietf:params:acme:error:unauthorized", "detail": o.detail}
		}
		challenges = append(challenges, c)
	}
	ca.tell(w, http.StatusOK, map[string]any{
		"identifier": map[string]any{"type": "dns", "value": o.names[i]}, "status": state, "challenges": challenges,
	})
}

// look for the proof of a name.
func (ca *testCA) look(n, i int, kind string, account *ecdsa.PublicKey) {
	o := ca.orders[n]
	print, err := acme.JWKThumbprint(account)
	if err != nil {
		ca.t.Error(err)
	}
	want := token(n, i) + "." + print
	look := ca.lookTLS
	if kind == "http-01" {
		look = ca.lookHTTP
	}
	if err := look(o.names[i], token(n, i), want); err != nil {
		o.detail = err.Error()
		return
	}
	o.valid[i] = true
}

func (ca *testCA) lookTLS(name, _, want string) error {
	raw, err := ca.dial(name, "443")
	if err != nil {
		return err
	}
	defer raw.Close()
	conn := tls.Client(raw, &tls.Config{ServerName: name, NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true})
	if err := conn.Handshake(); err != nil {
		return err
	}
	state := conn.ConnectionState()
	if state.NegotiatedProtocol != "acme-tls/1" {
		return fmt.Errorf("the protocol is %q", state.NegotiatedProtocol)
	}
	cert := state.PeerCertificates[0]
	if err := cert.VerifyHostname(name); err != nil || len(cert.DNSNames) != 1 {
		return fmt.Errorf("the proof is for %q: %w", cert.DNSNames, err)
	}
	sum := sha256.Sum256([]byte(want))
	value, err := asn1.Marshal(sum[:])
	if err != nil {
		return err
	}
	for _, e := range cert.Extensions {
		// id-pe-acmeIdentifier, RFC 8737 §6.1
		if e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}) && e.Critical && bytes.Equal(e.Value, value) {
			return nil
		}
	}
	return fmt.Errorf("no proof in the certificate of %s", name)
}

func (ca *testCA) lookHTTP(name, token, want string) error {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(_ context.Context, _, address string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return ca.dial(host, port)
		},
	}}
	answer, err := client.Get("http://" + name + "/.well-known/acme-challenge/" + token)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || string(got) != want {
		return fmt.Errorf("%s says %s %q: %w", name, answer.Status, got, err)
	}
	return nil
}

func (ca *testCA) finalize(w http.ResponseWriter, n int, payload []byte) {
	o := ca.orders[n]
	for i := range o.valid {
		if !o.valid[i] {
			ca.refuse(w, http.StatusForbidden, "orderNotReady", "not all is proven")
			return
		}
	}
	var wish struct{ CSR string }
	_ = json.Unmarshal(payload, &wish)
	der, err := base64.RawURLEncoding.DecodeString(wish.CSR)
	if err != nil {
		ca.t.Error(err)
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil || request.CheckSignature() != nil {
		ca.refuse(w, http.StatusBadRequest, "badCSR", "the request is not good")
		return
	}
	leaf, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(int64(n) + 2), DNSNames: o.names,
		NotBefore: ca.now(), NotAfter: ca.now().Add(ca.life),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca.root, request.PublicKey, ca.key)
	if err != nil {
		ca.t.Error(err)
	}
	o.chain = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.root.Raw})...)
	ca.tellOrder(w, http.StatusOK, n)
}
