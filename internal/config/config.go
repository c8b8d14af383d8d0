// Package config reads the settings of a node: the UCI package `umbrella`,
// with UMBRELLA_* environment variables over it and defaults below it.
//
// Settings are validated whole. Load gives either a Config that is right in
// every field, or Problems that name everything that has to be put right.
package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
)

// DefaultRoom is the room of a camera that names none.
const DefaultRoom = "main"

// Config is a node's settings, valid in every field.
type Config struct {
	Main      Main
	Rooms     []Room     // in the order of the file; names differ
	Backhauls []Backhaul // in the order of the file; sections differ
	Cameras   []Camera   // in the order of the file; sections differ

	// Warnings are what the user should know although it stops nothing, one
	// sentence each, without secrets. Diff does not look at them.
	Warnings []string
}

// FreeSection returns a name for a new section that no section has yet: the text, with
// '_' for what cannot be in a name, and with a number behind it where that is taken.
func (c *Config) FreeSection(text string) string {
	taken := map[string]bool{sectionMain: true}
	for _, r := range c.Rooms {
		taken[r.Section] = true
	}
	for _, b := range c.Backhauls {
		taken[b.Section] = true
	}
	for _, camera := range c.Cameras {
		taken[camera.Section] = true
	}
	base := strings.Map(func(r rune) rune {
		if r < 128 && isName(string(r)) {
			return r
		}
		return '_'
	}, text)
	base = base[:min(len(base), 56)]
	if strings.Trim(base, "_") == "" {
		base = "section"
	}
	name := base
	for n := 2; taken[name]; n++ {
		name = fmt.Sprintf("%s%d", base, n)
	}
	return name
}

// Main is the section `main`, which says how the node as a whole runs.
type Main struct {
	Enabled bool
	// Listen is the TCP address of the web server, as net.Listen takes it: a
	// host, which may be empty, and a port from 1 to 65535.
	Listen string
	// Prefix is the path below which everything is served: empty, or one that
	// starts with a slash and does not end with one.
	Prefix string
	TLS    TLSMode
	// Cert and Key are paths of PEM files; both are set with TLSFiles.
	Cert, Key string
	// ACME is set with TLSACME.
	ACME ACME
	// MediaPort is the UDP and TCP port of all media, from 1 to 65535. It is
	// never the port of Listen.
	MediaPort int
	// TURN relays media over the web server's port for those who reach no other.
	TURN bool
	// TURNURL holds the URLs by which they do (RFC 7065, transport=tcp); empty: as
	// they reach the web server.
	TURNURL []string
	// PublicAddress holds the IP addresses and DNS names by which people reach
	// the node from outside, beside those of its interfaces.
	PublicAddress []string
	// WAN is for the init script of OpenWrt, which opens the firewall.
	WAN bool
	// Zones are the firewall zones of OpenWrt that people may come from, at least one;
	// with WAN, 'wan' is among them.
	Zones []string
	// TrustedProxy holds the networks whose X-Forwarded-For is believed. A
	// single address is a /32 or a /128.
	TrustedProxy []netip.Prefix
	// CORSOrigin holds the origins, as browsers write them, of pages elsewhere that
	// may publish and watch by WHIP and WHEP; "*" is any.
	CORSOrigin []string
	// Access says who may enter rooms that are not among Config.Rooms; never
	// AccessPassword.
	Access Access
	// MaxRooms is how many rooms may be open at once; 0 is no limit.
	MaxRooms int
	// PublishLimit is how much is taken of each participant that publishes, in
	// kbit/s; 0 is no limit.
	PublishLimit int
	// AdminPassword is the password of admins or a hash of it; empty: the node
	// makes one.
	AdminPassword Secret `json:"-"`
	// TokenKey is the path of a PEM file with an Ed25519 public key, or empty.
	TokenKey string
	// StateDir is the directory of what the node itself writes.
	StateDir string
	LogLevel slog.Level
}

// Secret is a text that is never shown.
type Secret string

// String tells nothing.
func (Secret) String() string { return "…" }

// GoString tells nothing either.
func (Secret) GoString() string { return "…" }

// ACME says how a public CA certifies the node.
type ACME struct {
	Domains []string // DNS names of the certificate, at least one
	Email   string   // empty, or where the CA may write to
	// Directory is the https URL of the CA's directory, empty for the usual CA.
	Directory string
	// HTTP is a TCP address as Listen is one, for HTTP-01 challenges; empty: by
	// TLS-ALPN-01 on Listen.
	HTTP string
}

// TLSMode says where the web server's certificate comes from.
type TLSMode int

const (
	TLSAuto  TLSMode = iota // the node keeps a CA of its own
	TLSFiles                // Main.Cert and Main.Key
	TLSACME                 // a public CA certifies the node, as Main.ACME says
	TLSOff                  // plain HTTP, behind a proxy
)

// String returns the mode as the option `tls` has it.
func (m TLSMode) String() string { return nameOf(tlsModes(), m) }

func tlsModes() []named[TLSMode] {
	return []named[TLSMode]{{"auto", TLSAuto}, {"files", TLSFiles}, {"acme", TLSACME}, {"off", TLSOff}}
}

// Room is a section `room`.
type Room struct {
	Section string // name of the section, or @room[N] when it has none
	// Name is what stands in the page's path: 1 to 64 letters and digits of any script, '-',
	// '_' and '.', the first one not a '.'.
	Name     string
	Password string `json:"-"` // or a hash of it; set with AccessPassword
	Access   Access
	// MaxParticipants is how many people the room takes; 0 is no limit.
	MaxParticipants int
}

// String tells a room without its password.
func (r Room) String() string {
	return fmt.Sprintf("room %s access %s max_participants %d", r.Name, r.Access, r.MaxParticipants)
}

// GoString is String, so that %#v tells no secret either.
func (r Room) GoString() string { return r.String() }

// Access says who may enter a room.
type Access int

const (
	AccessLAN      Access = iota // whoever comes from a local address
	AccessPassword               // whoever knows Room.Password
	AccessToken                  // whoever brings a token
	AccessOpen                   // anybody
)

// String returns the access as the option `access` has it.
func (a Access) String() string { return nameOf(accesses(), a) }

func accesses() []named[Access] {
	return []named[Access]{{"lan", AccessLAN}, {"password", AccessPassword}, {"token", AccessToken}, {"open", AccessOpen}}
}

// accessesOfOthers are those of rooms that have no section, and so no password.
func accessesOfOthers() []named[Access] {
	return slices.DeleteFunc(accesses(), func(a named[Access]) bool { return a.value == AccessPassword })
}

// Backhaul is a section `backhaul`: one trunk to another node.
type Backhaul struct {
	Section string // name of the section; differs among backhauls
	// Enabled is false as well when neither URL nor Secret is set, for then
	// there is nothing to dial and nothing to accept.
	Enabled bool
	// URL of the other node: ws or wss, its path ending in /wsb. Empty: this
	// node waits for a trunk that proves Secret.
	URL    string
	Secret string `json:"-"` // empty, or 16 to 256 characters
	// Fingerprint is the SHA-256 of the other node's certificate as 64
	// lower-case hexadecimal digits, or empty.
	Fingerprint string
	CA          string   // path of a PEM file, or empty for the system's CAs
	Rooms       []string // rooms that the trunk joins; empty: all
}

// String tells a backhaul without its secret.
func (b Backhaul) String() string {
	return fmt.Sprintf("backhaul %s enabled %t url %s rooms %v", b.Section, b.Enabled, RedactURL(b.URL), b.Rooms)
}

// GoString is String, so that %#v tells no secret either.
func (b Backhaul) GoString() string { return b.String() }

// Camera is a section `camera`.
type Camera struct {
	// Section is the name of the section, and the camera's participant id:
	// 1 to 64 letters, digits and '_'. It differs among cameras.
	Section string
	Enabled bool
	Name    string // what people see: 1 to 64 characters
	// URL and Substream are rtsp or rtsps URLs, often with a password in
	// them: log RedactURL of them. Substream may be empty.
	URL       string `json:"-"`
	Substream string `json:"-"`
	// ONVIF is an http or https URL of the camera's device service, or empty. The user
	// and the password of URL go there as well.
	ONVIF     string
	Transport Transport
	Room      string // as Room.Name
	Audio     bool   // take the camera's audio, too
	OnDemand  bool   // connect only while somebody watches
}

// String tells a camera without the passwords in its URLs.
func (c Camera) String() string {
	return fmt.Sprintf("camera %s enabled %t url %s room %s", c.Section, c.Enabled, RedactURL(c.URL), c.Room)
}

// GoString is String, so that %#v tells no secret either.
func (c Camera) GoString() string { return c.String() }

// Transport says how a camera's RTP comes.
type Transport int

const (
	TransportAuto Transport = iota // UDP first, then TCP
	TransportTCP
	TransportUDP
)

// String returns the transport as the option `transport` has it.
func (t Transport) String() string { return nameOf(transports(), t) }

func transports() []named[Transport] {
	return []named[Transport]{{"auto", TransportAuto}, {"tcp", TransportTCP}, {"udp", TransportUDP}}
}

// named is one value of an option that takes words.
type named[T comparable] struct {
	name  string
	value T
}

func nameOf[T comparable](words []named[T], v T) string {
	for _, w := range words {
		if w.value == v {
			return w.name
		}
	}
	return fmt.Sprintf("unknown (%d)", any(v))
}
