package node

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"umbrella/internal/bound"
	"umbrella/internal/httpd"
	"umbrella/internal/names"
	"umbrella/internal/sfu"
)

var (
	errNoRoom  = errors.New("no room of that name is open here")
	errSeveral = errors.New("several people have that name")
)

// remove sends a participant of this node away, and tells them. who is an id, or a name
// that only one of those here has. Errors are in words: errNoRoom, errSeveral, and those of
// sfu.Room.RemoveParticipant.
func (n *Node) remove(room, who string) (httpd.Kicked, error) {
	if name, err := names.Room(room); err == nil {
		room = name
	}
	r := n.sfu.Room(room)
	if r == nil {
		return httpd.Kicked{}, errNoRoom
	}
	p, err := toRemove(r, who)
	if err == nil {
		err = r.RemoveParticipant(p.ID)
	}
	if err != nil {
		return httpd.Kicked{}, err
	}
	n.Log.Info("removed by the administrator", "room", room, "participant", p.ID)
	return httpd.Kicked{Room: room, ID: p.ID, Name: p.Name}, nil
}

// toRemove finds whom an id or a name means. Unlike an address to watch, a name that
// several people have means none of them.
func toRemove(r *sfu.Room, who string) (*sfu.Participant, error) {
	if p := r.Participant(who); p != nil {
		return p, nil
	}
	var here []*sfu.Participant
	var ids []string
	for _, p := range r.Participants() {
		if p.Origin == "" && p.Name == who && who != "" {
			here, ids = append(here, p), append(ids, p.ID)
		}
	}
	switch {
	case len(here) == 1:
		return here[0], nil
	case len(here) > 1:
		const shown = 10
		return nil, fmt.Errorf("%w: say which by the id, one of %s", errSeveral, strings.Join(ids[:min(len(ids), shown)], ", "))
	}
	if p := r.Find(who); p != nil {
		if p.Origin != "" {
			return nil, fmt.Errorf("%w (%s)", sfu.ErrRemote, bound.Text(p.Node, 64))
		}
		return p, nil
	}
	return nil, sfu.ErrNobody
}

// kickStatus is remove's error as an HTTP status.
func kickStatus(err error) int {
	if errors.Is(err, errNoRoom) || errors.Is(err, sfu.ErrNobody) {
		return http.StatusNotFound
	}
	return http.StatusConflict
}
