package attacks

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/webrtc/v4"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

// bomb is a message of at most size bytes (umbrella.v1.ClientMessage) whose field
// has as many empty elements of its repeated field as fit: two bytes each, which
// take ten times to a hundred times as much where they are decoded.
func bomb(field, repeated, size int) []byte {
	const around = 8
	n := (size - around) / 2
	b := binary.AppendUvarint([]byte{byte(field<<3 | 2)}, uint64(2*n))
	for range n {
		b = append(b, byte(repeated<<3|2), 0)
	}
	return b
}

// Fields of umbrella.v1.ClientMessage that hold repeated ones.
const (
	fieldJoin, fieldCodecs      = 1, 5
	fieldOffer, fieldTracks     = 4, 3
	fieldSettings, fieldSetting = 7, 1
	fieldChat                   = 8
)

// bombs come by sixteen sockets at once that have joined.
func bombs(ctx context.Context, a *attacker) (string, error) {
	const size = 288 << 10 // as long as a message may be
	list := [][]byte{
		bomb(fieldSettings, fieldSetting, size), bomb(fieldOffer, fieldTracks, size), bomb(fieldJoin, fieldCodecs, size),
		bomb(fieldChat, 15, size), // of a field that there is not
	}
	return a.sockets(ctx, 16, func(i int) (*websocket.Conn, error) {
		return enter(ctx, a.address(i), "mallory", "Mallory")
	}, func(n int) []byte { return list[n%len(list)] })
}

// earlyBombs come by sixteen sockets that have not.
func earlyBombs(ctx context.Context, a *attacker) (string, error) {
	const size = 16 << 10
	list := [][]byte{bomb(fieldJoin, fieldCodecs, size), bomb(fieldSettings, fieldSetting, size), bomb(fieldOffer, fieldTracks, size)}
	return a.sockets(ctx, 16, func(i int) (*websocket.Conn, error) { return socket(ctx, a.address(i)) },
		func(n int) []byte { return list[n%len(list)] })
}

// sockets has so many of them at once that send messages until they are closed, and
// are opened anew.
func (a *attacker) sockets(ctx context.Context, n int, opened func(i int) (*websocket.Conn, error), message func(n int) []byte) (string, error) {
	var all sync.WaitGroup
	var sent, sockets, refusals atomic.Int32
	for i := range n {
		all.Go(func() {
			for n := i; ctx.Err() == nil; {
				ws, err := opened(i)
				if err != nil {
					refusals.Add(1)
					pause(ctx, 500*time.Millisecond)
					continue
				}
				sockets.Add(1)
				reading := discard(ctx, ws)
				for reading.Err() == nil {
					if ws.Write(reading, websocket.MessageBinary, message(n)) != nil {
						break
					}
					n++
					sent.Add(1)
					pause(ctx, 10*time.Millisecond)
				}
				_ = ws.CloseNow()
			}
		})
	}
	all.Wait()
	return fmt.Sprintf("%d messages by %d sockets, %d sockets were refused", sent.Load(), sockets.Load(), refusals.Load()), nil
}

// plainOffer is one of a client that sends sound and a picture.
func plainOffer() (string, error) {
	pc, err := connection()
	if err != nil {
		return "", err
	}
	defer func() { _ = pc.GracefulClose() }()
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
			return "", err
		}
	}
	offer, err := pc.CreateOffer(nil)
	return offer.SDP, err
}

// stuffed puts lines into the first m-section of an SDP until it has that size.
func stuffed(sdp string, size int, line func(n int) string) (string, int) {
	head, tail, _ := strings.Cut(sdp, "\r\na=ice-ufrag:")
	var out strings.Builder
	out.WriteString(head + "\r\n")
	n := 0
	for ; out.Len()+len(tail)+100 < size; n++ {
		out.WriteString(line(n) + "\r\n")
	}
	out.WriteString("a=ice-ufrag:" + tail)
	return out.String(), n
}

const (
	mostSDP  = 256 << 10
	mostWHIP = 256 << 10
	// signallers are so many sessions at once.
	signallers = 4
)

// manyCandidates has one session offer thousands of candidates, again and again,
// and others by WHIP.
func manyCandidates(ctx context.Context, a *attacker) (string, error) {
	return a.offers(ctx, func(int) func(n int) string {
		return func(n int) string {
			return fmt.Sprintf("a=candidate:1 1 udp 1 10.67.%d.%d %d typ host", n>>8&255, n&255, 1000+n>>16)
		}
	})
}

// manyLines offers as many lines of each other kind as there may be.
func manyLines(ctx context.Context, a *attacker) (string, error) {
	kinds := []string{
		"a=ssrc:%d c:1", "a=rid:%d send", "a=extmap:%d urn:x", "a=fmtp:96 x=%d", "a=rtpmap:96 a%d/1", "a=rtcp-fb:96 a%d", "a=msid:%d a",
		"a=ssrc-group:FID %d 1", "a=simulcast:send %d", "a=fingerprint:sha-256 %d", "a=setup:%d", "a=group:BUNDLE %d", "b=AS:%d", "a=x%d",
		"a=crypto:%d", "a=sctp-port:%d", "a=mid:%d", "a=ice-options:%d", "a=candidate:%d", "a=candidate:1 1 tcp %d 10.67.0.1 9 typ host tcptype passive",
	}
	return a.offers(ctx, func(i int) func(n int) string {
		return func(n int) string { return fmt.Sprintf(kinds[i%len(kinds)], n+1) }
	})
}

// offers sends what lines makes, in offers as long as they may be: by sessions that
// joined, as often as each may and a bit oftener, and by WHIP.
func (a *attacker) offers(ctx context.Context, lines func(i int) func(n int) string) (string, error) {
	plain, err := plainOffer()
	if err != nil {
		return "", err
	}
	var all sync.WaitGroup
	var offers, added, sessions atomic.Int32
	taken := map[int]int{} // by status
	for from := range signallers {
		all.Go(func() {
			for i := from; ctx.Err() == nil; {
				ws, err := enter(ctx, a.address(from), "mallory", "Mallory")
				if err != nil {
					pause(ctx, 500*time.Millisecond)
					continue
				}
				sessions.Add(1)
				reading := discard(ctx, ws)
				for id := uint32(1); reading.Err() == nil; id++ {
					sdp, n := stuffed(plain, mostSDP, lines(i))
					i += signallers
					if say(reading, ws, &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_PublishOffer{
						PublishOffer: &umbrellav1.PublishOffer{Id: id, Sdp: sdp}}}) != nil {
						break
					}
					offers.Add(1)
					added.Add(int32(n))
					pause(ctx, 200*time.Millisecond)
				}
				leave(ws)
			}
		})
	}
	all.Go(func() {
		client := strangers(a.address(signallers), 10*time.Second)
		defer client.CloseIdleConnections()
		for i := 0; ctx.Err() == nil; i++ {
			sdp, _ := stuffed(plain, mostWHIP, lines(i))
			answer, err := request(ctx, client, "POST", "/whip/mallory", sdpType, "", sdp)
			if err != nil {
				return // the node is gone, or the time is over
			}
			taken[answer.status]++
			if answer.status == http.StatusCreated {
				_, _ = request(ctx, client, "DELETE", answer.location, sdpType, "", "")
			}
			pause(ctx, 100*time.Millisecond)
		}
	})
	all.Wait()
	return fmt.Sprintf("%d offers with %d lines by %d sessions; answers to WHIP by status: %v",
		offers.Load(), added.Load(), sessions.Load(), taken), nil
}

// stunFrom sends requests of one session, all of them valid, from 60,000 addresses
// and ports.
func (a *attacker) stunFrom(ctx context.Context, from func(n int) netip.AddrPort) (string, error) {
	f, err := newForger()
	if err != nil {
		return "", err
	}
	defer f.close()
	sent := 0
	told, err := a.watch(ctx, 1, nil, func(s *session) error {
		request, err := s.nominating()
		if err != nil {
			return err
		}
		const all, burst = 60_000, 50
		deadline, ok := ctx.Deadline()
		if !ok {
			return errors.New("no end")
		}
		each := time.Until(deadline) * 9 / 10 / (all / burst)
		tick := time.NewTicker(each)
		defer tick.Stop()
		for sent < all {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			for range burst {
				if err := f.send(from(sent), request); err != nil {
					return err
				}
				sent++
			}
		}
		return nil
	})
	return fmt.Sprintf("%s; %d requests", told, sent), err
}

// manyPorts has all of them come from one address.
func manyPorts(ctx context.Context, a *attacker) (string, error) {
	addr, _ := netip.AddrFromSlice(a.address(0).To4())
	return a.stunFrom(ctx, func(n int) netip.AddrPort { return netip.AddrPortFrom(addr, uint16(2000+n)) })
}

// manyAddresses has them come from as many addresses of IPv6.
func manyAddresses(ctx context.Context, a *attacker) (string, error) {
	return a.stunFrom(ctx, func(n int) netip.AddrPort {
		addr, _ := netip.AddrFromSlice(a.prefix(n))
		return netip.AddrPortFrom(addr, 5000)
	})
}

// restartOften restarts ICE of one session of WHIP by PATCH, as fast as it is
// answered.
func restartOften(ctx context.Context, a *attacker) (string, error) {
	plain, err := plainOffer()
	if err != nil {
		return "", err
	}
	client := strangers(a.address(0), 10*time.Second)
	defer client.CloseIdleConnections()
	s, err := request(ctx, client, "POST", "/whip/mallory", sdpType, "", plain)
	if err != nil {
		return "", err
	}
	if s.status != http.StatusCreated {
		return "", refused(s)
	}
	taken := map[int]int{} // by status
	for n := 0; ctx.Err() == nil; n++ {
		frag := fmt.Sprintf("a=ice-ufrag:again%d\r\na=ice-pwd:%022d\r\n", n, n)
		answer, err := request(ctx, client, "PATCH", s.location, fragType, "*", frag)
		if err != nil {
			break
		}
		taken[answer.status]++
	}
	over, done := context.WithTimeout(context.Background(), time.Second)
	defer done()
	_, _ = request(over, client, "DELETE", s.location, sdpType, "", "")
	told := fmt.Sprintf("answers by status: %v", taken)
	if n := taken[http.StatusOK]; n > mostRestarts {
		return told, wrong(fmt.Sprintf("the node restarted ICE of one session %d times", n))
	}
	return told, nil
}

// mostRestarts of one session are taken in 5 s: 4 a second and 30 at once, as of
// those that joined.
const mostRestarts = 50

// mostOfSite participants may be there of one /48: four times as many as of one /64.
const mostOfSite = 1024

// manyPrefixes joins from as many networks of a /64 as fit into the attacker's /48.
func manyPrefixes(ctx context.Context, a *attacker) (string, error) {
	const n, atOnce, rooms = 1500, 64, 40
	var in, out atomic.Int32
	var all sync.WaitGroup
	var mu sync.Mutex
	var here []*websocket.Conn
	next := make(chan int)
	for range atOnce {
		all.Go(func() {
			for i := range next {
				ws, err := enter(ctx, a.prefix(i), fmt.Sprint("mallory", i%rooms), fmt.Sprint("Mallory ", i))
				if err != nil {
					out.Add(1)
					continue
				}
				in.Add(1)
				mu.Lock()
				here = append(here, ws)
				mu.Unlock()
			}
		})
	}
feed:
	for i := range n {
		select {
		case next <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	all.Wait()
	<-ctx.Done()
	for _, ws := range here {
		leave(ws)
	}
	told := fmt.Sprintf("%d joined, %d were refused", in.Load(), out.Load())
	if is := in.Load(); is > mostOfSite {
		return told, wrong(fmt.Sprintf("%d participants are there of one /48", is))
	}
	return told, nil
}
