package access

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func startedTokens(t *testing.T) *Tokens {
	t.Helper()
	tokens := &Tokens{StateDir: t.TempDir()}
	if err := tokens.Start(); err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestMint(t *testing.T) {
	tokens := startedTokens(t)
	text, err := tokens.Mint(Claims{Room: "kitchen", Name: "Ada", Rights: []string{RightPublish, RightModerate}}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tokens.Verify(text)
	if err != nil {
		t.Fatal(err)
	}
	left := time.Until(c.ExpiresAt.Time)
	if c.Room != "kitchen" || c.Name != "Ada" || !c.Has(RightPublish) || !c.Has(RightModerate) || c.Has(RightSubscribe) || c.ID == "" || left > time.Hour || left < 59*time.Minute {
		t.Errorf("it says %+v", c)
	}
	for name, c := range map[string]struct {
		Claims
		holds time.Duration
	}{
		"no room":          {Claims{}, time.Hour},
		"no right":         {Claims{Room: "a", Rights: []string{"root"}}, time.Hour},
		"admin of a room":  {Claims{Room: "a", Rights: []string{RightAdmin}}, time.Hour},
		"a long name":      {Claims{Room: "a", Name: strings.Repeat("x", 65)}, time.Hour},
		"no time":          {Claims{Room: "a"}, 0},
		"for ever":         {Claims{Room: "a"}, LongestToken + 1},
		"a path of a room": {Claims{Room: "../a"}, time.Hour},
	} {
		if _, err := tokens.Mint(c.Claims, c.holds); err == nil {
			t.Errorf("%s: a token is made", name)
		}
	}
}

// The secret is made once, and is readable by its owner only.
func TestSecret(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	one, two := &Tokens{StateDir: dir}, &Tokens{StateDir: dir}
	for _, tokens := range []*Tokens{one, two} {
		if err := tokens.Start(); err != nil {
			t.Fatal(err)
		}
	}
	text, _ := one.Mint(Claims{Room: "a"}, time.Hour)
	if _, err := two.Verify(text); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	file := filepath.Join(dir, secretFile)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.WriteFile(file, []byte("aGk=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := one.Start(); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a secret of two bytes: %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := one.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Verify(text); !errors.Is(err, ErrToken) {
		t.Errorf("with a new secret: %v", err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tokens := &Tokens{StateDir: t.TempDir(), KeyFile: publicKeyFile(t, public)}
	if err := tokens.Start(); err != nil {
		t.Fatal(err)
	}
	_, stranger, _ := ed25519.GenerateKey(rand.Reader)
	der, _ := x509.MarshalPKIXPublicKey(public)
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	claims := func(edit func(*Claims)) Claims {
		now := time.Now()
		c := Claims{Room: "a"}
		c.IssuedAt, c.ExpiresAt, c.ID = jwt.NewNumericDate(now), jwt.NewNumericDate(now.Add(time.Hour)), "1"
		if edit != nil {
			edit(&c)
		}
		return c
	}
	sign := func(m jwt.SigningMethod, key any, edit func(*Claims)) string {
		s, err := jwt.NewWithClaims(m, claims(edit)).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	hs, ed := jwt.SigningMethodHS256, jwt.SigningMethodEdDSA
	good := sign(hs, tokens.secret, nil)
	for name, text := range map[string]string{
		"HS256": good, "EdDSA": sign(ed, private, nil),
		"an admin by the node's own": sign(hs, tokens.secret, func(c *Claims) { c.Room, c.Rights = AnyRoom, []string{RightAdmin} }),
		"a moderator of all rooms":   sign(ed, private, func(c *Claims) { c.Room, c.Rights = AnyRoom, []string{RightPublish, RightModerate} }),
	} {
		if _, err := tokens.Verify(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	part := strings.Split(good, ".")
	raw := base64.RawURLEncoding
	for _, c := range []struct{ name, token, words string }{
		{"nothing", "", "not made for this node"},
		{"garbage", "a.b.c", "not made for this node"},
		{"no algorithm", sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil), "not made for this node"},
		{"no signature", part[0] + "." + part[1] + ".", "not made for this node"},
		{"another secret", sign(hs, []byte(strings.Repeat("x", 32)), nil), "not made for this node"},
		{"an empty secret", sign(hs, []byte{}, nil), "not made for this node"},
		{"another key", sign(ed, stranger, nil), "not made for this node"},
		{"the public key as a secret", sign(hs, []byte(public), nil), "not made for this node"},
		{"the public key's PEM as a secret", sign(hs, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil), "not made for this node"},
		{"HS512 with the secret", sign(jwt.SigningMethodHS512, tokens.secret, nil), "not made for this node"},
		{"an algorithm that nobody asked for", sign(jwt.SigningMethodES256, ec, nil), "not made for this node"},
		{"claims changed", part[0] + "." + raw.EncodeToString([]byte(`{"room":"*","rights":["admin"],"exp":9999999999}`)) + "." + part[2], "not made for this node"},
		{"longer than any", good + strings.Repeat("A", maxToken), "too long"},
		{"ended", sign(hs, tokens.secret, func(c *Claims) { c.ExpiresAt = jwt.NewNumericDate(time.Now().Add(-time.Minute)) }), "any more: it ended on "},
		{"without an end", sign(hs, tokens.secret, func(c *Claims) { c.ExpiresAt = nil }), "not made for this node"},
		{"not yet", sign(hs, tokens.secret, func(c *Claims) { c.NotBefore = jwt.NewNumericDate(time.Now().Add(time.Hour)) }), "yet: look at the clocks"},
		{"of tomorrow", sign(hs, tokens.secret, func(c *Claims) { c.IssuedAt = jwt.NewNumericDate(time.Now().Add(time.Hour)) }), "yet: look at the clocks"},
		{"admin of one room", sign(ed, private, func(c *Claims) { c.Rights = []string{RightAdmin} }), "all rooms"},
		{"an admin by the key of others", sign(ed, private, func(c *Claims) { c.Room, c.Rights = AnyRoom, []string{RightAdmin} }), "gives no right 'admin'"},
		{"an admin among others", sign(ed, private, func(c *Claims) { c.Room, c.Rights = AnyRoom, []string{RightPublish, RightAdmin} }), "gives no right 'admin'"},
		{"a node by the key of others", sign(ed, private, func(c *Claims) { c.Rights = []string{RightTrunk} }), "no right 'trunk'"},
		{"a right there is not", sign(ed, private, func(c *Claims) { c.Rights = []string{"root"} }), "no right"},
		{"no room", sign(ed, private, func(c *Claims) { c.Room = "" }), "a room's name"},
	} {
		claims, err := tokens.Verify(c.token)
		if !errors.Is(err, ErrToken) || claims != nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %+v, %v", c.name, claims, err)
		}
	}
}

func publicKeyFile(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestKeyFile(t *testing.T) {
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	garbage := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(garbage, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"none": "/nowhere", "garbage": garbage, "another kind of key": publicKeyFile(t, ec.Public())} {
		if err := (&Tokens{StateDir: t.TempDir(), KeyFile: file}).Start(); err == nil || !strings.Contains(err.Error(), "token_key") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	tokens := &Tokens{StateDir: f.TempDir()}
	if err := tokens.Start(); err != nil {
		f.Fatal(err)
	}
	good, err := tokens.Mint(Claims{Room: "a"}, time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("eyJhbGciOiJub25lIn0.eyJyb29tIjoiKiJ9.")
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := tokens.Verify(s); err == nil && c.Room != "a" {
			t.Errorf("%q is taken", s)
		}
	})
}
