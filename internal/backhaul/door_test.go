package backhaul

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"umbrella/internal/bound"
)

// from opens the WebSocket of a trunk from an address of this machine.
func (n *testNode) from(t *testing.T, address, forwarded string) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	client := &http.Client{Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}}
	header := http.Header{}
	if forwarded != "" {
		header.Set("X-Forwarded-For", forwarded)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ws, answer, err := websocket.Dial(ctx, n.url(), &websocket.DialOptions{
		Subprotocols: []string{Subprotocol}, HTTPClient: client, HTTPHeader: header,
	})
	if err == nil {
		t.Cleanup(func() { _ = ws.CloseNow() })
	}
	return ws, answer, err
}

// One who has a /48 of IPv6 gets four times the places of one client, and no more.
func TestHandshakesOfANetwork(t *testing.T) {
	d := newDoor(slog.New(slog.DiscardHandler))
	in := 0
	for i := range 1000 {
		addr := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 1, byte(i >> 8), byte(i)})
		if _, err := d.enter(caller{origin: bound.Origin(addr)}); err == nil {
			in++
		}
	}
	if in != 4*maxShakingEach {
		t.Errorf("%d of 1000 are in", in)
	}
	if n := d.free(netip.MustParseAddr("2001:db8:2::1")); n != maxShakingEach {
		t.Errorf("%d places for somebody else", n)
	}
}

// Whoever says nothing takes few places and not for long; nodes elsewhere come in
// all the while. Behind a proxy it is who stands there that counts.
func TestSilentStrangersKeepNobodyOut(t *testing.T) {
	n := newNode(t, "n").accept(secret)
	for range 10 { // 127.0.0.2 is a proxy
		_, _, _ = n.from(t, "127.0.0.1", "")
		_, _, _ = n.from(t, "127.0.0.2", "192.0.2.1")
	}
	for _, c := range []struct {
		address, forwarded string
		comes              bool
	}{
		{"127.0.0.1", "", false},
		{"127.0.0.2", "192.0.2.1", false},
		{"127.0.0.1", "192.0.2.7", false}, // it is no proxy
		{"127.0.0.3", "", true},
		{"127.0.0.2", "192.0.2.2", true},
	} {
		_, answer, err := n.from(t, c.address, c.forwarded)
		if (err == nil) != c.comes || err != nil && (answer == nil || answer.StatusCode != http.StatusServiceUnavailable) {
			t.Errorf("from %s for %q: %v", c.address, c.forwarded, err)
		}
	}
	eventually(t, "there are places again", func() bool { _, _, err := n.from(t, "127.0.0.1", ""); return err == nil })
	_, refused := n.Status(time.Now())
	shown := map[string]bool{}
	for _, r := range refused {
		host, _, err := net.SplitHostPort(r.Address)
		if err != nil {
			host = r.Address
		}
		shown[host] = true
	}
	if !shown["127.0.0.1"] || !shown["192.0.2.1"] || shown["127.0.0.2"] {
		t.Errorf("refusals are shown of %v", shown)
	}
}

func TestDoorIsBounded(t *testing.T) {
	var log bytes.Buffer
	d := newDoor(slog.New(slog.NewTextHandler(&log, nil)))
	now := time.Now()
	who := func(i int) caller {
		address := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		return caller{address: address.String(), origin: netip.PrefixFrom(address, 32)}
	}
	for range 2 { // whoever leaves leaves a place, and only one
		var leave []func()
		for i := range 10 * maxShaking {
			if release, err := d.enter(who(i / 10)); err == nil {
				leave = append(leave, release)
			}
		}
		if len(leave) != maxShaking {
			t.Errorf("%d handshakes at once", len(leave))
		}
		for _, release := range leave {
			release()
			release()
		}
	}
	for i := range 1000 {
		d.refused(who(i), errors.New("no"), now)
	}
	for range 1000 {
		d.refused(who(999), errors.New("no"), now)
	}
	list := d.list()
	if last := list[len(list)-1]; len(list) != keptRefusals || last.Times != 1001 || last.Address != who(999).address {
		t.Errorf("%d are remembered: %v", len(list), list)
	}
	if n := strings.Count(log.String(), "\n"); n != 1000 {
		t.Errorf("%d lines are logged of 1000 who come, of whom one comes again and again", n)
	}
}
