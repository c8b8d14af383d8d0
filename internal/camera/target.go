package camera

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"golang.org/x/time/rate"

	"umbrella/internal/config"
	"umbrella/internal/credential"
	"umbrella/internal/inet"
)

// target is where a session is to connect, and what it may sign with there.
type target struct {
	url        *base.URL // without a user
	login      credential.Credential
	dial       dialer
	tap        func(net.Conn) net.Conn // may be nil
	redirected bool
	// peer is the address of the camera that sent us here: its name is not resolved
	// anew, as it might lead elsewhere then. Not valid before a redirect.
	peer netip.Addr
}

// address is the one to dial in place of "host:port".
func (t target) address(named string) string {
	if !t.peer.IsValid() {
		return named
	}
	_, port, err := net.SplitHostPort(named)
	if err != nil {
		return named
	}
	zone := t.peer
	if a, err := netip.ParseAddr(t.url.Hostname()); err == nil && a.Zone() != "" {
		zone = a
	}
	return net.JoinHostPort(zone.String(), port)
}

// follow is the target to which a camera sends us. It is on the host that the settings
// name, whatever the camera writes: another one, the node's own services among them,
// could be any that the camera wants to be asked. Of the host's ports those of RTSP and
// those from 1024 on may be meant.
func (t target) follow(peer netip.Addr, location string) (target, error) {
	to, err := base.ParseURL(location)
	if err != nil {
		// It may be without a host (RFC 3986 §4.2).
		var whole *url.URL
		if whole, err = (*url.URL)(t.url).Parse(location); err == nil {
			to, err = base.ParseURL(whole.String())
		}
	}
	if err != nil || to.Host == "" {
		return t, errRedirect
	}
	to.User = nil
	advice := "if that is the camera, write the address into url: " + config.RedactURL(to.String())
	if t.url.Scheme == "rtsps" && to.Scheme != "rtsps" {
		return t, trouble("the camera sends us to an address without TLS", advice)
	}
	if a, err := netip.ParseAddr(to.Hostname()); !strings.EqualFold(to.Hostname(), t.url.Hostname()) &&
		(err != nil || !peer.IsValid() || a.Unmap().WithZone("") != peer) {
		return t, trouble("the camera sends us to another host", advice)
	}
	port := to.Port()
	switch n, err := strconv.ParseUint(port, 10, 16); {
	case port == "", port == t.url.Port(), port == "554", port == "322":
	case err != nil || n < 1024:
		return t, trouble("the camera sends us to a port that is none of RTSP", advice)
	}
	// By the name that the settings have for it.
	name := t.url.Hostname()
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if to.Host = name; port != "" {
		to.Host += ":" + port
	}
	return target{url: to, login: t.login, dial: t.dial, tap: t.tap, redirected: true, peer: peer}, nil
}

// maxRate is how many bytes a second a camera may send by TCP, and at once: more than
// any camera does. What comes beyond waits.
const maxRate = 16 << 20

// dialer makes the connection of a session.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// connect is the dialer of real cameras.
func connect(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := inet.Dial(ctx, &net.Dialer{Timeout: answerTimeout}, network, address)
	if err != nil {
		return nil, err
	}
	return &paced{conn, rate.NewLimiter(maxRate, maxRate)}, nil
}

// paced is a connection that is not read faster than maxRate, so that a camera that
// sends rubbish as fast as it can costs no more than one that sends a large picture.
type paced struct {
	net.Conn
	limiter *rate.Limiter
}

// Read implements net.Conn.
func (p *paced) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b[:min(len(b), maxRate)])
	if wait := p.limiter.ReserveN(time.Now(), n).Delay(); wait > 0 {
		time.Sleep(wait) // some milliseconds: n is a buffer at most
	}
	return n, err
}
