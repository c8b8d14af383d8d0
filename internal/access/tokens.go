package access

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"umbrella/internal/clock"
	"umbrella/internal/names"
	"umbrella/internal/state"
)

// AnyRoom is the room of a token that holds in all of them.
const AnyRoom = "*"

// Rights that a token may give.
const (
	RightPublish   = "publish"   // to be seen and heard
	RightSubscribe = "subscribe" // to see and hear
	RightModerate  = "moderate"  // to mute and remove others, and to lock the room
	// RightAdmin is to see the live state and to change the settings; it holds
	// with AnyRoom alone, and moderates every room.
	RightAdmin = "admin"
	// RightTrunk is for a node: to come by a trunk, which joins the token's room, or
	// with AnyRoom all.
	RightTrunk = "trunk"
)

// Rights returns all there are.
func Rights() []string {
	return []string{RightPublish, RightSubscribe, RightModerate, RightAdmin, RightTrunk}
}

// Claims are what a token (RFC 7519) says.
type Claims struct {
	Room   string   `json:"room"`
	Name   string   `json:"name,omitempty"`
	Rights []string `json:"rights,omitempty"` // none: publish and subscribe
	// Once: it is for one guest, the first one who uses it.
	Once bool `json:"once,omitempty"`
	// By says who makes it, in words, for the list of invitations; empty: it is not
	// listed. Parent is the invitation by which they are there. Neither is in the token.
	By     string `json:"-"`
	Parent string `json:"-"`
	jwt.RegisteredClaims
}

// Has tells whether the token gives a right.
func (c *Claims) Has(right string) bool {
	if len(c.Rights) == 0 {
		return right == RightPublish || right == RightSubscribe
	}
	return slices.Contains(c.Rights, right)
}

// admin tells whether the token is one of an admin.
func (c *Claims) admin() bool { return c.Room == AnyRoom && c.Has(RightAdmin) }

// Check says what is wrong with claims that somebody wants in a token, and gives names
// their one spelling.
func (c *Claims) Check() error {
	if c.Room != AnyRoom {
		room, err := names.Room(c.Room)
		if err != nil {
			return err
		}
		c.Room = room
	}
	for _, r := range c.Rights {
		if !slices.Contains(Rights(), r) {
			return fmt.Errorf("%q is no right: known are %s", r, strings.Join(Rights(), ", "))
		}
		if r == RightAdmin && c.Room != AnyRoom {
			return errors.New("the right 'admin' is one for all rooms: the room is '*'")
		}
	}
	if strings.TrimSpace(c.Name) == "" {
		c.Name = ""
		return nil
	}
	name, err := names.Person(c.Name)
	c.Name = name
	return err
}

// Tokens makes and checks tokens: by HS256 with a secret of the node's own, and by
// EdDSA with the key of somebody else who makes them. Set the fields, and Start.
// Safe for concurrent use.
type Tokens struct {
	// StateDir is where the secret is kept.
	StateDir string
	// KeyFile is a PEM file with the Ed25519 public key of whoever else invites people;
	// empty: nobody. Its tokens give neither RightAdmin nor RightTrunk.
	KeyFile string

	// wall is the clock; nil: the machine's. Others are for tests.
	wall *clock.Wall

	mu      sync.Mutex // of what follows
	secret  []byte
	key     ed25519.PublicKey
	started time.Time

	ledger ledger // of invitations
}

const (
	secretFile  = state.TokenKey
	secretBytes = 32
	// clockLeeway is how far clocks may be apart.
	clockLeeway = 30 * time.Second
	maxToken    = 4 << 10 // bytes
)

// LongestToken is how long a token may hold.
const LongestToken = 10 * 365 * 24 * time.Hour

// Start reads the secret, made when it is not there, and the key.
func (t *Tokens) Start() error {
	t.mu.Lock()
	t.started = time.Now()
	if t.wall == nil {
		t.wall = clock.Machine
	}
	t.ledger.wall = t.wall
	t.mu.Unlock()
	return t.Reload(t.StateDir, t.KeyFile)
}

// Reload reads them anew, from where they are now. After an error, what was read
// before counts on.
func (t *Tokens) Reload(stateDir, keyFile string) error {
	secret, err := readSecret(filepath.Join(stateDir, secretFile))
	if err != nil {
		return err
	}
	var key ed25519.PublicKey
	if keyFile != "" {
		if key, err = readPublicKey(keyFile); err != nil {
			return fmt.Errorf("option 'token_key': %s: %w", keyFile, err)
		}
	}
	if err := t.ledger.open(stateDir); err != nil {
		return fmt.Errorf("the list of invitations: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.secret, t.key = secret, key
	return nil
}

// HasSecret tells whether the secret has been made, and can be read.
func (t *Tokens) HasSecret() bool {
	f, err := os.Open(filepath.Join(t.StateDir, secretFile))
	if err == nil {
		_ = f.Close()
	}
	return err == nil
}

// CheckHolds says what is wrong with how long a token is to hold.
func CheckHolds(holds time.Duration) error {
	if holds < time.Second || holds > LongestToken {
		return errors.New("a token holds from a second to ten years")
	}
	return nil
}

// Mint makes a token that holds for so long from now on.
func (t *Tokens) Mint(c Claims, holds time.Duration) (string, error) {
	if err := c.Check(); err != nil {
		return "", err
	}
	if err := CheckHolds(holds); err != nil {
		return "", err
	}
	t.mu.Lock()
	secret := t.secret
	t.mu.Unlock()
	if secret == nil {
		return "", errors.New("this node has no secret to make tokens with: the log of its start tells why")
	}
	now := t.wall.Time()
	c.RegisteredClaims = jwt.RegisteredClaims{
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(holds)), ID: rand.Text()[:16],
	}
	if c.By != "" {
		err := t.remember(Invitation{
			ID: c.ID, Room: c.Room, Name: c.Name, Rights: c.Rights, Once: c.Once, By: c.By, Parent: c.Parent,
			Made: c.IssuedAt.Time, Ends: c.ExpiresAt.Time,
		})
		if err != nil {
			return "", err
		}
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(secret)
}

// ErrToken is why a token is not taken; what is wrong stands behind it.
var ErrToken = errors.New("this invitation does not hold")

// Verify returns what a token says that is right, and holds now. The error is an
// ErrToken.
func (t *Tokens) Verify(token string) (*Claims, error) {
	if len(token) > maxToken {
		return nil, fmt.Errorf("%w: it is too long", ErrToken)
	}
	t.mu.Lock()
	secret, key := t.secret, t.key
	t.mu.Unlock()
	c := &Claims{}
	parsed, err := jwt.ParseWithClaims(token, c, func(parsed *jwt.Token) (any, error) {
		// Each key goes with its own algorithm: whoever writes the header has no
		// choice in it.
		switch parsed.Method {
		case jwt.SigningMethodHS256:
			if secret != nil {
				return secret, nil
			}
		case jwt.SigningMethodEdDSA:
			if key != nil {
				return key, nil
			}
		}
		return nil, errors.New("no key for it")
	}, jwt.WithValidMethods([]string{"HS256", "EdDSA"}), jwt.WithoutClaimsValidation())
	if err == nil {
		err = jwt.NewValidator(jwt.WithTimeFunc(func() time.Time { return t.clockOf(c, parsed.Method == jwt.SigningMethodHS256) }),
			jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(clockLeeway)).Validate(c)
	}
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, fmt.Errorf("%w any more: it ended on %s", ErrToken, c.ExpiresAt.UTC().Format("2 January 2006 at 15:04 UTC"))
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return nil, fmt.Errorf("%w yet: look at the clocks of this node and of who made it", ErrToken)
	case err != nil:
		return nil, fmt.Errorf("%w: it was not made for this node, or was changed", ErrToken)
	}
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrToken, err)
	}
	// That key is for whoever invites people. Admins and nodes are for this node's own.
	if parsed.Method == jwt.SigningMethodEdDSA && (c.Has(RightAdmin) || c.Has(RightTrunk)) {
		return nil, fmt.Errorf("%w: the key of 'token_key' gives no right '%s' and no right '%s'", ErrToken, RightAdmin, RightTrunk)
	}
	if c.ID != "" && t.ledger.revoked(c.ID) {
		return nil, errRevoked
	}
	return c, nil
}

// clockOf is the time by which a token is judged. Of a token that this process made it is
// what the clock which stamped it would show now, so that it holds for as long as it was to.
// While this machine does not know the time, nothing speaks against a token but its end.
func (t *Tokens) clockOf(c *Claims, own bool) time.Time {
	now := t.wall.Time()
	if c.IssuedAt != nil {
		issued := c.IssuedAt.Time
		if by := t.wall.By(issued); own && !by.Before(issued) {
			return by
		}
		if !clock.Known(now) && issued.After(clock.Least()) {
			return issued
		}
	}
	return clock.Believed(now)
}

// sign makes a token whole again that this node made, if it did: of what it did not
// make, nobody else knows the signature. The error is an ErrToken.
func (t *Tokens) sign(unsigned string) (string, error) {
	t.mu.Lock()
	secret := t.secret
	t.mu.Unlock()
	if secret == nil || len(unsigned) > maxToken {
		return "", fmt.Errorf("%w: it was not made for this node", ErrToken)
	}
	signature, err := jwt.SigningMethodHS256.Sign(unsigned, secret)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrToken, err)
	}
	return unsigned + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// readSecret reads the node's secret, or makes it.
func readSecret(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		secret := make([]byte, secretBytes)
		_, _ = rand.Read(secret) // it never fails
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return nil, fmt.Errorf("the secret of tokens: %w", err)
		}
		return secret, state.Write(file, []byte(base64.StdEncoding.EncodeToString(secret)+"\n"))
	}
	if err != nil {
		return nil, fmt.Errorf("the secret of tokens: %w", err)
	}
	secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(secret) < secretBytes {
		return nil, fmt.Errorf("the secret of tokens: %s is damaged: remove it, and the next start makes a new one, for which no token made so far holds", file)
	}
	return secret, nil
}

func readPublicKey(file string) (ed25519.PublicKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, errors.New("holds no PEM block PUBLIC KEY")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	ed, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("the key is not one of Ed25519")
	}
	return ed, nil
}
