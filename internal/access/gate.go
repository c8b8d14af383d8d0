// Package access decides who may do what: which addresses are trusted, who may
// join a room, which page may open a WebSocket; and it keeps the certificates.
package access

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"umbrella/internal/bound"
	"umbrella/internal/config"
	"umbrella/internal/names"
	"umbrella/internal/password"
)

// Reasons why somebody is not let in.
var (
	ErrNotLocal      = errors.New("this room can be joined only from the local network")
	ErrPassword      = errors.New("the password of the room is wrong")
	ErrNeedsPassword = errors.New("the room needs a password")
	ErrNeedsToken    = errors.New("this room is entered with an invitation")
	ErrOtherRoom     = fmt.Errorf("%w here: it is for another room", ErrToken)
	ErrNotAllowed    = errors.New("the invitation does not allow that")
	ErrAlikeRoom     = errors.New("a room of this node has a name that looks the same: enter its name in the same letters")
	ErrModerator     = errors.New("the admin's password makes moderators on the local network only")
	ErrNoAdmin       = errors.New("this node has no admin's password")
	ErrSeat          = errors.New("a seat has 16 to 64 letters and digits")
	ErrOrigin        = errors.New("a page of another site may not do this")
	ErrNotAdmin      = errors.New("this is for admins: log in, or send a token with the right 'admin'")
	ErrOwnName       = errors.New("open this page by localhost or an address, not by a name")
)

// Gate knows the rules. With no field set it lets local addresses into every
// room. Safe for concurrent use.
type Gate struct {
	Tokens *Tokens
	Admins *Admins

	checker  password.Checker
	attempts attempts
	joins    bound.Rates
	requests bound.Rates
	offers   bound.Rates
	open     bound.Counter // WebSockets
	conns    bound.Counter // TCP connections

	mu      sync.RWMutex
	rooms   map[string]config.Room
	looks   map[string]bool // skeletons of their names
	others  config.Access   // of rooms without a rule
	proxies []netip.Prefix
	hosts   map[string]bool // DNS names of the node, as hostOf has them
	cors    []string        // origins of pages elsewhere, or "*"
}

// SetRooms replaces the rooms' rules, and who may enter rooms that have none; who
// is in stays in.
func (g *Gate) SetRooms(rooms []config.Room, others config.Access) {
	byName, looks := make(map[string]config.Room, len(rooms)), make(map[string]bool, len(rooms))
	for _, r := range rooms {
		byName[r.Name] = r
		looks[names.Skeleton(r.Name)] = true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rooms, g.looks, g.others = byName, looks, others
}

// SetTrustedProxies replaces the networks whose X-Forwarded-For is believed.
func (g *Gate) SetTrustedProxies(proxies []netip.Prefix) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.proxies = slices.Clone(proxies)
}

// Credentials are what somebody brings to a room's door.
type Credentials struct {
	Password string
	Token    string
	// Seat is a secret that a browser keeps, to be known again; empty: none.
	Seat string
}

// Bearer takes what stands in an Authorization header for what it looks like: a
// token has three parts and begins as a JSON object does in base64.
func Bearer(s string) Credentials {
	if strings.HasPrefix(s, "ey") && strings.Count(s, ".") == 2 {
		return Credentials{Token: s}
	}
	return Credentials{Password: s}
}

// Grant is what somebody may do who was let in.
type Grant struct {
	Publish, Subscribe, Moderate bool
	// Name that the token gives; mostly empty.
	Name string
	// Proven: a password or a token was checked. Otherwise the room lets in whoever
	// comes, or whoever comes from there.
	Proven bool
	// Client is whom it was given to, as bound.Origin has it.
	Client netip.Prefix
	// Room is the one spelling of the room's name, and Access says who may enter it.
	Room   string
	Access config.Access
	// Invitation is the id of the token; empty: there was none, or it has none. Ends is
	// when the token ends, and Once says that it is for one guest.
	Invitation string
	Ends       time.Time
	Once       bool
}

// Guest is the id of the invitation for one guest that was brought; empty: it is none of
// those.
func (g Grant) Guest() string {
	if g.Once {
		return g.Invitation
	}
	return ""
}

// Admit says whether whoever sent the request may join the room, and what to do
// there. The error is one of this package's, or password.ErrBusy.
func (g *Gate) Admit(r *http.Request, room string, c Credentials) (Grant, error) {
	client := g.Client(r)
	grant, err := g.admit(r, client, room, c)
	if err != nil {
		return Grant{}, err
	}
	grant.Client = bound.Origin(client.Addr)
	return grant, nil
}

func (g *Gate) admit(r *http.Request, client Client, room string, c Credentials) (Grant, error) {
	if err := g.countJoin(client); err != nil {
		return Grant{}, err
	}
	room, err := names.Room(room)
	if err != nil {
		return Grant{}, err
	}
	if c.Seat != "" && !isSeat(c.Seat) {
		return Grant{}, ErrSeat
	}
	if g.isAlike(room) {
		return Grant{}, ErrAlikeRoom
	}
	rule := g.rule(room)
	grant, err := g.enter(r, client, rule, c, room)
	grant.Room, grant.Access = room, rule.Access
	return grant, err
}

// isSeat reports whether s can be a seat, which a browser makes of random bytes.
func isSeat(s string) bool {
	for _, c := range []byte(s) {
		if !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
			return false
		}
	}
	return len(s) >= 16 && len(s) <= 64
}

// isAlike reports whether a room that has no rule looks like one that has.
func (g *Gate) isAlike(room string) bool {
	if names.IsASCII(room) {
		return false // what people type, whatever was made to look like it
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	if _, ok := g.rooms[room]; ok {
		return false
	}
	return g.looks[names.Skeleton(room)]
}

// countJoin counts an attempt to join, before anything else is looked at: whoever is
// refused is told so, which costs.
func (g *Gate) countJoin(client Client) error {
	if !g.joins.Allow(bound.Origin(client.Addr), joinsPerSecond, joinBurst, time.Now()) {
		return &TryLaterError{"too many joins from this address", time.Second}
	}
	return nil
}

// rule returns who may enter a room.
func (g *Gate) rule(room string) config.Room {
	g.mu.RLock()
	defer g.mu.RUnlock()
	rule, ok := g.rooms[room]
	if !ok {
		rule = config.Room{Name: room, Access: g.others}
	}
	return rule
}

// enter applies a room's rule. Wrong passwords are counted at the door.
func (g *Gate) enter(r *http.Request, client Client, rule config.Room, c Credentials, door string) (Grant, error) {
	if rule.Access == config.AccessLAN && !client.Local() {
		return Grant{}, fmt.Errorf("%w; this came %s", ErrNotLocal, client)
	}
	if c.Token != "" {
		return g.byToken(client, rule.Name, c)
	}
	all := Grant{Publish: true, Subscribe: true}
	if g.Admins != nil && g.Admins.Session(r) {
		all.Moderate = true
		return all, nil
	}
	switch rule.Access {
	case config.AccessPassword:
		all.Proven = true
		return all, g.byPassword(client, door, rule.Password, c.Password)
	case config.AccessLAN, config.AccessOpen:
		return all, nil
	}
	return Grant{}, ErrNeedsToken
}

func (g *Gate) byToken(client Client, room string, brought Credentials) (Grant, error) {
	if g.Tokens == nil {
		return Grant{}, ErrToken
	}
	c, err := g.Tokens.Verify(brought.Token)
	if err != nil {
		return Grant{}, err
	}
	if c.Room != room && c.Room != AnyRoom {
		return Grant{}, ErrOtherRoom
	}
	grant := Grant{
		Publish: c.Has(RightPublish) || c.admin(), Subscribe: c.Has(RightSubscribe) || c.admin(),
		Moderate: c.Has(RightModerate) || c.admin(), Name: c.Name, Proven: true,
		Invitation: c.ID, Ends: c.ExpiresAt.Time, Once: c.Once,
	}
	// Being there, one sees who is and reads what is written: that is for those who
	// take part, and not for a node that has come by a token for its trunk.
	if !grant.Publish && !grant.Subscribe {
		return Grant{}, ErrNotAllowed
	}
	if err := g.Tokens.use(c, holderOf(brought.Seat, bound.Origin(client.Addr).String()), time.Now()); err != nil {
		return Grant{}, err
	}
	return grant, nil
}

func (g *Gate) byPassword(client Client, door, want, given string) error {
	if given == "" {
		return ErrNeedsPassword
	}
	right, undo, err := g.attempts.begin(client.Addr, door, time.Now())
	if err != nil {
		return err
	}
	switch ok, err := g.checker.Check(want, given); {
	case err != nil:
		undo()
		return err
	case !ok:
		return ErrPassword
	}
	right()
	return nil
}

// MayAskToModerate reports whether AdmitModerator would look at a password that comes
// with the request.
func (g *Gate) MayAskToModerate(r *http.Request) bool {
	return g.Admins != nil && g.Client(r).Local()
}

// AdmitModerator says whether whoever sent the request becomes a moderator of the room
// that they are in: they are on the local network and know the admin's password, of
// which wrong ones count as those of logins do. The error is ErrModerator, ErrNoAdmin,
// ErrAdminPassword, password.ErrBusy or a *TryLaterError.
func (g *Gate) AdmitModerator(r *http.Request, secret string) error {
	client := g.Client(r)
	switch {
	case !client.Local():
		return ErrModerator
	case g.Admins == nil:
		return ErrNoAdmin
	}
	return g.Admins.Check(client, secret)
}

// AdmitAdmin says whether whoever sent the request may see the live state and
// change the settings: somebody who has logged in, a program with a token, or one
// on this machine. A page of another site may not, whoever opened it. The error is
// ErrOrigin, ErrOwnName or ErrNotAdmin.
func (g *Gate) AdmitAdmin(r *http.Request) error {
	if err := g.CheckOrigin(r); err != nil {
		return err
	}
	if g.Admins != nil && g.Admins.Session(r) {
		return nil
	}
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") && g.Tokens != nil {
		c, err := g.Tokens.Verify(strings.TrimSpace(token))
		if err == nil && c.admin() && !c.Once {
			return nil
		}
		return ErrNotAdmin
	}
	if !g.Client(r).Loopback() {
		return ErrNotAdmin
	}
	// By a name of its own, any site can come to be the origin of a page on this
	// machine (DNS rebinding). A cookie it would not have.
	if !cannotRebind(hostOf(r.Host)) {
		return ErrOwnName
	}
	return nil
}

// AdmitTrunk says which rooms the node may join by a trunk that brings a token of
// this node, of which it shows all but the signature; none is all of them. The
// token, which the node has to show that it knows, is returned whole. The name is
// the same for the same token. The error is an ErrToken, or ErrNotAllowed.
func (g *Gate) AdmitTrunk(unsigned string) (name, token string, rooms []string, err error) {
	if token, err = g.Tokens.sign(unsigned); err != nil {
		return "", "", nil, err
	}
	c, err := g.Tokens.Verify(token)
	if err != nil {
		return "", "", nil, err
	}
	if !c.Has(RightTrunk) || c.Once {
		return "", "", nil, ErrNotAllowed
	}
	sum := sha256.Sum256([]byte(token))
	if c.Room != AnyRoom {
		rooms = []string{c.Room}
	}
	return "invited_" + hex.EncodeToString(sum[:4]), token, rooms, nil
}
