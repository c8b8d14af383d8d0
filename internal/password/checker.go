package password

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"sync"
)

// ErrBusy says that many passwords are being checked already.
var ErrBusy = errors.New("many passwords are being checked just now: try again in a moment")

// Checker checks passwords, against hashes or against the password itself. Hashes
// are checked one at a time, so that many who try at once take no more memory than
// one. The zero value is ready for use; it is safe for concurrent use.
type Checker struct {
	mu      sync.Mutex
	waiting int
	// right remembers, by hash, what password was right, so that a room's people
	// do not wait for each other: as a MAC with a key of this process.
	key   []byte
	right map[string][]byte

	one sync.Mutex // held while a hash is checked
}

const (
	maxWaiting = 8
	maxRight   = 256 // hashes that are remembered
)

// Check tells whether a password is that of want, which is a hash or the password
// itself. The error is ErrBusy, or nil.
func (c *Checker) Check(want, password string) (bool, error) {
	if !IsHash(want) {
		// Hashed first, so that not even the length can be timed.
		a, b := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(want))
		return want != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1, nil
	}
	mac, known, err := c.enter(want, password)
	if known || err != nil {
		return known, err
	}
	ok := false
	defer func() { c.leave(want, mac, ok) }()
	c.one.Lock()
	defer c.one.Unlock()
	ok = Matches(want, password)
	return ok, nil
}

// enter looks whether the password has been right before, and else takes a place
// among those that wait.
func (c *Checker) enter(want, password string) (mac []byte, known bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.key == nil {
		c.key = make([]byte, 32)
		_, _ = rand.Read(c.key) // it never fails
	}
	h := hmac.New(sha256.New, c.key)
	h.Write([]byte(password))
	mac = h.Sum(nil)
	if was, ok := c.right[want]; ok && subtle.ConstantTimeCompare(was, mac) == 1 {
		return mac, true, nil
	}
	if c.waiting >= maxWaiting {
		return nil, false, ErrBusy
	}
	c.waiting++
	return mac, false, nil
}

func (c *Checker) leave(want string, mac []byte, right bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting--
	if !right {
		return
	}
	if c.right == nil || len(c.right) >= maxRight {
		c.right = map[string][]byte{}
	}
	c.right[want] = mac
}
