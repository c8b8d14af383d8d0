package attacks

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"umbrella/test/peer"
)

// best is a candidate that comes before all others.
func best(a netip.Addr, port int) string {
	return fmt.Sprintf("a=candidate:1 1 udp 2147483647 %s %d typ host\r\n", a, port)
}

// naming names a victim as where it is.
func (a *attacker) naming(i int) string {
	if i%2 == 1 {
		return best(a.victim6, 9000+i)
	}
	return best(a.victim4, 9000+i)
}

// nameVictims has twenty sessions watch the call that say that they are ICE-lite,
// and name a victim. They do their handshakes from where they are.
func nameVictims(ctx context.Context, a *attacker) (string, error) {
	return a.watch(ctx, 20, func(i int, sdp string) string { return lite(added(sdp, a.naming(i))) }, nil)
}

// watch has so many sessions watch the call, and do something with it once they
// are connected.
func (a *attacker) watch(ctx context.Context, n int, alter func(i int, sdp string) string, then func(*session) error) (string, error) {
	var in, out atomic.Int32
	var all sync.WaitGroup
	problems := make(chan error, n)
	for i := range n {
		all.Go(func() {
			s, err := open(ctx, strangers(a.address(i), 10*time.Second), "/whep/"+room, receives, func(sdp string) string {
				if alter == nil {
					return sdp
				}
				return alter(i, sdp)
			})
			if errors.Is(err, errRefused) {
				out.Add(1)
				return
			}
			if err != nil {
				problems <- err
				return
			}
			defer s.close()
			if s.connected(ctx) != nil {
				return
			}
			in.Add(1)
			if then != nil {
				if err := then(s); err != nil {
					problems <- err
				}
			}
			<-ctx.Done()
		})
	}
	all.Wait()
	close(problems)
	err := <-problems
	if err == nil && alter == nil && in.Load() == 0 {
		err = errors.New("no session that is as it should be has connected")
	}
	return fmt.Sprintf("%d of %d sessions connected, %d were refused", in.Load(), n, out.Load()), err
}

// restartToVictims restarts ICE with the address of a victim: who watches the call
// with the answer, and who publishes in a room of its own with the offer.
func restartToVictims(ctx context.Context, a *attacker) (string, error) {
	var all sync.WaitGroup
	var restarts, ended atomic.Int32
	problems := make(chan error, 8)
	for i := range 8 {
		all.Go(func() {
			var aim atomic.Bool
			p := &peer.Peer{URL: "wss://" + apAddress + ":8081/wsb", Room: room, Name: fmt.Sprint("Mallory", i), ViewOnly: true}
			if i%2 == 1 {
				p.Room, p.ViewOnly = "mallory", false
			}
			p.Alter = func(sdp string) string {
				if aim.Load() {
					sdp = added(sdp, a.naming(i/2))
				}
				if i < 4 {
					sdp = lite(sdp)
				}
				return sdp
			}
			defer p.Close()
			if err := p.Join(ctx); err != nil {
				problems <- err
				return
			}
			if !p.ViewOnly {
				p.Play(ctx, 50*time.Millisecond)
			}
			pause(ctx, 2*time.Second)
			aim.Store(true)
			for ctx.Err() == nil {
				if err := p.RestartICE(); err != nil {
					ended.Add(1)
					return // its offer before was not answered
				}
				restarts.Add(1)
				pause(ctx, 2*time.Second)
			}
		})
	}
	all.Wait()
	close(problems)
	return fmt.Sprintf("%d restarts, %d sessions of 8 were stopped", restarts.Load(), ended.Load()), <-problems
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// forgeRequests watches the call, and sends requests of its own session in the name
// of a victim, that nominate where it is; and then what could be media.
func forgeRequests(ctx context.Context, a *attacker) (string, error) {
	f, err := newForger()
	if err != nil {
		return "", err
	}
	defer f.close()
	var sent atomic.Int32
	told, err := a.watch(ctx, 4, nil, func(s *session) error {
		request, err := s.nominating()
		if err != nil {
			return err
		}
		from := netip.AddrPortFrom(a.spoofed, uint16(20000+sent.Load()))
		media := make([]byte, 60)
		media[0], media[1] = 0x80, 96
		for ctx.Err() == nil {
			for _, b := range [][]byte{request, media} {
				if err := f.send(from, b); err != nil {
					return err
				}
				sent.Add(1)
			}
			pause(ctx, 100*time.Millisecond)
		}
		return nil
	})
	return fmt.Sprintf("%s; %d packets forged", told, sent.Load()), err
}

// nameAnything offers candidates that the node would have to look up, or to
// connect to, and trickles them.
func nameAnything(ctx context.Context, a *attacker) (string, error) {
	kinds := []string{
		"1 1 udp 2147483647 victim.example.org 9 typ host",
		"1 1 udp 2147483647 1f4712db-ea17-4bcf-a596-105139dfd8bf.local 9 typ host",
		"1 1 tcp 2147483647 " + a.victim4.String() + " 80 typ host tcptype passive",
		"1 1 tcp 2147483647 " + a.victim6.String() + " 80 typ host tcptype passive",
		"1 1 tcp 2147483647 " + apAddress + " 22 typ host tcptype passive",
		"1 1 tcp 2147483647 " + a.victim4.String() + " 80 typ host tcptype so",
		"1 1 udp 2147483647 ::ffff:" + a.victim4.String() + " 9 typ host",
		"1 1 udp 2147483647 " + a.victim4.String() + " 9 typ srflx raddr " + a.victim4.String() + " rport 9",
		"1 1 udp 2147483647 " + a.victim4.String() + " 9 typ relay raddr 0.0.0.0 rport 0",
		"1 1 udp 2147483647 224.0.0.251 5353 typ host",
		"1 1 udp 2147483647 255.255.255.255 9 typ host",
		"1 1 udp 2147483647 ff02::1 9 typ host",
		"1 1 udp 2147483647 127.0.0.1 8082 typ host",
	}
	taken := map[int]int{} // by status
	client := strangers(a.address(0), 5*time.Second)
	defer client.CloseIdleConnections()
	for i := 0; ctx.Err() == nil && i < 2*len(kinds); i++ {
		line := "a=candidate:" + kinds[i/2] + "\r\n"
		s, err := open(ctx, client, "/whep/"+room, receives, func(sdp string) string {
			if sdp = added(sdp, line); i%2 == 1 {
				sdp = lite(sdp)
			}
			return sdp
		})
		if errors.Is(err, errRefused) {
			taken[0]++
			continue
		}
		if err != nil {
			return "", err
		}
		section, _, _ := strings.Cut(s.offer[strings.Index(s.offer, "m="):], "\r\n")
		frag := "a=ice-ufrag:" + attribute(s.offer, "ice-ufrag") + "\r\na=ice-pwd:" + attribute(s.offer, "ice-pwd") + "\r\n" +
			section + "\r\na=mid:0\r\n" + line
		for _, match := range []string{s.etag, "*"} {
			answer, err := request(ctx, client, "PATCH", s.location, fragType, match, frag)
			if err != nil {
				return "", err
			}
			taken[answer.status]++
		}
		within, done := context.WithTimeout(ctx, 150*time.Millisecond)
		_ = s.connected(within)
		done()
		s.close()
	}
	return fmt.Sprintf("answers to PATCH by status, 0 for offers that were refused: %v", taken), nil
}
