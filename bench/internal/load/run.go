// Package load publishes and subscribes over WHIP and WHEP (RFC 9725) to any
// server, and measures what arrives.
package load

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
)

// Work is who publishes and who receives.
type Work struct {
	Publishers, Subscribers int
}

// Name of the work, such as "1×100".
func (w Work) Name() string { return fmt.Sprintf("%d×%d", w.Publishers, w.Subscribers) }

// Target is a server. Every subscriber gets every publisher.
type Target struct {
	// WHIP is an endpoint, in which %d stands for a publisher's number. One that
	// begins with ws is Galene's.
	WHIP string
	// WHEP is an endpoint. With %d in it a subscriber has a connection for each
	// publisher, without it one that plays all of them. Of Galene it is the
	// name of a group.
	WHEP  string
	Codec string // vp8 or h264
}

func (t Target) galene() bool { return strings.HasPrefix(t.WHIP, "ws") }

// Window is what came in some steady seconds.
type Window struct {
	Duration  time.Duration
	Forwarded int     // packets
	Loss      float64 // share of packets, 0 to 1
	P50, P99  time.Duration
	// Silent is how many streams of those that were to come did not.
	Silent int
}

// Session is a load that runs.
type Session struct {
	work        Work
	publishers  []*publisher
	subscribers []*subscriber
	// Joins is how long each subscriber waited for its first packet.
	Joins []time.Duration
}

func newAPI(s webrtc.SettingEngine) (*webrtc.API, error) {
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	// No interceptors: what a client spends is not what is measured here.
	return webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(&interceptor.Registry{}),
		webrtc.WithSettingEngine(s)), nil
}

// Start makes the publishers, then the subscribers one after the other, and
// returns when each of those has had a first packet or 10 s have passed.
func Start(ctx context.Context, t Target, w Work) (_ *Session, err error) {
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	// Every server does the same cryptography.
	settings.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM)
	s := &Session{work: w}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	api, err := newAPI(settings)
	if err != nil {
		return nil, err
	}
	for i := range w.Publishers {
		join := func(ctx context.Context, pc *webrtc.PeerConnection) (func(), error) {
			if t.galene() {
				return publishGalene(ctx, pc, t.WHIP, t.WHEP, fmt.Sprintf("p%d", i))
			}
			return exchange(ctx, pc, numbered(t.WHIP, i))
		}
		p, err := startPublisher(ctx, api, t.Codec, join)
		if err != nil {
			return nil, err
		}
		s.publishers = append(s.publishers, p)
	}
	for i := range w.Subscribers {
		endpoints, tracks := []string{t.WHEP}, w.Publishers
		if numbered(t.WHEP, 0) != t.WHEP {
			endpoints, tracks = nil, 1
			for p := range w.Publishers {
				endpoints = append(endpoints, numbered(t.WHEP, p))
			}
		}
		for _, endpoint := range endpoints {
			sub, err := newSubscriber(settings, t.Codec)
			if err != nil {
				return nil, err
			}
			s.subscribers = append(s.subscribers, sub)
			if t.galene() {
				err = sub.watchGalene(ctx, t.WHIP, t.WHEP, fmt.Sprintf("s%d", i))
			} else {
				err = sub.watch(ctx, endpoint, tracks)
			}
			if err == nil {
				err = sub.wait(ctx)
			}
			if err != nil {
				return nil, err
			}
			if d := sub.first.Load(); d > 0 {
				s.Joins = append(s.Joins, time.Duration(d))
			}
		}
	}
	return s, nil
}

const firstPatience = 10 * time.Second

// wait returns when something has come.
func (s *subscriber) wait(ctx context.Context) error {
	for time.Since(s.began) < firstPatience && s.first.Load() == 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
	return nil
}

// Measure begins a window now; what it returns ends it.
func (s *Session) Measure() (end func() Window) {
	began := time.Now()
	for _, sub := range s.subscribers {
		sub.turn()
	}
	return func() Window {
		w := Window{Duration: time.Since(began)}
		var latencies []time.Duration
		lost, streams := 0, 0
		for _, sub := range s.subscribers {
			for _, r := range sub.turn() {
				streams++
				w.Forwarded += r.packets
				lost += r.lost()
				latencies = append(latencies, r.latencies...)
			}
		}
		if w.Forwarded > 0 {
			w.Loss = float64(lost) / float64(w.Forwarded+lost)
		}
		w.Silent = max(0, s.work.Publishers*s.work.Subscribers-streams)
		slices.SortFunc(latencies, cmp.Compare[time.Duration])
		if n := len(latencies); n > 0 {
			w.P50, w.P99 = latencies[n/2], latencies[n*99/100]
		}
		return w
	}
}

// Close ends all connections.
func (s *Session) Close() {
	for _, sub := range s.subscribers {
		sub.close()
	}
	for _, p := range s.publishers {
		p.close()
	}
}
