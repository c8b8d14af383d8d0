package peer

import (
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

// TalkTo adds an m-line on which the peer talks to a participant.
func (p *Peer) TalkTo(id string) (err error) {
	if p.talk, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMU, ClockRate: 8000}, "talk", "peer"); err != nil {
		return err
	}
	t, err := p.publish.AddTransceiverFromTrack(p.talk, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return err
	}
	p.done.Go(func() { p.readFeedback(t.Sender()) })
	p.talkTransceiver, p.talkTo = t, id
	return p.offer(false)
}

// Say sends 20 ms of G.711 on it.
func (p *Peer) Say(payload []byte) {
	p.talkSeq++
	_ = p.talk.WriteRTP(&rtp.Packet{Header: rtp.Header{
		Version: 2, SequenceNumber: p.talkSeq, Timestamp: uint32(p.talkSeq) * 160,
	}, Payload: payload})
}

// MuteTalk tells that silence is sent on it, or not any more.
func (p *Peer) MuteTalk(muted bool) {
	p.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_SetMuted{
		SetMuted: &umbrellav1.SetMuted{Mid: p.talkTransceiver.Mid(), Muted: muted},
	}})
}

// Talk is what the node said of it last, for the condition of Wait.
func (p *Peer) Talk() *umbrellav1.TalkUpdate { return p.talkUpdate }
