package whip

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
	"golang.org/x/time/rate"

	"umbrella/internal/rtc"
	"umbrella/internal/sfu"
)

// session is one client: a publisher or a watcher. Its id in its URL is all
// that proves it.
type session struct {
	id     string
	server *Server
	log    *slog.Logger

	client   netip.Prefix // as Grant.Client has it
	caller   rtc.Caller
	patches  *rate.Limiter // requests that change it
	restarts *rate.Limiter // those that restart ICE

	participant *sfu.Participant
	// asked is how the address names the only one that it watches, empty where it
	// watches all, and whom that one, or the last one that was there.
	asked string
	whom  *sfu.Participant
	pub   *rtc.Publisher
	sub   *rtc.Subscriber

	changed chan struct{} // the room, or the connection, is not what it was
	ended   chan struct{}
	gone    chan struct{} // closed when everything is given back
	endOnce sync.Once
	since   time.Time
	works   atomic.Bool // media can flow

	mu    sync.Mutex // negotiation, one at a time
	offer string     // the last one
	tag   string     // of the ICE session
}

const (
	// connectTimeout is how long a client may take until media can flow.
	connectTimeout = 20 * time.Second
	// lostTimeout is how long its connection may be lost. pion has waited for
	// 12 s by then.
	lostTimeout = 8 * time.Second
)

// A session may be patched patchesPerSecond on average and patchBurst at once, as
// browsers trickle candidates. ICE is restarted when the network changes, no more than
// every restartInterval and restartBurst at once.
const (
	patchesPerSecond = 5
	patchBurst       = 50
	restartInterval  = 2 * time.Second
	restartBurst     = 5
)

func (s *Server) newSession(r *http.Request, client netip.Prefix) *session {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return &session{
		client: client, caller: rtc.CallerOf(s.Address(r), r.RemoteAddr, local), patches: rate.NewLimiter(patchesPerSecond, patchBurst),
		restarts: rate.NewLimiter(rate.Every(restartInterval), restartBurst),
		id:       rand.Text(), server: s, log: s.Log, changed: make(chan struct{}, 1),
		ended: make(chan struct{}), gone: make(chan struct{}), since: time.Now(),
	}
}

// RoomChanged implements sfu.Observer.
func (s *session) RoomChanged() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Speaking implements sfu.Observer.
func (s *session) Speaking([]sfu.Speaker) {}

// Chat implements sfu.Observer.
func (s *session) Chat(sfu.ChatMessage) {}

func (s *session) join(e sfu.Entry) error {
	p, err := s.server.SFU.Join(e)
	if err != nil {
		return err
	}
	s.participant = p
	s.log = s.log.With("room", e.Room, "participant", p.ID)
	return nil
}

func (s *session) publish(e sfu.Entry, offer string) (answer string, err error) {
	if err := s.join(e); err != nil {
		return "", err
	}
	s.offer = offer
	if strings.Count(offer, "\nm=") > sfu.MaxTracks {
		return "", sfu.ErrTracksOfOne
	}
	if err := s.participant.MayPublish(); err != nil {
		return "", err
	}
	if s.pub, err = s.server.Engine().NewPublisher(s.participant, s.log, s.state, nil); err != nil {
		return "", err
	}
	s.pub.CalledBy(s.caller)
	return s.pub.Answer(offer, nil)
}

// watch answers the offer of somebody who watches one participant, or with nil all.
func (s *session) watch(e sfu.Entry, whom *sfu.Participant, asked, offer string) (answer string, err error) {
	if err := s.join(e); err != nil {
		return "", err
	}
	s.offer, s.whom, s.asked = offer, whom, asked
	s.sub, answer, err = s.server.Engine().AnswerSubscriber(rtc.WatchOffer{SDP: offer, Wishes: s.wishes(), Only: whom != nil, Caller: s.caller},
		e.Address, s.log, s.state)
	return answer, err
}

// state is told of the connection.
func (s *session) state(st webrtc.PeerConnectionState) {
	works := st == webrtc.PeerConnectionStateConnected
	s.works.Store(works)
	if works {
		s.participant.SetQuality(sfu.Good)
	} else if st != webrtc.PeerConnectionStateConnecting {
		s.participant.SetQuality(sfu.Lost)
	}
	if st == webrtc.PeerConnectionStateFailed {
		s.end()
	}
	s.RoomChanged() // run is to look
}

// run keeps the session until its client leaves or is lost.
func (s *session) run() {
	late := time.NewTimer(connectTimeout)
	defer late.Stop()
	worked := false
	for {
		s.play()
		select {
		case <-s.ended:
			return
		case <-s.participant.Removed():
			s.log.Info("was removed")
			return
		case <-s.changed:
			works := s.works.Load()
			if works && !worked {
				late.Stop()
			} else if !works && worked {
				late.Reset(lostTimeout)
			}
			worked = works
		case <-late.C:
			s.log.Info("the media connection is lost, or never came about")
			return
		}
	}
}

// play gives a watcher what there is.
func (s *session) play() {
	if s.sub != nil {
		s.sub.Set(s.wishes())
	}
}

// wishes are what there is to watch.
func (s *session) wishes() (wishes []rtc.Wish) {
	room := s.participant.Room()
	if s.whom != nil {
		p := room.Participant(s.whom.ID)
		if p == nil {
			// When a node restarts, its cameras come again by other ids.
			p = room.Find(s.asked)
		}
		if p != nil && p.Kind == s.whom.Kind {
			s.whom = p
		}
	}
	for _, p := range room.Participants() {
		if p == s.participant || s.whom != nil && p != s.whom {
			continue
		}
		for _, t := range p.State().Tracks {
			wishes = append(wishes, rtc.Wish{Track: t})
		}
	}
	return wishes
}

// end makes run return. It does not wait.
func (s *session) end() { s.endOnce.Do(func() { close(s.ended) }) }

// close gives everything back.
func (s *session) close() {
	s.end()
	if s.participant != nil {
		s.participant.Leave()
	}
	if s.pub != nil {
		if err := s.pub.Close(); err != nil {
			s.log.Debug("closing", "error", err)
		}
	}
	if s.sub != nil {
		if err := s.sub.Close(); err != nil {
			s.log.Debug("closing", "error", err)
		}
	}
}

// etag names the ICE session that an SDP of ours describes (RFC 9725 §4.3.1),
// and remembers it.
func (s *session) etag(sdp string) string {
	sum := sha256.Sum256([]byte(rtc.Attribute(sdp, "ice-ufrag") + rtc.Attribute(sdp, "ice-pwd")))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tag = `"` + hex.EncodeToString(sum[:8]) + `"`
	return s.tag
}
