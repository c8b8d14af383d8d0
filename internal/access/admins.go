package access

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"umbrella/internal/password"
	"umbrella/internal/state"
)

// Admins knows who has logged in as admin. Set the fields, and Start. Safe for
// concurrent use.
type Admins struct {
	// StateDir is where the hash of the first password is kept.
	StateDir string
	// Password of the settings, or its hash; empty: the first start makes one.
	Password string
	// Tell is where the first password is told: what a log hides by its level would be
	// lost.
	Tell io.Writer

	checker  password.Checker
	attempts attempts

	mu       sync.Mutex
	want     string                          // what is checked against
	made     *madePassword                   // not told yet; nil: none
	sessions map[[sha256.Size]byte]time.Time // by the cookie's hash: when they end
}

// SessionCookie holds an admin's session.
const SessionCookie = "umbrella_admin"

const (
	adminFile = state.AdminHash
	// SessionLife is how long a login lasts.
	SessionLife = 12 * time.Hour
	maxSessions = 64
)

// madePassword is a password that was made because there was none.
type madePassword struct{ secret, hash, file string }

// Start reads the password's hash. Where there is none, a password is made, which
// Started tells.
func (a *Admins) Start() error { return a.Reload(a.StateDir, a.Password) }

// Reload is Start with other settings. With another password than before, whoever
// has logged in has to do so again; after an error, the one before counts on.
func (a *Admins) Reload(stateDir, want string) error {
	var made *madePassword
	if want == "" {
		var err error
		if want, made, err = first(stateDir); err != nil {
			return err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.made = made
	if a.want != want {
		a.want, a.sessions = want, map[[sha256.Size]byte]time.Time{}
	}
	return nil
}

// first is the hash of the password that a start before this one made, or of one that
// is made now.
func first(stateDir string) (hash string, made *madePassword, err error) {
	file := filepath.Join(stateDir, adminFile)
	text, err := os.ReadFile(file)
	if err == nil {
		hash := strings.TrimSpace(string(text))
		if !password.IsHash(hash) || password.Valid(hash) != nil {
			return "", nil, fmt.Errorf("the admin password: %s is damaged: remove it, and the next start makes a new one", file)
		}
		return hash, nil, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Errorf("the admin password: %w", err)
	}
	secret := strings.ToLower(rand.Text()[:16]) // 80 bits
	secret = secret[:4] + "-" + secret[4:8] + "-" + secret[8:12] + "-" + secret[12:]
	made = &madePassword{secret, password.HashRandom(secret), file}
	return made.hash, made, nil
}

// Started says that the node serves by the settings of the last Reload. Only now is a
// password told that was made, and then kept: one of a start that fails, or that nobody
// could read, would be lost. After an error it holds until the node ends, and the next
// start makes another one.
func (a *Admins) Started() error {
	a.mu.Lock()
	made := a.made
	a.made = nil
	a.mu.Unlock()
	if made == nil {
		return nil
	}
	_, err := fmt.Fprintf(a.Tell, "admin password made: it is shown this once; option 'admin_password' sets another; password=%s\n", made.secret)
	if err == nil && discards(a.Tell) {
		err = errors.New("the standard error is the null device")
	}
	if err != nil {
		return fmt.Errorf("the admin password could not be shown, so the next start makes another one: %w", err)
	}
	if err = os.MkdirAll(filepath.Dir(made.file), 0o700); err == nil {
		err = state.Write(made.file, []byte(made.hash+"\n"))
	}
	if err != nil {
		return fmt.Errorf("the admin password holds until the node ends, and the next start makes another one: %w", err)
	}
	return nil
}

// discards reports whether what is written is lost: a file that is the null device.
func discards(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	is, err := f.Stat()
	if err != nil {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(is, null)
}

// ErrAdminPassword is why a login fails.
var ErrAdminPassword = errors.New("the password is wrong")

// Login begins a session and returns its cookie's value. The error is
// ErrAdminPassword, password.ErrBusy or a *TryLaterError.
func (a *Admins) Login(c Client, secret string) (string, error) {
	now := time.Now()
	if err := a.Check(c, secret); err != nil {
		return "", err
	}
	cookie := rand.Text()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sweep(now)
	a.sessions[sha256.Sum256([]byte(cookie))] = now.Add(SessionLife)
	return cookie, nil
}

// Check says whether a client knows the password. The error is ErrAdminPassword,
// password.ErrBusy or a *TryLaterError.
func (a *Admins) Check(c Client, secret string) error {
	right, undo, err := a.attempts.begin(c.Addr, "", time.Now())
	if err != nil {
		return err
	}
	a.mu.Lock()
	want := a.want
	a.mu.Unlock()
	ok, err := a.checker.Check(want, secret)
	if err != nil {
		undo()
		return err
	}
	if !ok {
		return ErrAdminPassword
	}
	right()
	return nil
}

// sweep makes room for a session.
func (a *Admins) sweep(now time.Time) {
	var oldest [sha256.Size]byte
	var at time.Time
	for k, ends := range a.sessions {
		if now.After(ends) {
			delete(a.sessions, k)
		} else if at.IsZero() || ends.Before(at) {
			oldest, at = k, ends
		}
	}
	if len(a.sessions) >= maxSessions {
		delete(a.sessions, oldest)
	}
}

// Session tells whether a request belongs to somebody who has logged in.
func (a *Admins) Session(r *http.Request) bool {
	c, err := r.Cookie(SessionCookie)
	if err != nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	ends, ok := a.sessions[sha256.Sum256([]byte(c.Value))]
	return ok && time.Now().Before(ends)
}

// Logout ends the session of a request, if it has one.
func (a *Admins) Logout(r *http.Request) {
	c, err := r.Cookie(SessionCookie)
	if err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.sessions, sha256.Sum256([]byte(c.Value)))
}
