package access

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"umbrella/internal/clock"
	"umbrella/internal/clock/clocktest"
)

const year = 365 * 24 * time.Hour

// setClock is a wall clock that a test sets, and whose time passes as the test says.
type setClock struct {
	begin  time.Time
	passed time.Duration
	ahead  time.Duration
}

func (c *setClock) now() time.Time { return clocktest.Set(c.begin.Add(c.passed), c.ahead) }

// Invitations hold for as long as they were made for, whatever becomes of the clock
// meanwhile: before it is right, when it is set, by years, and back.
func TestInvitationsWhileTheClockIsSet(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &setClock{begin: time.Now(), ahead: -56 * year}
	tokens := &Tokens{StateDir: t.TempDir(), KeyFile: publicKeyFile(t, public), wall: &clock.Wall{Now: c.now}}
	if err := tokens.Start(); err != nil {
		t.Fatal(err)
	}
	tokens.started = c.now()
	c.passed = time.Minute
	mint := func(claims Claims, holds time.Duration) string {
		t.Helper()
		text, err := tokens.Mint(claims, holds)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	check := func(when, text string, holds bool) {
		t.Helper()
		if _, err := tokens.Verify(text); (err == nil) != holds {
			t.Errorf("%s: %v, want that it holds: %t", when, err, holds)
		}
	}
	use := func(when, text string, holds bool) {
		t.Helper()
		claims, err := tokens.Verify(text)
		if err == nil {
			err = tokens.use(claims, "a holder", c.now())
		}
		if (err == nil) != holds {
			t.Errorf("for once, %s: %v, want that it holds: %t", when, err, holds)
		}
	}
	long, short, once := mint(Claims{Room: "a"}, 24*time.Hour), mint(Claims{Room: "a"}, time.Hour), mint(Claims{Room: "a", Once: true}, 24*time.Hour)
	check("in 1970", long, true)
	// Somebody else made it, whose clock is right.
	issuer, err := jwt.NewWithClaims(jwt.SigningMethodEdDSA, Claims{Room: "a", RegisteredClaims: jwt.RegisteredClaims{
		IssuedAt: jwt.NewNumericDate(c.begin), ExpiresAt: jwt.NewNumericDate(c.begin.Add(3 * time.Hour)),
	}}).SignedString(private)
	if err != nil {
		t.Fatal(err)
	}
	check("of another one, in 1970", issuer, true)
	for _, step := range []struct {
		when          string
		passed, ahead time.Duration
		short         bool
	}{
		{"the clock is right", 30 * time.Minute, 0, true},
		{"an hour has passed", 2 * time.Hour, 0, false},
		{"years ahead", 2 * time.Hour, 5 * year, false},
		{"years behind", 2 * time.Hour, -40 * year, false},
		{"right again", 2 * time.Hour, 0, false},
	} {
		c.passed, c.ahead = step.passed, step.ahead
		check(step.when, long, true)
		check(step.when, short, step.short)
		use(step.when, once, true)
	}
	check("of another one, at the right time", issuer, true)
	right := mint(Claims{Room: "a", Once: true}, time.Hour)
	c.ahead = -56 * year
	use("years behind, minted at the right time", right, true)
	c.ahead = 0
	c.passed = 25*time.Hour + 2*time.Minute
	check("after a day", long, false)
	check("of another one, after a day", issuer, false)
	// What this process did not make is judged by the clock as it is.
	other := &Tokens{StateDir: tokens.StateDir, wall: &clock.Wall{Now: c.now}}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Verify(long); !errors.Is(err, ErrToken) {
		t.Errorf("one that ended, in another process: %v", err)
	}
	c.ahead = -56 * year
	if _, err := other.Verify(right); err != nil {
		t.Errorf("without the time nothing speaks against one of this year: %v", err)
	}
}

// The certificate holds whenever the clock is looked at: made before it was right, years
// ahead, and back, by the CA that people trust.
func TestCertificateWhileTheClockIsSet(t *testing.T) {
	m := newMachine()
	right := m.now
	m.now = time.Unix(7, 0)
	c := m.start(t, t.TempDir())
	ca := c.CA()
	for _, now := range []time.Time{right, right.AddDate(7, 0, 0), right, time.Unix(7, 0), right} {
		m.now = now
		c.ClockSet()
		if err := shake(t, c, ca, "192.168.1.1", clock.Believed(now)); err != nil {
			t.Errorf("at %v: %v", now, err)
		}
		if left := c.current.Load().Leaf.NotAfter.Sub(clock.Believed(now)); left < renewBefore {
			t.Errorf("at %v: it ends in %v", now, left)
		}
	}
}

// A CA that was made by a clock that was years ahead holds when the clock is right; one of
// before, which does not, is made anew at the next start.
func TestAuthorityOfTheFuture(t *testing.T) {
	m := newMachine()
	right, dir := m.now, t.TempDir()
	m.now = right.AddDate(14, 0, 0)
	c := m.start(t, dir)
	ca := c.CA()
	m.now = right
	c.ClockSet()
	if err := shake(t, c, ca, "192.168.1.1", right); err != nil {
		t.Errorf("back in the present: %v", err)
	}
	if again := m.start(t, dir); !bytes.Equal(again.CA(), ca) {
		t.Error("the CA that holds is replaced")
	}
	m.now = time.Date(2019, time.May, 1, 0, 0, 0, 0, time.UTC) // as a CA that begins later has it
	if a, err := openAuthority(dir, "x", m.now); err != nil || bytes.Equal(a.cert.Raw, ca) {
		t.Errorf("a CA that does not hold yet stays: %v", err)
	}
}

// A certificate from files that ends while the clock is wrong is told of once it is right.
func TestFileThatHasEnded(t *testing.T) {
	m := newMachine()
	dir := t.TempDir()
	m.start(t, dir)
	files := m.certificates(t.TempDir())
	files.CertFile, files.KeyFile = filepath.Join(dir, certFile), filepath.Join(dir, keyFile)
	m.now = time.Unix(7, 0)
	m.log.Reset()
	if err := files.Start(); err != nil {
		t.Fatal(err)
	}
	defer files.Close(t.Context())
	if m.log.Len() > 0 {
		t.Errorf("said before the time is known: %s", m.log.String())
	}
	m.now = time.Date(2029, time.January, 1, 0, 0, 0, 0, time.UTC)
	files.ClockSet()
	files.ClockSet()
	if n := bytes.Count(m.log.Bytes(), []byte("the certificate has ended")); n != 1 {
		t.Errorf("said %d times: %s", n, m.log.String())
	}
	if _, err := os.Stat(files.CertFile); err != nil {
		t.Error(err)
	}
}

// What was revoked stays so when the clock is set, and those that hold are listed.
func TestRevokedWhileTheClockIsSet(t *testing.T) {
	c := &setClock{begin: time.Now(), ahead: -56 * year}
	tokens := &Tokens{StateDir: t.TempDir(), wall: &clock.Wall{Now: c.now}}
	if err := tokens.Start(); err != nil {
		t.Fatal(err)
	}
	mint := func() string {
		t.Helper()
		text, err := tokens.Mint(Claims{Room: "a", By: "somebody"}, 24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	revoked, holds := mint(), mint()
	if _, err := tokens.Revoke(revoked); err != nil {
		t.Fatal(err)
	}
	c.passed = time.Minute
	for _, ahead := range []time.Duration{0, 5 * year, 0, -56 * year} {
		c.ahead = ahead
		mint() // which removes what has ended
		if _, err := tokens.Verify(revoked); !errors.Is(err, errRevoked) {
			t.Errorf("set by %v: the revoked one: %v", ahead, err)
		}
		if _, err := tokens.Verify(holds); err != nil {
			t.Errorf("set by %v: the other one: %v", ahead, err)
		}
	}
	if n := len(tokens.Invitations()); n != 6 {
		t.Errorf("%d invitations are listed, want 6", n)
	}
	c.ahead, c.passed = 0, 50*time.Hour
	mint()
	if n := len(tokens.Invitations()); n != 1 {
		t.Errorf("two days later %d are listed, want 1", n)
	}
}
