package sfu

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// node is what this node is called among others.
type node struct{ name, id string }

// SetNode tells what people call this node, and its id: Find knows it by both.
func (s *SFU) SetNode(name, id string) { s.node.Store(&node{name, id}) }

// Find returns the participant that an address names, such as the last part of
// /whep/ROOM/NAME; nil if there is none. NAME is an id, the name that a WHIP client
// gave, or a name, and NAME@NODE the same at one node, by its name or its id. Those at
// this node are found before those at others, and cameras and streams before people,
// so that nobody gets the address of a camera by its name. Of several at other nodes
// that of the first node in alphabetical order is found. Viewers, whom nobody can
// watch, are found by their id alone.
//
// An id of a participant of another node changes when that node restarts. Its name and
// NAME@NODE do not.
func (r *Room) Find(asked string) *Participant {
	return r.sfu.find(r.Participants(), asked)
}

// FindCamera returns the camera that an address names, in whichever room; nil if there
// is none. It is found as by Room.Find.
func (s *SFU) FindCamera(asked string) *Participant {
	var cameras []*Participant
	for _, r := range s.Rooms() {
		for _, p := range r.Participants() {
			if p.Kind == Camera {
				cameras = append(cameras, p)
			}
		}
	}
	return s.find(cameras, asked)
}

func (s *SFU) find(list []*Participant, asked string) *Participant {
	asked = norm.NFC.String(asked) // as names are
	if p := best(list, asked); p != nil {
		return p
	}
	// A name may have the mark in it, the name of a machine does not.
	i := strings.LastIndex(asked, remoteMark)
	if i <= 0 {
		return nil
	}
	at := asked[i+len(remoteMark):]
	own := s.node.Load()
	return best(slices.DeleteFunc(slices.Clone(list), func(p *Participant) bool {
		if p.Origin == "" {
			return own == nil || at != own.name && at != own.id
		}
		return at != p.Node && at != p.Origin
	}), asked[:i])
}

// best is the one that an address without a node names.
func best(list []*Participant, asked string) (found *Participant) {
	least := matches
	for _, p := range list {
		m := p.match(asked)
		if m < least || found != nil && m == least && m < matches && cmp.Compare(p.Node, found.Node) < 0 {
			found, least = p, m
		}
	}
	return found
}

// matches is the number of ways in which an address can name a participant.
const matches = 7

// match says in which way an address names the participant, the best one being 0;
// matches if it does not.
func (p *Participant) match(asked string) int {
	own, remote := p.ID, 0
	if p.Origin != "" {
		own, remote = strings.TrimSuffix(p.ID, RemoteID("", p.Origin)), 1
	}
	switch {
	case asked == "":
		return matches
	case p.ID == asked:
		return 0
	case own == asked, p.Kind == Stream && own == StreamID(asked):
		return 1 + 2*remote
	case p.ViewOnly || p.Name != asked:
		return matches
	case p.Kind == Person:
		return 5 + remote
	}
	return 2 + 2*remote
}

// LastingName is what Find finds the participant by, also after its node has restarted:
// the section of a camera, the name that a WHIP client gave, or else the name; behind
// it, of a participant of another node, '@' and that node's name.
func (p *Participant) LastingName() string {
	own := p.ID
	if p.Origin != "" {
		own = strings.TrimSuffix(own, RemoteID("", p.Origin))
	}
	name, given := strings.CutPrefix(own, streamPrefix)
	switch {
	case p.Kind == Camera:
	case p.Kind == Stream && given:
		own = name
	default:
		own = p.Name
	}
	if p.Origin != "" {
		own += remoteMark + p.Node
	}
	return own
}
