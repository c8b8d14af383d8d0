package sfu

import (
	"crypto/rand"
	"errors"
	"strings"
)

// Ids of participants come from four places. Each has a form that the others cannot
// have, so nobody who chooses an id can choose that of somebody else:
//
//	made up         16 capital letters and digits
//	a camera        its section of the settings: letters, digits and '_'
//	a WHIP client   "whip-" and the name that it gave: see StreamID
//	another node    the id there, '@', and that node's id: see RemoteID
const (
	streamPrefix = "whip-"
	remoteMark   = "@"
)

var errBadID = errors.New("an id does not have the form that such a participant's has")

// StreamID is the id of a program that publishes under a name, which has no '@'.
func StreamID(name string) string { return streamPrefix + name }

// RemoteID is the id that somebody or something of another node has here. origin is
// that node's id.
func RemoteID(id, origin string) string { return id + remoteMark + origin }

// id is that of the entry, or one that is made up; an error if another kind of
// participant could have it.
func (e *Entry) id() (string, error) {
	switch {
	case e.ID == "" && e.Origin != "":
		return RemoteID(rand.Text()[:16], e.Origin), nil
	case e.ID == "":
		return rand.Text()[:16], nil
	case e.Origin != "" && !strings.HasSuffix(e.ID, RemoteID("", e.Origin)),
		e.Origin == "" && strings.Contains(e.ID, remoteMark),
		e.Origin == "" && strings.HasPrefix(e.ID, streamPrefix) != (e.Kind == Stream):
		return "", errBadID
	}
	return e.ID, nil
}
