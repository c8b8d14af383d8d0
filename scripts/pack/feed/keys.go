package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The names of the public keys in the feed, and of the secret ones, which are never in
// it. A variable that is set stands for the file, for build servers.
const (
	opkgKeyName, opkgSecretName, opkgVariable = "umbrella.pub", "opkg.key", "FEED_OPKG_KEY"
	apkKeyName, apkSecretName, apkVariable    = "umbrella.pem", "apk.key", "FEED_APK_KEY"
)

// keyPair is what a feed is signed with.
type keyPair struct {
	opkg *opkgKey
	apk  *apkKey
}

// makeKeys makes both secret keys, once: it replaces none.
func makeKeys(dir, root string) error {
	if err := outside(dir, root); err != nil {
		return err
	}
	opkg, err := newOpkgKey()
	if err != nil {
		return err
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	apk := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})

	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the directory of the keys: %w", err)
	}
	for _, name := range []string{opkgSecretName, apkSecretName} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("%s is there already: devices that know the feed trust it; to make another, move it away first", filepath.Join(dir, name))
		}
	}
	for name, text := range map[string][]byte{opkgSecretName: opkg.secret(), apkSecretName: apk} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return fmt.Errorf("writing a key: %w", err)
		}
	}
	fmt.Printf("%s and %s are in %s.\nKeep them secret, and a copy of them elsewhere: devices take no update of the feed that another key signed.\n",
		opkgSecretName, apkSecretName, dir)
	return nil
}

// outside reports an error for a directory of keys in the checkout, where they would be
// committed or published one day.
func outside(dir, root string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("finding the keys: %w", err)
	}
	root, err = filepath.Abs(root)
	if err != nil {
		return fmt.Errorf("finding the checkout: %w", err)
	}
	if relative, err := filepath.Rel(root, dir); err == nil && filepath.IsLocal(relative) {
		return fmt.Errorf("%s is in the checkout: keep secret keys elsewhere", dir)
	}
	return nil
}

func loadKeys(dir, root string) (*keyPair, error) {
	secret, err := readSecret(dir, root, opkgSecretName, opkgVariable)
	if err != nil {
		return nil, err
	}
	opkg, err := parseOpkgKey(secret)
	if err != nil {
		return nil, fmt.Errorf("the key for opkg: %w", err)
	}
	if secret, err = readSecret(dir, root, apkSecretName, apkVariable); err != nil {
		return nil, err
	}
	apk, err := parseAPKKey(secret)
	if err != nil {
		return nil, fmt.Errorf("the key for apk: %w", err)
	}
	return &keyPair{opkg, apk}, nil
}

func readSecret(dir, root, name, variable string) ([]byte, error) {
	if text := os.Getenv(variable); text != "" {
		return []byte(text), nil
	}
	if dir == "" {
		return nil, fmt.Errorf("there is no key: set %s, or name the directory of %s", variable, name)
	}
	if err := outside(dir, root); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no key %s: make feed-keys makes it, once; or set %s", path, variable)
	}
	if err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others: chmod 600 %s", path, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	return text, nil
}

// opkgKey is a key of usign, which opkg checks indexes with: Ed25519 in the format of
// OpenBSD's signify.
type opkgKey struct {
	private ed25519.PrivateKey
	// id says which key is meant. It is random, and names the file on a device.
	id [8]byte
}

func newOpkgKey() (*opkgKey, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	k := &opkgKey{private: private}
	_, _ = rand.Read(k.id[:]) // never fails
	return k, nil
}

// The parts of a secret key: algorithm, derivation of the passphrase and its rounds (0
// without one), salt, checksum, id, and the key itself.
const (
	opkgAlgorithm  = "Ed"
	opkgDerivation = "BK"
	opkgHeader     = len(opkgAlgorithm) + len(opkgDerivation) + 4 + 16 + 8
)

func parseOpkgKey(text []byte) (*opkgKey, error) {
	comment, rest, _ := strings.Cut(string(text), "\n")
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	if !strings.HasPrefix(comment, "untrusted comment: ") || err != nil ||
		len(b) != opkgHeader+8+ed25519.PrivateKeySize || string(b[:2]) != opkgAlgorithm {
		return nil, errors.New("it is not a secret key as usign -G makes it")
	}
	if !bytes.Equal(b[4:8], make([]byte, 4)) {
		return nil, errors.New("it has a passphrase: keys with one cannot be used")
	}
	k := &opkgKey{id: [8]byte(b[opkgHeader:]), private: ed25519.NewKeyFromSeed(b[opkgHeader+8:][:ed25519.SeedSize])}
	if !bytes.Equal(k.private, b[opkgHeader+8:]) {
		return nil, errors.New("its two halves do not belong together")
	}
	return k, nil
}

func (k *opkgKey) secret() []byte {
	sum := sha512.Sum512(k.private)
	b := append([]byte(opkgAlgorithm+opkgDerivation), make([]byte, 4+16)...)
	b = append(append(append(b, sum[:8]...), k.id[:]...), k.private...)
	return k.file("secret key", b)
}

func (k *opkgKey) public() []byte {
	b := append([]byte(opkgAlgorithm), k.id[:]...)
	return k.file("public key", append(b, k.private.Public().(ed25519.PublicKey)...))
}

// sign returns what usign -V takes for the signature of a text.
func (k *opkgKey) sign(text []byte) []byte {
	b := append([]byte(opkgAlgorithm), k.id[:]...)
	return k.file("signed by key", append(b, ed25519.Sign(k.private, text)...))
}

func (k *opkgKey) file(what string, b []byte) []byte {
	return fmt.Appendf(nil, "untrusted comment: %s %x\n%s\n", what, k.id, base64.StdEncoding.EncodeToString(b))
}

// fingerprint is the name of the key in /etc/opkg/keys.
func (k *opkgKey) fingerprint() string { return fmt.Sprintf("%x", k.id) }

// apkKey is a key that apk 3 checks indexes with: ECDSA on P-256.
type apkKey struct {
	private *ecdsa.PrivateKey
	der     []byte
	// id is the beginning of the SHA-512 of the public point, by which apk finds the key.
	id [16]byte
}

func parseAPKKey(text []byte) (*apkKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("it is not PEM")
	}
	var private *ecdsa.PrivateKey
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		private, _ = key.(*ecdsa.PrivateKey)
	} else {
		private, _ = x509.ParseECPrivateKey(block.Bytes)
	}
	if private == nil || private.Curve != elliptic.P256() {
		return nil, errors.New("it is not an EC key on prime256v1")
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("reading it: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("reading it: %w", err)
	}
	sum := sha512.Sum512(point)
	return &apkKey{private, der, [16]byte(sum[:])}, nil
}

func (k *apkKey) public() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.der})
}

// sign signs a SHA-512. The same key and digest give the same signature (RFC 6979).
func (k *apkKey) sign(digest []byte) ([]byte, error) {
	signature, err := k.private.Sign(nil, digest, crypto.SHA512)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return signature, nil
}
