package access

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"umbrella/internal/clock"
	"umbrella/internal/state"
)

// Invitation is what the node remembers of a token: that it was made, who uses one for
// one guest, that it was revoked. The token itself it does not keep.
type Invitation struct {
	ID     string   `json:"id"`
	Room   string   `json:"room,omitempty"`
	Name   string   `json:"name,omitempty"`
	Rights []string `json:"rights,omitempty"`
	Once   bool     `json:"once,omitempty"`
	// By is who made it, in words, and Parent the invitation by which they were there.
	By     string    `json:"by,omitempty"`
	Parent string    `json:"parent,omitempty"`
	Made   time.Time `json:"made,omitzero"`
	Ends   time.Time `json:"ends"`
	// Holder is the hash of what the guest of one for one guest has shown: see holderOf.
	Holder  string    `json:"holder,omitempty"`
	Used    time.Time `json:"used,omitzero"`
	Revoked time.Time `json:"revoked,omitzero"`
}

const (
	// maxInvitations are remembered until they end.
	maxInvitations = 2000
	// maxInvitationsFile bounds the file, in bytes.
	maxInvitationsFile = 4 << 20
	// maxID bounds the id of an invitation that somebody else has made, in bytes.
	maxID = 64
)

// Errors of invitations.
var (
	ErrNoInvitation       = errors.New("there is no such invitation, or it has ended")
	ErrTooManyInvitations = fmt.Errorf("%d invitations are out: revoke some, or wait until they end", maxInvitations)
	errRevoked            = fmt.Errorf("%w any more: it was revoked", ErrToken)
)

// ledger is the file in the state directory that remembers invitations. The daemon and
// `umbrellad token` change it, each under a lock of the directory. The zero value keeps
// all in memory.
type ledger struct {
	mu   sync.Mutex
	dir  string
	seen os.FileInfo // the file as it was read
	list map[string]*Invitation
	wall *clock.Wall // nil: the machine's
	// lost says why the last change is not in the file; nil: it is.
	lost error
}

// open reads the file of a directory.
func (l *ledger) open(dir string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dir != dir {
		l.dir, l.seen, l.list = dir, nil, nil
	}
	return l.read()
}

// read reads the file if it is not the one that was read. The caller holds mu.
func (l *ledger) read() error {
	if l.dir == "" {
		return nil
	}
	path := filepath.Join(l.dir, state.Invitations)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if l.seen != nil && os.SameFile(l.seen, info) && l.seen.ModTime().Equal(info.ModTime()) && l.seen.Size() == info.Size() {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var list []*Invitation
	if err := json.NewDecoder(io.LimitReader(f, maxInvitationsFile)).Decode(&list); err != nil {
		return fmt.Errorf("%s is damaged: remove it, and no invitation counts as revoked: %w", path, err)
	}
	l.seen, l.list = info, map[string]*Invitation{}
	for _, i := range list[:min(len(list), 2*maxInvitations)] {
		if i != nil && i.ID != "" {
			l.list[i.ID] = i
		}
	}
	return nil
}

// change reads the file, makes a change, and writes it, with nobody else doing so
// meanwhile. What cannot be written holds until this process ends, and lost says so.
func (l *ledger) change(edit func(map[string]*Invitation) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	unlock, locked := lockDirectory(l.dir)
	defer unlock()
	read := l.read()
	if l.list == nil {
		l.list = map[string]*Invitation{}
	}
	for id, i := range l.list {
		if l.isOver(i, 24*time.Hour) {
			delete(l.list, id)
		}
	}
	if err := edit(l.list); err != nil {
		return err
	}
	l.lost = errors.Join(locked, read)
	if l.lost == nil && l.dir != "" {
		l.lost = l.write()
	}
	return nil
}

// isOver reports whether an invitation has ended for so long, by each clock that can have
// made it: a clock that is wrong for a while takes no revocation back.
func (l *ledger) isOver(i *Invitation, since time.Duration) bool {
	wall := l.wall
	if wall == nil {
		wall = clock.Machine
	}
	return !slices.ContainsFunc(wall.Readings(i.Made), func(now time.Time) bool { return !now.After(i.Ends.Add(since)) })
}

func (l *ledger) write() error {
	list := make([]*Invitation, 0, len(l.list))
	for _, i := range l.list {
		list = append(list, i)
	}
	slices.SortFunc(list, func(a, b *Invitation) int { return strings.Compare(a.ID, b.ID) })
	b, err := json.Marshal(list)
	if err != nil {
		return err
	}
	path := filepath.Join(l.dir, state.Invitations)
	if err := state.Write(path, append(b, '\n')); err != nil {
		return err
	}
	l.seen, err = os.Stat(path)
	return err
}

// lockDirectory keeps other processes from changing the file meanwhile.
func lockDirectory(dir string) (unlock func(), err error) {
	if dir == "" {
		return func() {}, nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return func() {}, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return func() {}, err
	}
	return func() { _ = f.Close() }, nil
}

// find returns a copy of what is remembered of a token; false for nothing.
func (l *ledger) find(id string) (Invitation, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == nil {
		// What cannot be read now was read before.
		_ = l.read()
	}
	i := l.list[id]
	if i == nil {
		return Invitation{}, false
	}
	return *i, true
}

// revoked reports whether a token was revoked, or the one by which its maker was there.
func (l *ledger) revoked(id string) bool {
	for range 8 { // a maker's maker, and so on
		i, ok := l.find(id)
		if !ok {
			return false
		}
		if !i.Revoked.IsZero() {
			return true
		}
		if id = i.Parent; id == "" {
			return false
		}
	}
	return true
}

// Invitations returns those that hold, or were revoked and have not ended, by when they
// were made, the newest first.
func (t *Tokens) Invitations() []Invitation {
	list := t.ledger.shown()
	slices.SortFunc(list, func(a, b Invitation) int {
		if d := b.Made.Compare(a.Made); d != 0 {
			return d
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}

// shown returns copies of those that have a maker and are not over.
func (l *ledger) shown() []Invitation {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == nil {
		_ = l.read()
	}
	var list []Invitation
	for _, i := range l.list {
		if i.By != "" && !l.isOver(i, 0) {
			list = append(list, *i)
		}
	}
	return list
}

// NotKept says why the last change of the invitations is lost with the next start; nil:
// it is kept.
func (t *Tokens) NotKept() error {
	t.ledger.mu.Lock()
	defer t.ledger.mu.Unlock()
	return t.ledger.lost
}

// remember notes that an invitation was made. The error is ErrTooManyInvitations.
func (t *Tokens) remember(i Invitation) error {
	return t.ledger.change(func(list map[string]*Invitation) error {
		if len(list) >= maxInvitations {
			return ErrTooManyInvitations
		}
		list[i.ID] = &i
		return nil
	})
}

// Revoke ends an invitation: nobody comes in by it any more, nor by those that somebody
// made who was there by it. Whoever is in stays. what is its id, the token, or the link.
// The error is ErrNoInvitation or ErrTooManyInvitations.
func (t *Tokens) Revoke(what string) (Invitation, error) {
	what = strings.TrimSpace(what)
	if _, token, ok := strings.Cut(what, "#token="); ok {
		what = token
	}
	now := time.Now()
	made := Invitation{ID: what}
	if strings.Count(what, ".") == 2 {
		c, err := t.Verify(what)
		if errors.Is(err, errRevoked) {
			return Invitation{}, nil
		}
		if err != nil {
			return Invitation{}, fmt.Errorf("%w: %w", ErrNoInvitation, err)
		}
		if c.ID == "" || len(c.ID) > maxID {
			return Invitation{}, fmt.Errorf("%w: the token has no id (jti) by which it could be revoked", ErrNoInvitation)
		}
		made = Invitation{ID: c.ID, Room: c.Room, Name: c.Name, Rights: c.Rights, Once: c.Once, By: "somebody", Ends: c.ExpiresAt.Time}
		if c.IssuedAt != nil {
			made.Made = c.IssuedAt.Time
		}
	}
	err := t.ledger.change(func(list map[string]*Invitation) error {
		i := list[made.ID]
		if i == nil {
			if made.Ends.IsZero() {
				return ErrNoInvitation
			}
			if len(list) >= 2*maxInvitations {
				return ErrTooManyInvitations
			}
			i = &made
			list[made.ID] = i
		}
		if i.Revoked.IsZero() {
			i.Revoked = now.Truncate(time.Second)
		}
		made = *i
		return nil
	})
	return made, err
}

// holderOf is how one guest is told from others: by the seat that a browser keeps, or,
// for a program, which keeps nothing, by its address. Only its hash is written down.
func holderOf(seat, address string) string {
	who := "address " + address
	if seat != "" {
		who = "seat " + seat
	}
	sum := sha256.Sum256([]byte(who))
	return base64.RawStdEncoding.EncodeToString(sum[:])
}

// use keeps a token for one guest for who brings it first. The error is an ErrToken.
func (t *Tokens) use(c *Claims, holder string, now time.Time) error {
	if !c.Once {
		return nil
	}
	if c.ID == "" || len(c.ID) > maxID || c.IssuedAt == nil {
		return fmt.Errorf("%w: one for one guest needs an id (jti) of at most %d bytes and its time (iat)", ErrToken, maxID)
	}
	errUsed := fmt.Errorf("%w any more: it was for one guest, and somebody has used it", ErrToken)
	if i, ok := t.ledger.find(c.ID); ok && i.Holder != "" {
		if i.Holder != holder {
			return errUsed
		}
		return nil
	}
	t.mu.Lock()
	started := t.started
	t.mu.Unlock()
	age := t.wall.By(c.IssuedAt.Time).Sub(c.IssuedAt.Time)
	if t.NotKept() != nil && (age > now.Sub(started)+time.Second || age < -clockLeeway) {
		return fmt.Errorf("%w any more: it was for one guest, and the node, which cannot write to state_dir, has restarted", ErrToken)
	}
	return t.ledger.change(func(list map[string]*Invitation) error {
		i := list[c.ID]
		if i == nil {
			if len(list) >= 2*maxInvitations {
				return fmt.Errorf("%w now: too many of its kind have been used", ErrToken)
			}
			i = &Invitation{ID: c.ID, Room: c.Room, Name: c.Name, Rights: c.Rights, Once: true, Made: c.IssuedAt.Time, Ends: c.ExpiresAt.Add(2 * clockLeeway)}
			list[c.ID] = i
		}
		if i.Holder != "" && i.Holder != holder {
			return errUsed
		}
		i.Holder, i.Used = holder, now.Truncate(time.Second)
		return nil
	})
}
