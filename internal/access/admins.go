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
)

// Admins knows who has logged in as admin. Set the fields, and Start. Safe for
// concurrent use.
type Admins struct {
	// StateDir is where the hash of the first password is kept.
	StateDir string
	// Password of the settings, or its hash; empty: the first start makes one.
	Password string
	// Tell is where the first password is told, once: what a log hides by its level
	// would be lost.
	Tell io.Writer

	checker  password.Checker
	attempts attempts

	mu       sync.Mutex
	want     string                          // what is checked against
	sessions map[[sha256.Size]byte]time.Time // by the cookie's hash: when they end
}

// SessionCookie holds an admin's session.
const SessionCookie = "umbrella_admin"

const (
	adminFile = "admin.hash"
	// SessionLife is how long a login lasts.
	SessionLife = 12 * time.Hour
	maxSessions = 64
)

// Start reads the password's hash. Where there is none, a password is made, and
// told once.
func (a *Admins) Start() error { return a.Reload(a.StateDir, a.Password) }

// Reload is Start with other settings. With another password than before, whoever
// has logged in has to do so again; after an error, the one before counts on.
func (a *Admins) Reload(stateDir, want string) error {
	if want == "" {
		var err error
		if want, err = a.first(stateDir); err != nil {
			return err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.want != want {
		a.want, a.sessions = want, map[[sha256.Size]byte]time.Time{}
	}
	return nil
}

// first is the hash of the password that the first start made.
func (a *Admins) first(stateDir string) (string, error) {
	file := filepath.Join(stateDir, adminFile)
	text, err := os.ReadFile(file)
	if err == nil {
		hash := strings.TrimSpace(string(text))
		if !password.IsHash(hash) || password.Valid(hash) != nil {
			return "", fmt.Errorf("the admin password: %s is damaged: remove it, and the next start makes a new one", file)
		}
		return hash, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the admin password: %w", err)
	}
	secret := strings.ToLower(rand.Text()[:16]) // 80 bits
	secret = secret[:4] + "-" + secret[4:8] + "-" + secret[8:12] + "-" + secret[12:]
	hash := password.HashRandom(secret)
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return "", fmt.Errorf("the admin password: %w", err)
	}
	if err := writeFile(file, []byte(hash+"\n")); err != nil {
		return "", fmt.Errorf("the admin password: %w", err)
	}
	if _, err := fmt.Fprintf(a.Tell, "admin password made: it is shown this once; option 'admin_password' sets another; password=%s\n", secret); err != nil {
		// Nobody would ever know it.
		return "", errors.Join(fmt.Errorf("telling the admin password: %w", err), os.Remove(file))
	}
	return hash, nil
}

// ErrAdminPassword is why a login fails.
var ErrAdminPassword = errors.New("the password is wrong")

// Login begins a session and returns its cookie's value. The error is
// ErrAdminPassword, password.ErrBusy or a *TryLaterError.
func (a *Admins) Login(c Client, secret string) (string, error) {
	now := time.Now()
	right, undo, err := a.attempts.begin(c.Addr, "", now)
	if err != nil {
		return "", err
	}
	a.mu.Lock()
	want := a.want
	a.mu.Unlock()
	ok, err := a.checker.Check(want, secret)
	if err != nil {
		undo()
		return "", err
	}
	if !ok {
		return "", ErrAdminPassword
	}
	right()
	cookie := rand.Text()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sweep(now)
	a.sessions[sha256.Sum256([]byte(cookie))] = now.Add(SessionLife)
	return cookie, nil
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
