package onvif

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"umbrella/internal/bound"
)

// local tells that an address is on the local network. Loopback is not, except
// for devices found there: else a camera could send the node to services of its
// own machine.
func local(a netip.Addr, loopback bool) bool {
	a = a.Unmap()
	return a.IsPrivate() || a.IsLinkLocalUnicast() || loopback && a.IsLoopback()
}

// reach says which addresses of this machine a device may lead to. The zero
// value is none: else one that lies could make the node talk to itself.
type reach struct {
	loopback bool // those of loopback
	own      bool // those of its interfaces
}

// reachFrom is that of a device that answered from an address: what is on this
// machine may name this machine.
func reachFrom(a netip.Addr) reach {
	return reach{loopback: a.IsLoopback(), own: ours(a)}
}

// check tells why an address is not connected to; nil: it is.
func (r reach) check(a netip.Addr) error {
	switch {
	case !local(a, r.loopback):
		return ErrNotLocal
	case !r.loopback && !r.own && ours(a):
		return errOurs
	}
	return nil
}

// ours tells that an interface of this machine has the address. If that cannot
// be told it has.
func ours(a netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	a = a.Unmap().WithZone("")
	return err != nil || slices.ContainsFunc(all, func(own net.Addr) bool {
		p, err := netip.ParsePrefix(own.String())
		return err == nil && p.Addr().Unmap() == a
	})
}

// At is the device at an address that is known: "192.168.1.64",
// "camera.lan:8080" or the URL of its device service, http or https. A user and
// a password in the URL are dropped. It may be this machine, but not by loopback.
// It connects to nothing; that a name leads to a private or link-local address is
// seen to when it is asked.
func At(address string) (Device, error) {
	text := strings.TrimSpace(address)
	if !strings.Contains(text, "://") {
		if a, err := netip.ParseAddr(text); err == nil && a.Is6() {
			text = "[" + text + "]"
		}
		text = "http://" + strings.Replace(text, "%", "%25", 1)
	}
	u, err := parseService(text)
	if err != nil {
		return Device{}, fmt.Errorf("the camera's address %q: %w", clean(address), err)
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !local(a, false) {
		return Device{}, fmt.Errorf("the camera's address %s: %w", a, ErrNotLocal)
	}
	return Device{Address: u.Host, Services: []string{u.String()}, reach: reach{own: true}}, nil
}

// parseService reads the URL of a device service.
func parseService(text string) (*url.URL, error) {
	if len(text) > 512 {
		return nil, fmt.Errorf("longer than 512 characters")
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("it is neither an address nor a URL")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the scheme is %q, it can be http or https", clean(u.Scheme))
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("it has no host")
	}
	u.User, u.Fragment = nil, ""
	if u.Path == "" || u.Path == "/" {
		u.Path = "/onvif/device_service"
	}
	return u, nil
}

// ranked is a URL that a device may be reached at; the lowest rank goes first.
type ranked struct {
	url, host string
	rank      int
}

// services makes, of the URLs that a device gave for itself, those that the node
// may ask. Only the address that the answer came from is known to be the device's:
// so it is put into each URL. What the device calls itself may be the address with
// which it left the factory, or that of another device: others is the first such
// URL, to be shown and not to be asked.
func services(given []string, from netip.Addr) (all []ranked, others string) {
	rank := 0
	// A link-local IPv6 address needs a zone, which RTSP clients may not know.
	if from.Is6() && from.IsLinkLocalUnicast() {
		rank = 1
	}
	for _, text := range given {
		u, err := parseService(text)
		if err != nil {
			continue
		}
		if a, err := netip.ParseAddr(u.Hostname()); others == "" && (err != nil || a.Unmap().WithZone("") != from.Unmap().WithZone("")) {
			others = clean(u.String())
		}
		u.Host = hostPort(from, u.Port())
		all = append(all, ranked{url: u.String(), host: u.Host, rank: rank})
	}
	return best(all), others
}

// best sorts, drops doubles and keeps maxServices. Of one rank the order is that
// of the addresses, so that it is the same every time.
func best(all []ranked) []ranked {
	slices.SortStableFunc(all, func(a, b ranked) int {
		return cmp.Or(a.rank-b.rank, addressOf(a.host).Compare(addressOf(b.host)))
	})
	var kept []ranked
	for _, r := range all {
		if len(kept) < maxServices && !slices.ContainsFunc(kept, func(k ranked) bool { return k.url == r.url }) {
			kept = append(kept, r)
		}
	}
	return kept
}

// addressOf is the address in "192.168.1.64", "[fd00::9]:8080" and the like.
func addressOf(host string) netip.Addr {
	if ap, err := netip.ParseAddrPort(host); err == nil {
		return ap.Addr()
	}
	a, _ := netip.ParseAddr(strings.Trim(host, "[]")) // without one it goes first
	return a
}

func hostPort(a netip.Addr, port string) string {
	host := a.String()
	if a.Is6() {
		host = "[" + host + "]"
	}
	if port != "" {
		host += ":" + port
	}
	return host
}

// reachable is the URL of a stream at the host that the camera was reached at,
// whichever host the camera writes: behind NAT it names an address that leads
// nowhere, and another host's is none of its business. Path and query stay as they
// are, byte for byte: cameras have odd ones. A user and a password in it are dropped.
func reachable(stream, reached string) (string, error) {
	scheme, authority, rest, err := split(stream)
	if err != nil {
		return "", err
	}
	port := ""
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		port = authority[i+1:]
	}
	if p, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || p == 0) {
		return "", fmt.Errorf("the port %q is not a number of 1 to 65535", clean(port))
	}
	host := reached
	if strings.Contains(host, ":") {
		host = "[" + strings.Replace(host, "%", "%25", 1) + "]"
	}
	if port != "" {
		host += ":" + port
	}
	return scheme + "://" + host + rest, nil
}

// split cuts an RTSP URL up without changing it, and drops its user.
func split(text string) (scheme, authority, rest string, err error) {
	text = strings.TrimSpace(text)
	if len(text) > 1024 {
		return "", "", "", fmt.Errorf("the URL of the stream is longer than 1024 characters")
	}
	scheme, after, found := strings.Cut(text, "://")
	scheme = strings.ToLower(scheme)
	if !found || scheme != "rtsp" && scheme != "rtsps" {
		return "", "", "", fmt.Errorf("the URL of the stream is %q and not RTSP", clean(text))
	}
	if strings.ContainsFunc(after, func(r rune) bool { return r <= ' ' || !unicode.IsPrint(r) }) {
		return "", "", "", fmt.Errorf("the URL of the stream has blanks or control characters")
	}
	end := strings.IndexAny(after, "/?#")
	if end < 0 {
		end = len(after)
	}
	authority, rest = after[:end], after[end:]
	return scheme, authority[strings.LastIndexByte(authority, '@')+1:], rest, nil
}

// WithCredentials puts a user and a password into the URL of a stream, in place
// of those that it has; with an empty user it takes them out. What it gives is
// a secret.
func WithCredentials(stream, user, password string) (string, error) {
	scheme, authority, rest, err := split(stream)
	if err != nil {
		return "", err
	}
	if user != "" {
		authority = url.UserPassword(user, password).String() + "@" + authority
	}
	return scheme + "://" + authority + rest, nil
}

// maxWords is how long what a camera says may be where it is shown, in bytes.
const maxWords = 256

// clean makes what came from outside fit to be shown.
func clean(s string) string { return bound.Text(s, maxWords) }
