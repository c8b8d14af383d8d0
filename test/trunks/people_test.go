package trunks

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/mdns/v2"
	"golang.org/x/net/ipv4"
	"google.golang.org/protobuf/proto"

	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/netns"
	"umbrella/test/peer"
)

// people is a process in the namespace of a node: its participants.
type people struct {
	t     *testing.T
	child *netns.Child
}

// order is what the test asks of people, one a line.
type order struct {
	Join string // name
	View bool   // without publishing
	// Temporal has the picture of who joins consist of three temporal layers.
	Temporal bool
	// Large has who joins send packets larger than browsers send.
	Large bool
	Leave string
	// Announce is a name that multicast DNS is to answer for, as umdns does on an
	// access point.
	Announce string
	// Old is the URL of a node that is to be dialled with a version of the trunk
	// protocol that there is no more. The answer is what it is refused with.
	Old string
	// Onvif is an address at which a camera is to answer to ONVIF, and give a picture.
	Onvif string
	// Fetch is a path of the node that is to be fetched. The answer is its status, its
	// length and its SHA-256.
	Fetch string
}

// report is what they answer to each.
type report struct {
	Problem string
	// Views by the name of who looks.
	Views  map[string]view
	Status []byte // of the node, protobuf
	Answer string
	status *umbrellav1.Status
}

// view is what one participant sees.
type view struct {
	// Seen is how often each name is in the room, with the node that it is at.
	Seen map[string]int
	At   map[string]string
	// Video is packets of each participant's picture, and Gaps those that were
	// left out of all.
	Video map[string]uint64
	Gaps  uint64
	Chat  []string
	// Sound is packets of each participant's sound, SoundGaps those left out of
	// all; Keyframes are those of all pictures.
	Sound                map[string]uint64
	SoundGaps, Keyframes uint64
}

func TestMain(m *testing.M) { netns.Main(m, live) }

func newPeople(t *testing.T, space *netns.Space, secure bool) *people {
	t.Helper()
	scheme := "ws"
	if secure {
		scheme = "wss"
	}
	return &people{t: t, child: space.Child(scheme)}
}

func (p *people) ask(o order) *report {
	p.t.Helper()
	r := &report{status: &umbrellav1.Status{}}
	p.child.Ask(o, r)
	if err := proto.Unmarshal(r.Status, r.status); err != nil {
		p.t.Fatal(err)
	}
	return r
}

// join lets somebody in; report tells how it is, nil before the node serves.
func (p *people) join(name string, view bool) {
	p.t.Helper()
	if r := p.ask(order{Join: name, View: view}); r.Problem != "" {
		p.t.Fatalf("%s: %s", name, r.Problem)
	}
}

func (p *people) leave(name string) { p.t.Helper(); p.ask(order{Leave: name}) }

func (p *people) report() *report {
	p.t.Helper()
	if r := p.ask(order{}); r.Problem == "" {
		return r
	}
	return nil
}

// live is the process. scheme is that of the node's WebSocket.
func live(scheme string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	here := map[string]*peer.Peer{}
	stop := map[string]context.CancelFunc{}
	return netns.Serve(func(o order) (*report, error) {
		r := &report{Views: map[string]view{}}
		switch {
		case o.Announce != "":
			responder, err := announce(o.Announce)
			if err != nil {
				return nil, err
			}
			context.AfterFunc(ctx, func() { _ = responder.Close() })
		case o.Join != "":
			p := &peer.Peer{URL: scheme + "://127.0.0.1:8081/wsb", Room: "den", Name: o.Join, ViewOnly: o.View, Temporal: o.Temporal}
			if o.Large {
				p.PacketSize = 1350
			}
			within, done := context.WithTimeout(ctx, 10*time.Second)
			if err := p.Join(within); err != nil {
				r.Problem = err.Error()
			} else {
				here[o.Join] = p
				var playing context.Context
				playing, stop[o.Join] = context.WithCancel(ctx)
				if !o.View {
					p.Play(playing, 20*time.Millisecond)
				}
			}
			done()
		case o.Old != "":
			var err error
			if r.Answer, err = old(ctx, o.Old); err != nil {
				return nil, err
			}
		case o.Onvif != "":
			if err := serveONVIF(o.Onvif); err != nil {
				return nil, err
			}
		case o.Fetch != "":
			var err error
			if r.Answer, err = fetch(scheme, o.Fetch); err != nil {
				return nil, err
			}
		case o.Leave != "":
			stop[o.Leave]()
			here[o.Leave].Close()
			delete(here, o.Leave)
		}
		for name, p := range here {
			r.Views[name] = look(p)
		}
		if b, err := status(scheme); err != nil {
			r.Problem = err.Error()
		} else {
			r.Status = b
		}
		return r, nil
	})
}

// old dials a node with version 0 and returns the sentence that it is refused
// with.
func old(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		Subprotocols: []string{"umbrella.trunk.v1"}, HTTPClient: client,
	})
	if err != nil {
		return "", err
	}
	defer func() { _ = ws.CloseNow() }()
	hello, err := proto.Marshal(&umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Hello{Hello: &umbrellav1.TrunkHello{
		Nonce: make([]byte, 32), Fingerprint: make([]byte, 32),
	}}})
	if err != nil {
		return "", err
	}
	if err := ws.Write(ctx, websocket.MessageBinary, hello); err != nil {
		return "", err
	}
	for {
		_, b, err := ws.Read(ctx)
		if err != nil {
			return "", err
		}
		m := &umbrellav1.TrunkMessage{}
		if err := proto.Unmarshal(b, m); err != nil {
			return "", err
		}
		if r := m.GetRefusal(); r != nil {
			return r.Message, nil
		}
	}
}

// client trusts the nodes of the tests, which have certificates of their own
// making.
var client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}

// announce answers for a name on the local network (RFC 6762).
func announce(name string) (*mdns.Conn, error) {
	group, err := net.ResolveUDPAddr("udp4", mdns.DefaultAddressIPv4)
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP("udp4", group)
	if err != nil {
		return nil, err
	}
	return mdns.NewServer(ipv4.NewPacketConn(conn), nil, mdns.WithLocalNames(name))
}

func look(p *peer.Peer) view {
	v := view{Seen: map[string]int{}, At: map[string]string{}, Video: map[string]uint64{}, Sound: map[string]uint64{}}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = p.Wait(ctx, func() bool { // with its lock
		for id, who := range p.Participants() {
			v.Seen[who.Name]++
			v.At[who.Name] = who.NodeName
			audio, video := p.From(id)
			v.Video[who.Name] += video
			v.Sound[who.Name] += audio
		}
		for _, r := range p.Received() {
			v.Gaps += r.Gaps.Load()
			v.Keyframes += r.Keyframes.Load()
			if codec, _ := r.Codec.Load().(string); strings.HasPrefix(codec, "audio/") {
				v.SoundGaps += r.Gaps.Load()
			}
		}
		for _, m := range p.Chat() {
			v.Chat = append(v.Chat, m.Name+": "+m.Text)
		}
		return true
	})
	return v
}

func status(scheme string) ([]byte, error) {
	scheme = map[string]string{"ws": "http", "wss": "https"}[scheme]
	r, err := http.NewRequest(http.MethodGet, scheme+"://127.0.0.1:8081/status", nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/protobuf")
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status: %s", answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, 4<<20))
}
