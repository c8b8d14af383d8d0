package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Change is what differs between two Configs, by the parts of a node.
type Change struct {
	Main      MainChange
	Rooms     Changes[Room]     // told apart by Room.Name
	Backhauls Changes[Backhaul] // by Backhaul.Section; only those that are enabled
	Cameras   Changes[Camera]   // by Camera.Section; only those that are enabled
}

// MainChange says which parts of Main differ.
type MainChange struct {
	Enabled       bool // the node is to start or to stop
	Listen        bool // the web server is to listen elsewhere
	Prefix        bool // the paths of the web server
	TLS           bool // tls, cert, key or what ACME goes by
	MediaPort     bool // the port of all media: running calls have to move
	TURN          bool // turn or turn_url: whether is relayed, and what browsers are told
	PublicAddress bool // what is offered to new connections, and certified
	Zones         bool // which addresses people are told
	TrustedProxy  bool
	CORSOrigin    bool
	Access        bool // of rooms without a section
	Limits        bool // max_rooms or publish_limit
	AdminPassword bool
	TokenKey      bool
	StateDir      bool
	LogLevel      bool
}

// Changes is what differs between two lists of one kind of section.
type Changes[T any] struct {
	Added   []T
	Changed []Pair[T]
	Removed []T
}

// Pair is one section before and after a change.
type Pair[T any] struct{ Old, New T }

// Empty reports whether nothing differs.
func (c Changes[T]) Empty() bool {
	return len(c.Added) == 0 && len(c.Changed) == 0 && len(c.Removed) == 0
}

// Diff returns what it takes to make a node that runs by old run by updated.
// A backhaul or camera that is not enabled counts as not there.
func Diff(old, updated *Config) Change {
	a, b := old.Main, updated.Main
	return Change{
		Main: MainChange{
			Enabled:       a.Enabled != b.Enabled,
			Listen:        a.Listen != b.Listen,
			Prefix:        a.Prefix != b.Prefix,
			TLS:           a.TLS != b.TLS || a.Cert != b.Cert || a.Key != b.Key || !reflect.DeepEqual(a.ACME, b.ACME),
			TURN:          a.TURN != b.TURN || !slices.Equal(a.TURNURL, b.TURNURL),
			MediaPort:     a.MediaPort != b.MediaPort,
			PublicAddress: !slices.Equal(a.PublicAddress, b.PublicAddress),
			Zones:         !slices.Equal(a.Zones, b.Zones),
			TrustedProxy:  !slices.Equal(a.TrustedProxy, b.TrustedProxy),
			CORSOrigin:    !slices.Equal(a.CORSOrigin, b.CORSOrigin),
			Access:        a.Access != b.Access,
			Limits:        a.MaxRooms != b.MaxRooms || a.PublishLimit != b.PublishLimit,
			AdminPassword: a.AdminPassword != b.AdminPassword,
			TokenKey:      a.TokenKey != b.TokenKey,
			StateDir:      a.StateDir != b.StateDir,
			LogLevel:      a.LogLevel != b.LogLevel,
		},
		Rooms: diff(withoutSections(old.Rooms), withoutSections(updated.Rooms),
			func(r Room) string { return r.Name }, func(Room) bool { return true }),
		Backhauls: diff(old.Backhauls, updated.Backhauls,
			func(b Backhaul) string { return b.Section }, func(b Backhaul) bool { return b.Enabled }),
		Cameras: diff(old.Cameras, updated.Cameras,
			func(c Camera) string { return c.Section }, func(c Camera) bool { return c.Enabled }),
	}
}

// withoutSections returns rooms without the names of their sections: @room[1] becomes
// @room[0] when another one is removed.
func withoutSections(rooms []Room) []Room {
	rooms = slices.Clone(rooms)
	for i := range rooms {
		rooms[i].Section = ""
	}
	return rooms
}

func diff[T any](old, updated []T, key func(T) string, counts func(T) bool) Changes[T] {
	before := map[string]T{}
	for _, v := range old {
		if counts(v) {
			before[key(v)] = v
		}
	}
	var changes Changes[T]
	stays := map[string]bool{}
	for _, v := range updated {
		if !counts(v) {
			continue
		}
		stays[key(v)] = true
		was, ok := before[key(v)]
		switch {
		case !ok:
			changes.Added = append(changes.Added, v)
		case !reflect.DeepEqual(was, v):
			changes.Changed = append(changes.Changed, Pair[T]{was, v})
		}
	}
	for _, v := range old {
		if counts(v) && !stays[key(v)] {
			changes.Removed = append(changes.Removed, v)
		}
	}
	return changes
}

// Empty reports whether nothing differs.
func (c Change) Empty() bool {
	return c.Main == MainChange{} && c.Rooms.Empty() && c.Backhauls.Empty() && c.Cameras.Empty()
}

// String tells for a log what differs, by name and without any value: such as
// "listen, room lobby added, camera door changed", or "nothing".
func (c Change) String() string {
	var parts []string
	for _, m := range []struct {
		changed bool
		name    string
	}{
		{c.Main.Enabled, "enabled"},
		{c.Main.Listen, "listen"},
		{c.Main.Prefix, "prefix"},
		{c.Main.TLS, "tls"},
		{c.Main.MediaPort, "media_port"},
		{c.Main.TURN, "turn"},
		{c.Main.PublicAddress, "public_address"},
		{c.Main.Zones, "zone"},
		{c.Main.TrustedProxy, "trusted_proxy"},
		{c.Main.CORSOrigin, "cors_origin"},
		{c.Main.Access, "access"},
		{c.Main.Limits, "limits"},
		{c.Main.AdminPassword, "admin_password"},
		{c.Main.TokenKey, "token_key"},
		{c.Main.StateDir, "state_dir"},
		{c.Main.LogLevel, "log_level"},
	} {
		if m.changed {
			parts = append(parts, m.name)
		}
	}
	parts = append(parts, describe("room", c.Rooms, func(r Room) string { return r.Name })...)
	parts = append(parts, describe("backhaul", c.Backhauls, func(b Backhaul) string { return b.Section })...)
	parts = append(parts, describe("camera", c.Cameras, func(c Camera) string { return c.Section })...)
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

func describe[T any](kind string, c Changes[T], name func(T) string) []string {
	var parts []string
	for _, v := range c.Added {
		parts = append(parts, fmt.Sprintf("%s %s added", kind, name(v)))
	}
	for _, p := range c.Changed {
		parts = append(parts, fmt.Sprintf("%s %s changed", kind, name(p.New)))
	}
	for _, v := range c.Removed {
		parts = append(parts, fmt.Sprintf("%s %s removed", kind, name(v)))
	}
	return parts
}
