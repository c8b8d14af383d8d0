package access

import (
	"errors"
	"net/http"

	"umbrella/internal/config"
	"umbrella/internal/password"
)

// ErrNoCamera is what everybody is told who may not see a camera, and who asks for one
// that is not there (RFC 9110 §15.5.4): nobody learns the names of cameras by asking.
var ErrNoCamera = errors.New("there is no such camera, or you may not see it: its snapshot is /snapshot/NAME.jpg, " +
	"for whoever may watch in its room, by address or with a token or the room's password as a bearer token")

// snapshotDoor begins where wrong passwords for a camera's snapshot are counted, whether
// it is there or not: at the door of its room, it would show which cameras share one.
// It begins no room's name.
const snapshotDoor = "/snapshot/"

// AdmitSnapshot says whether whoever sent the request may see a camera in a room;
// an empty room stands for a camera that is not there, which nobody may see. Whoever
// may not is refused after the same work, whatever the camera's room is. The error says
// why, for the log: tell everybody ErrNoCamera. The camera's name has a bounded length.
func (g *Gate) AdmitSnapshot(r *http.Request, camera, room string, c Credentials) error {
	client := g.Client(r)
	if err := g.countJoin(client); err != nil {
		return err
	}
	rule := config.Room{Access: config.AccessToken}
	if room != "" {
		rule = g.rule(room)
	}
	door := snapshotDoor + camera
	grant, err := g.enter(r, client, rule, c, door)
	switch {
	case room == "":
		err = errors.Join(ErrNoCamera, err)
	case err == nil && !grant.Subscribe:
		err = ErrNotAllowed
	}
	_, later := errors.AsType[*TryLaterError](err)
	switch {
	case err == nil, later, errors.Is(err, password.ErrBusy):
	case c.Token != "":
		if errors.Is(err, ErrNotLocal) && g.Tokens != nil {
			_, _ = g.Tokens.Verify(c.Token) // which enter has not come to
		}
	case c.Password != "":
		g.checkInVain(client, rule, c.Password, door)
	}
	return err
}

// checkInVain does with a refused password what a room with a hash does with one, if
// the rule has not had that done: the slowest part of a refusal takes as long for each
// camera, and for those that are not there.
func (g *Gate) checkInVain(client Client, rule config.Room, given, door string) {
	hash := g.someHash()
	switch {
	case rule.Access != config.AccessPassword:
		_ = g.byPassword(client, door, hash, given)
	case hash != "" && !password.IsHash(rule.Password): // it is counted already
		_, _ = g.checker.Check(hash, given)
	}
}

// someHash returns the hash of the password of a room, always of the same one; empty
// where no room has one.
func (g *Gate) someHash() string {
	g.mu.RLock()
	defer g.mu.RUnlock()
	var first config.Room
	for _, room := range g.rooms {
		if password.IsHash(room.Password) && (first.Name == "" || room.Name < first.Name) {
			first = room
		}
	}
	return first.Password
}
