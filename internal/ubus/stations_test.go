package ubus

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestStationsOdd: one interface's odd answer hides no other's, odd numbers hide
// no station, and a second question soon after is answered from memory.
func TestStationsOdd(t *testing.T) {
	path := socketPath(t)
	b := startBus(t, path)
	var asked atomic.Int32
	for name, answer := range map[string]string{
		"hostapd.phy0-ap0": `{"freq":2437,"clients":{"02:00:00:00:00:0A":{"assoc":true,"signal":-50,"rate":{"rx":-1,"tx":6000},
			"airtime":{"rx":-1}},"left":{"assoc":true},"02:00:00:00:00:0b":{"assoc":false}}}`,
		"hostapd.phy1-ap0": `{"clients":5}`,
		"hostapd.phy2-ap0": ``,
		"hostapd.other":    `{}`,
	} {
		method := "get_clients"
		if name == "hostapd.other" {
			method = "reload"
		}
		startClient(t, &Client{Path: path, Object: name, Methods: map[string]Method{
			method: {Handler: func(context.Context, *Call) (any, error) {
				asked.Add(1)
				if answer == "" {
					return nil, StatusNotSupported
				}
				return json.RawMessage(answer), nil
			}},
		}})
		waitFor(t, name, func() bool { return b.published(name) })
	}
	c := &Client{Path: path}
	startClient(t, c)
	waitFor(t, "the connection", c.Connected)
	unread := errors.New("no table")
	s := Stations{Client: c, readNeighbours: func() (map[netip.Addr]string, error) { return nil, unread }}
	for range 3 {
		list, err := s.List()
		want := Station{MAC: "02:00:00:00:00:0a", Interface: "phy0-ap0", Frequency: 2437, Signal: -50, TransmitRate: 6000000}
		if len(list) != 1 || list[0] != want {
			t.Errorf("got %+v, want %+v", list, want)
		}
		for _, part := range []string{"hostapd.phy1-ap0: blobmsg", "hostapd.phy2-ap0: not supported", unread.Error()} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("got %v, without %s", err, part)
			}
		}
	}
	if n := asked.Load(); n != 3 {
		t.Errorf("asked %d times", n)
	}
	s.at = s.at.Add(-stationsMaxAge - time.Second)
	if _, ok := s.Find(netip.MustParseAddr("192.0.2.1")); ok || asked.Load() != 6 {
		t.Errorf("found %v, asked %d times", ok, asked.Load())
	}
}
