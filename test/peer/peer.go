// Package peer is a client of the node's signalling for tests: what a browser
// does, with pion and with media of its own making.
package peer

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"google.golang.org/protobuf/proto"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

// Peer is one participant. Set the fields and Join.
type Peer struct {
	// URL of the node's WebSocket, such as "ws://127.0.0.1:8081/wsb".
	URL      string
	Room     string
	Name     string
	ViewOnly bool
	Password string
	Token    string
	Seat     string
	// Codec of the video that is published: a MIME type, VP8 where empty.
	Codec string
	// Temporal has Play send VP8 in three temporal layers.
	Temporal bool
	// PacketSize is the size of the payloads that Play sends, in bytes; 0 is 600.
	PacketSize int
	// Ledger notes each frame that Play sends and that comes in; nil: nothing does.
	Ledger *Ledger
	// Alter changes the SDP that is sent to the node; nil leaves it.
	Alter func(sdp string) string

	socket *websocket.Conn
	cancel context.CancelFunc
	index  uint16 // in Ledger
	done   sync.WaitGroup

	publish, subscribe *webrtc.PeerConnection
	audio, video       *webrtc.TrackLocalStaticRTP
	talk               *webrtc.TrackLocalStaticRTP
	talkTransceiver    *webrtc.RTPTransceiver
	talkTo             string
	talkSeq            uint16
	keyframe           atomic.Bool
	base               byte // counts frames of the lowest temporal layer
	picture            uint16
	offers             uint32

	mu           sync.Mutex
	joined       *umbrellav1.Joined
	invited      *umbrellav1.Invited
	moderator    bool
	participants map[string]*umbrellav1.Participant
	streams      map[string]*umbrellav1.Stream // by mid
	received     map[string]*Received          // by mid
	chat         []*umbrellav1.ChatMessage
	speakers     []*umbrellav1.Speaker
	errs         []*umbrellav1.Error
	goodbye      *umbrellav1.Goodbye
	locked       bool
	muted        []string
	talkUpdate   *umbrellav1.TalkUpdate
	changed      chan struct{} // closed and replaced at each change
}

// Received is what came in on one m-line.
type Received struct {
	Packets   atomic.Uint64
	Keyframes atomic.Uint64
	Gaps      atomic.Uint64 // sequence numbers that were left out
	Codec     atomic.Value  // string
}

// Dial opens the socket only.
func (p *Peer) Dial(ctx context.Context) error {
	c, _, err := websocket.Dial(ctx, p.URL, &websocket.DialOptions{
		Subprotocols: []string{"umbrella.signal.v1"},
		HTTPClient: &http.Client{Transport: &http.Transport{
			// The node of a test has a certificate of its own making.
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		}},
	})
	if err != nil {
		return err
	}
	c.SetReadLimit(1 << 20)
	p.socket = c
	p.mu.Lock()
	p.changed = make(chan struct{})
	p.participants = map[string]*umbrellav1.Participant{}
	p.streams = map[string]*umbrellav1.Stream{}
	if p.received == nil {
		p.received = map[string]*Received{}
	}
	p.mu.Unlock()
	run, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.done.Go(func() { p.read(run) })
	p.done.Go(func() { p.ping(run) })
	return nil
}

// ping keeps the socket alive, as a browser does.
func (p *Peer) ping(ctx context.Context) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			p.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Ping{Ping: &umbrellav1.Ping{}}})
		}
	}
}

// Join opens the socket, enters the room and, unless ViewOnly, publishes.
func (p *Peer) Join(ctx context.Context) error {
	if p.Ledger != nil {
		p.index = p.Ledger.enter(p.Name)
	}
	if err := p.Dial(ctx); err != nil {
		return err
	}
	p.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Join{Join: &umbrellav1.Join{
		Room: p.Room, Name: p.Name, ViewOnly: p.ViewOnly, Password: p.Password, Token: p.Token, Seat: p.Seat,
		ReceiveCodecs: []string{"audio/opus", "audio/PCMU", "audio/PCMA", "audio/G722", "video/VP8", "video/VP9", "video/H264", "video/AV1"},
	}}})
	if err := p.Wait(ctx, func() bool { return p.joined != nil || len(p.errs) > 0 }); err != nil {
		return fmt.Errorf("joining: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.errs) > 0 {
		return fmt.Errorf("%s: %s", p.errs[0].Code, p.errs[0].Message)
	}
	if p.ViewOnly {
		return nil
	}
	return p.startPublishing()
}

// Send sends a message as it is.
func (p *Peer) Send(m *umbrellav1.ClientMessage) {
	data, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	p.SendBytes(data)
}

// SendBytes sends what need not be a message.
func (p *Peer) SendBytes(data []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = p.socket.Write(ctx, websocket.MessageBinary, data)
}

// api makes connections without interceptors but for NACK.
func api() *webrtc.API {
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		panic(err)
	}
	s := webrtc.SettingEngine{}
	s.SetIncludeLoopbackCandidate(true)
	// As browsers answer. pion would be the server to a node that is ICE-lite.
	if err := s.SetAnsweringDTLSRole(webrtc.DTLSRoleClient); err != nil {
		panic(err)
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(s))
}

func (p *Peer) startPublishing() error {
	pc, err := api().NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	p.publish = pc
	mime := p.Codec
	if mime == "" {
		mime = webrtc.MimeTypeVP8
	}
	if p.audio, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "audio", "peer"); err != nil {
		return err
	}
	if p.video, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{
		MimeType: mime, ClockRate: 90000}, "video", "peer"); err != nil {
		return err
	}
	for _, t := range []webrtc.TrackLocal{p.audio, p.video} {
		sender, err := pc.AddTrack(t)
		if err != nil {
			return err
		}
		p.done.Go(func() { p.readFeedback(sender) })
	}
	return p.offer(false)
}

func (p *Peer) offer(restart bool) error {
	offer, err := p.publish.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		return err
	}
	if err := p.publish.SetLocalDescription(offer); err != nil {
		return err
	}
	p.offers++
	m := &umbrellav1.PublishOffer{Id: p.offers, Sdp: p.altered(offer.SDP)}
	for _, t := range p.publish.GetTransceivers() {
		source := umbrellav1.TrackSource_TRACK_SOURCE_CAMERA
		if t.Kind() == webrtc.RTPCodecTypeAudio {
			source = umbrellav1.TrackSource_TRACK_SOURCE_MICROPHONE
		}
		track := &umbrellav1.PublishedTrack{Mid: t.Mid(), Source: source}
		if t == p.talkTransceiver {
			track.TalkTo = p.talkTo
		}
		m.Tracks = append(m.Tracks, track)
	}
	p.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_PublishOffer{PublishOffer: m}})
	return nil
}

func (p *Peer) altered(sdp string) string {
	if p.Alter == nil {
		return sdp
	}
	return p.Alter(sdp)
}

func (p *Peer) readFeedback(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			if _, ok := packet.(*rtcp.PictureLossIndication); ok {
				p.keyframe.Store(true)
			}
		}
	}
}

// Play sends sound and VP8 pictures until ctx ends: frames of two packets,
// every interval, a keyframe when one is asked for.
func (p *Peer) Play(ctx context.Context, interval time.Duration) {
	p.done.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		var seq, soundSeq uint16
		frame := 0 // since the last keyframe
		var ts, soundTS uint32
		payload := make([]byte, cmp.Or(p.PacketSize, 600))
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			ts += uint32(interval.Seconds() * 90000)
			soundTS += uint32(interval.Seconds() * 48000)
			key := p.keyframe.Swap(false)
			if key {
				frame = 0
			}
			pictures, sounds := stream{p.index, true}, stream{p.index, false}
			number := p.noted(pictures)
			for i := range 2 {
				seq++
				p.describe(payload, i == 0, key, frame)
				pictures.mark(payload, i, number)
				_ = p.video.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2,
					SequenceNumber: seq, Timestamp: ts, Marker: i == 1}, Payload: payload})
			}
			frame++
			soundSeq++
			sounds.mark(payload, 0, p.noted(sounds))
			_ = p.audio.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2,
				SequenceNumber: soundSeq, Timestamp: soundTS}, Payload: payload[:40]})
		}
	})
}

// noted enters the next frame of a stream into the ledger, and returns its number.
func (p *Peer) noted(s stream) uint32 {
	if p.Ledger == nil {
		return 0
	}
	return p.Ledger.left(s)
}

// describe begins the payload of a packet of VP8 (RFC 7741 §4.2). frame counts
// from the last keyframe.
func (p *Peer) describe(payload []byte, first, key bool, frame int) {
	start, inter := byte(0), byte(1)
	if first {
		start = 0x10
		if key {
			inter = 0
		}
	}
	if !p.Temporal {
		payload[0], payload[1] = start, inter
		return
	}
	if first && frame%4 == 0 {
		p.base++
	}
	if first {
		p.picture++
	}
	tid := [...]byte{0, 2, 1, 2}[frame%4]
	// Extended: picture id of 15 bits, TL0PICIDX, TID.
	copy(payload, []byte{0x80 | start, 0xe0, 0x80 | byte(p.picture>>8)&0x7f, byte(p.picture), p.base, tid << 6, inter, 0, 0})
	if first && key {
		copy(payload[9:], []byte{0x9d, 1, 0x2a, 0x80, 2, 0x68, 1}) // 640x360
	}
}

func (p *Peer) read(ctx context.Context) {
	for {
		_, data, err := p.socket.Read(ctx)
		if err != nil {
			return
		}
		m := &umbrellav1.ServerMessage{}
		if err := proto.Unmarshal(data, m); err != nil {
			panic(err)
		}
		p.mu.Lock()
		p.take(m)
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

func (p *Peer) take(m *umbrellav1.ServerMessage) {
	switch m := m.Message.(type) {
	case *umbrellav1.ServerMessage_Joined:
		p.joined, p.locked, p.moderator = m.Joined, m.Joined.Locked, m.Joined.Moderator
		clear(p.participants)
		for _, o := range m.Joined.Participants {
			p.participants[o.Id] = o
		}
	case *umbrellav1.ServerMessage_RoomUpdate:
		for _, o := range m.RoomUpdate.Participants {
			p.participants[o.Id] = o
		}
		for _, id := range m.RoomUpdate.LeftParticipantIds {
			delete(p.participants, id)
		}
		if m.RoomUpdate.Locked != nil {
			p.locked = *m.RoomUpdate.Locked
		}
		if m.RoomUpdate.Moderator != nil {
			p.moderator = *m.RoomUpdate.Moderator
		}
	case *umbrellav1.ServerMessage_Invited:
		p.invited = m.Invited
	case *umbrellav1.ServerMessage_Muted:
		p.muted = append(p.muted, m.Muted.Mid)
	case *umbrellav1.ServerMessage_PublishAnswer:
		err := p.publish.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: m.PublishAnswer.Sdp})
		if err != nil {
			p.errs = append(p.errs, &umbrellav1.Error{Message: err.Error()})
		}
	case *umbrellav1.ServerMessage_SubscribeOffer:
		if err := p.answer(m.SubscribeOffer); err != nil {
			p.errs = append(p.errs, &umbrellav1.Error{Message: err.Error()})
		}
	case *umbrellav1.ServerMessage_StreamMap:
		clear(p.streams)
		for _, s := range m.StreamMap.Streams {
			p.streams[s.Mid] = s
		}
	case *umbrellav1.ServerMessage_ChatMessage:
		p.chat = append(p.chat, m.ChatMessage)
	case *umbrellav1.ServerMessage_Speakers:
		p.speakers = m.Speakers.Speakers
	case *umbrellav1.ServerMessage_Error:
		p.errs = append(p.errs, m.Error)
	case *umbrellav1.ServerMessage_TalkUpdate:
		p.talkUpdate = m.TalkUpdate
	case *umbrellav1.ServerMessage_Goodbye:
		p.goodbye = m.Goodbye
	}
}

func (p *Peer) answer(o *umbrellav1.SubscribeOffer) error {
	if p.subscribe == nil {
		pc, err := api().NewPeerConnection(webrtc.Configuration{})
		if err != nil {
			return err
		}
		p.subscribe = pc
		pc.OnTrack(p.onTrack)
	}
	if err := p.subscribe.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.Sdp}); err != nil {
		return err
	}
	answer, err := p.subscribe.CreateAnswer(nil)
	if err != nil {
		return err
	}
	if err := p.subscribe.SetLocalDescription(answer); err != nil {
		return err
	}
	p.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_SubscribeAnswer{
		SubscribeAnswer: &umbrellav1.SubscribeAnswer{Id: o.Id, Sdp: p.altered(answer.SDP)}}})
	return nil
}

func (p *Peer) onTrack(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
	mid := ""
	for _, tr := range p.subscribe.GetTransceivers() {
		if tr.Receiver() == r {
			mid = tr.Mid()
		}
	}
	in := &Received{}
	in.Codec.Store(t.Codec().MimeType)
	p.mu.Lock()
	p.received[mid] = in
	p.mu.Unlock()
	var last uint16
	for {
		packet, _, err := t.ReadRTP()
		if err != nil {
			return
		}
		if in.Packets.Add(1) > 1 {
			if d := packet.SequenceNumber - last; d > 1 && d < 1<<15 {
				in.Gaps.Add(uint64(d - 1))
			}
		}
		last = packet.SequenceNumber
		if p.Ledger != nil {
			p.Ledger.arrived(p.index, packet.Payload)
		}
		if t.Codec().MimeType == webrtc.MimeTypeVP8 && len(packet.Payload) > 1 &&
			packet.Payload[0]&0x10 != 0 && packet.Payload[1]&1 == 0 {
			in.Keyframes.Add(1)
		}
	}
}

// Wait until what cond says is so. It is called with the peer's state at rest.
func (p *Peer) Wait(ctx context.Context, cond func() bool) error {
	for {
		p.mu.Lock()
		ok, changed := cond(), p.changed
		p.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-time.After(20 * time.Millisecond): // packets tell nobody
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ID of the participant.
func (p *Peer) ID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.joined.GetParticipantId()
}

// Drop cuts the socket as a lost network does; the connections stay.
func (p *Peer) Drop() {
	_ = p.socket.CloseNow()
	p.cancel()
}

// Resume takes the session up again on a new socket.
func (p *Peer) Resume(ctx context.Context) error {
	p.mu.Lock()
	was := p.joined
	p.joined = nil
	p.errs = nil
	p.mu.Unlock()
	if err := p.Dial(ctx); err != nil {
		return err
	}
	p.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Resume{Resume: &umbrellav1.Resume{
		SessionId: was.SessionId, SessionSecret: was.SessionSecret}}})
	if err := p.Wait(ctx, func() bool { return p.joined != nil || len(p.errs) > 0 }); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.joined == nil {
		return errors.New(p.errs[0].Message)
	}
	return nil
}

// RestartICE restarts ICE on both connections, as after a change of network.
func (p *Peer) RestartICE() error {
	p.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_RestartIce{RestartIce: &umbrellav1.RestartIce{}}})
	if p.publish == nil {
		return nil
	}
	return p.offer(true)
}

// Close leaves and waits for all that ran.
func (p *Peer) Close() {
	if p.socket != nil {
		p.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Leave{Leave: &umbrellav1.Leave{}}})
		_ = p.socket.Close(websocket.StatusNormalClosure, "")
		p.cancel()
	}
	for _, pc := range []*webrtc.PeerConnection{p.publish, p.subscribe} {
		if pc != nil {
			_ = pc.GracefulClose()
		}
	}
	p.done.Wait()
}
