package attacks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

// mostLines is how many m-lines an offer may have; where the node takes fewer, half
// as many are tried, and so on.
const mostLines = 63

// pictures adds so many tracks to a connection.
func pictures(pc *webrtc.PeerConnection, n int) (list []*webrtc.TrackLocalStaticRTP, err error) {
	for i := range n {
		t, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, fmt.Sprint("t", i), "s")
		if err != nil {
			return nil, err
		}
		if _, err := pc.AddTrack(t); err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// silentTracks has sessions of WHIP send on 126 tracks in all, of each as many
// packets as are kept, and then fall silent.
func silentTracks(ctx context.Context, a *attacker) (told string, err error) {
	const all, most = 2 * mostLines, 16 // tracks, and sessions
	for lines := mostLines; lines > 0; lines /= 2 {
		sessions := min((all+lines-1)/lines, most)
		told, err = a.publish(ctx, sessions, func(pc *webrtc.PeerConnection) ([]*webrtc.TrackLocalStaticRTP, error) {
			return pictures(pc, lines)
		}, func(_ *session, tracks []*webrtc.TrackLocalStaticRTP) (string, error) {
			return fill(ctx, tracks, 30_000/sessions), nil
		})
		if !errors.Is(err, errRefused) {
			break
		}
	}
	return told, err
}

// fill sends 2,048 packets on each of some tracks, so many a second in all, and
// then nothing.
func fill(ctx context.Context, tracks []*webrtc.TrackLocalStaticRTP, rate int) string {
	const packets, burst = 2048, 32
	// Short ones, for what is kept of a packet besides its payload. What a publisher
	// may send is 20 Mbit/s, which is 15,000 of these a second.
	payload := make([]byte, 120)
	payload[0] = 0x10 // the first packet of a keyframe (RFC 7741 §4.2)
	sent := 0
	tick := time.NewTicker(burst * time.Second / time.Duration(rate))
	defer tick.Stop()
	for _, t := range tracks {
		for i := 0; i < packets && ctx.Err() == nil; i++ {
			if i%burst == 0 {
				select {
				case <-ctx.Done():
				case <-tick.C:
				}
			}
			if t.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(i), Timestamp: uint32(i/8) * 3000, Marker: i%8 == 7}, Payload: payload}) == nil {
				sent++
			}
		}
	}
	<-ctx.Done()
	return fmt.Sprintf("%d packets on %d tracks", sent, len(tracks))
}

// manyChannels offers m=application, and opens 30,000 data channels.
func manyChannels(ctx context.Context, a *attacker) (string, error) {
	told, err := a.publish(ctx, 3, func(pc *webrtc.PeerConnection) ([]*webrtc.TrackLocalStaticRTP, error) {
		if _, err := pc.CreateDataChannel("", nil); err != nil {
			return nil, err
		}
		return pictures(pc, 1)
	}, func(s *session, _ []*webrtc.TrackLocalStaticRTP) (string, error) {
		_, section, ok := strings.Cut(s.body, "\r\nm=application ")
		if !ok || strings.HasPrefix(section, "0 ") {
			return "m=application is refused", nil
		}
		opened := 0
		for ; opened < 10_000 && ctx.Err() == nil; opened++ {
			if _, err := s.pc.CreateDataChannel("", nil); err != nil {
				break
			}
		}
		<-ctx.Done()
		return fmt.Sprintf("%d channels", opened), wrong("the node takes data channels")
	})
	if errors.Is(err, errRefused) {
		return err.Error(), nil
	}
	return told, err
}

// publish opens so many sessions of WHIP, and does something by each of them once
// it is connected.
func (a *attacker) publish(ctx context.Context, n int, prepare func(*webrtc.PeerConnection) ([]*webrtc.TrackLocalStaticRTP, error),
	then func(*session, []*webrtc.TrackLocalStaticRTP) (string, error)) (string, error) {
	told, errs := make([]string, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			var tracks []*webrtc.TrackLocalStaticRTP
			s, err := open(ctx, strangers(a.address(i), 10*time.Second), "/whip/mallory", func(pc *webrtc.PeerConnection) (err error) {
				tracks, err = prepare(pc)
				return err
			}, nil)
			if err == nil {
				defer s.close()
				err = s.connected(ctx)
			}
			if err == nil {
				told[i], err = then(s, tracks)
			}
			errs[i] = err
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return strings.Join(told, "; "), err
		}
	}
	return strings.Join(told, "; "), nil
}

// manyMLines has participants join from one address that send as many tracks as
// they may, and get all the others', in a room of their own.
func manyMLines(ctx context.Context, a *attacker) (string, error) {
	const participants = 20
	var in, out, tracks atomic.Int32
	var all sync.WaitGroup
	problems := make(chan error, participants)
	for i := range participants {
		all.Go(func() {
			pause(ctx, time.Duration(i)*100*time.Millisecond)
			var n int
			var err error
			for lines := mostLines; lines > 0; lines /= 2 {
				if n, err = a.sender(ctx, fmt.Sprint("Mallory ", i), lines); !errors.Is(err, errRefused) {
					break
				}
			}
			switch {
			case errors.Is(err, errRefused):
				out.Add(1)
			case err != nil && ctx.Err() == nil:
				problems <- err
			case err == nil:
				in.Add(1)
				tracks.Add(int32(n))
			}
		})
	}
	all.Wait()
	close(problems)
	return fmt.Sprintf("%d of %d participants sent %d tracks, %d were refused", in.Load(), participants, tracks.Load(), out.Load()), <-problems
}

// sender joins, sends a packet on each of so many tracks now and then, and answers
// no offer. It returns how many tracks these are.
func (a *attacker) sender(ctx context.Context, name string, lines int) (int, error) {
	ws, err := enter(ctx, a.address(0), "mallory", name)
	if err != nil {
		return 0, err
	}
	defer leave(ws)
	pc, err := connection()
	if err != nil {
		return 0, err
	}
	defer func() { _ = pc.GracefulClose() }()
	list, err := pictures(pc, lines)
	if err != nil {
		return 0, err
	}
	offer, err := pc.CreateOffer(nil)
	if err == nil {
		err = pc.SetLocalDescription(offer)
	}
	if err != nil {
		return 0, err
	}
	published := &umbrellav1.PublishOffer{Id: 1, Sdp: offer.SDP}
	for _, t := range pc.GetTransceivers() {
		published.Tracks = append(published.Tracks, &umbrellav1.PublishedTrack{Mid: t.Mid(), Source: umbrellav1.TrackSource_TRACK_SOURCE_CAMERA})
	}
	if err := say(ctx, ws, &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_PublishOffer{PublishOffer: published}}); err != nil {
		return 0, err
	}
	answer := ""
	for answer == "" {
		m, err := hear(ctx, ws)
		if err != nil {
			return 0, err
		}
		if e := m.GetError(); e != nil {
			return 0, fmt.Errorf("%w: %s", errRefused, e.Message)
		}
		answer = m.GetPublishAnswer().GetSdp()
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return 0, err
	}
	reading := discard(ctx, ws)
	payload := make([]byte, 100)
	payload[0] = 0x10
	for seq := uint16(0); reading.Err() == nil; seq++ {
		for _, t := range list {
			_ = t.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq) * 9000, Marker: true}, Payload: payload})
		}
		pause(reading, 500*time.Millisecond)
	}
	return len(list), nil
}
