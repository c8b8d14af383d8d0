package backhaul

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/proto"

	"umbrella/internal/backhaul/routing"
	"umbrella/internal/rtc"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// Subprotocol of the WebSockets of trunks.
const Subprotocol = "umbrella.trunk.v1"

const (
	version   = 1
	nonceSize = 32
	// maxMessage bounds one message, in bytes.
	maxMessage = 1 << 20
	// maxNodeName bounds what a node is called, in characters.
	maxNodeName = 64
)

// Refusal is why one of the two ends turned the trunk down.
type Refusal struct {
	Reason  umbrellav1.TrunkRefusal_Reason
	Message string
	// Ours: this node turned it down, and not the other one.
	Ours bool
}

func (r *Refusal) Error() string {
	if r.Ours {
		return r.Message
	}
	return "the other node refused: " + r.Message
}

func refuse(reason umbrellav1.TrunkRefusal_Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Message: fmt.Sprintf(format, args...), Ours: true}
}

var (
	wrongSecret = "the secret is not that of any trunk here: write the same secret on both nodes"
	errProtocol = refuse(umbrellav1.TrunkRefusal_REASON_MISBEHAVED, "the other end did not keep to the trunk protocol")
)

// hello makes the first message of an end.
func hello(id routing.NodeID, name string, media rtc.TrunkParameters) *umbrellav1.TrunkHello {
	nonce := make([]byte, nonceSize)
	_, _ = rand.Read(nonce) // never fails
	return &umbrellav1.TrunkHello{
		Version: version, NodeId: string(id), NodeName: name, Nonce: nonce, Fingerprint: media.Fingerprint,
		IceUfrag: media.Ufrag, IcePwd: media.Pwd, Candidates: media.Candidates,
	}
}

// secret finds the trunk that a proof belongs to, among those that there may
// be; ok is false when there is none.
type findSecret func(right func(secret string) bool) (section string, ok bool)

// shake does the handshake on a socket that was just opened. It returns the
// other end's hello and the section whose secret was proven.
func shake(ctx context.Context, ws *websocket.Conn, own *umbrellav1.TrunkHello, dialled bool, find findSecret) (*umbrellav1.TrunkHello, string, error) {
	ws.SetReadLimit(maxMessage)
	mine, err := write(ctx, ws, &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Hello{Hello: own}})
	if err != nil {
		return nil, "", err
	}
	first, theirs, err := read(ctx, ws)
	if err != nil {
		return nil, "", err
	}
	peer := first.GetHello()
	if peer == nil {
		return nil, "", refused(first)
	}
	if err := checkHello(own, peer); err != nil {
		return nil, "", turnDown(ctx, ws, err)
	}
	a, b := mine, theirs
	if !dialled {
		a, b = theirs, mine
	}
	transcript := append(hash(a), hash(b)...)
	section := ""
	if dialled {
		// The end that dialled shows first that it knows the secret.
		section, _ = find(func(secret string) bool {
			_, err = write(ctx, ws, proofMessage(secret, true, transcript))
			return true
		})
		if err != nil {
			return nil, "", err
		}
	}
	second, _, err := read(ctx, ws)
	if err != nil {
		return nil, "", err
	}
	proof := second.GetProof()
	if proof == nil {
		return nil, "", refused(second)
	}
	var known string
	found, ok := find(func(secret string) bool {
		known = secret
		return hmac.Equal(proof.Mac, prove(secret, !dialled, transcript))
	})
	if !ok {
		return nil, "", turnDown(ctx, ws, refuse(umbrellav1.TrunkRefusal_REASON_WRONG_SECRET, "%s", wrongSecret))
	}
	if !dialled {
		section = found
		if _, err := write(ctx, ws, proofMessage(known, false, transcript)); err != nil {
			return nil, "", err
		}
	}
	return peer, section, nil
}

// checkHello says what is wrong with the other end's hello.
func checkHello(own, peer *umbrellav1.TrunkHello) *Refusal {
	_, err := routing.ParseNodeID(peer.NodeId)
	switch {
	case peer.Version != version:
		return refuse(umbrellav1.TrunkRefusal_REASON_WRONG_VERSION,
			"%q speaks version %d of the trunk protocol and %q version %d: update the older one",
			cut(peer.NodeName), peer.Version, own.NodeName, version)
	case peer.NodeId == own.NodeId:
		return refuse(umbrellav1.TrunkRefusal_REASON_SELF, "the trunk leads back to the node itself: check url")
	case err != nil, len(peer.Nonce) != nonceSize, len(peer.Fingerprint) != sha256.Size,
		len(peer.IceUfrag) < 4, len(peer.IceUfrag) > 256, len(peer.IcePwd) < 22, len(peer.IcePwd) > 256:
		return errProtocol
	}
	return nil
}

// cut makes a name that came from outside fit to be shown.
func cut(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError || r == 0x7f {
			return -1
		}
		return r
	}, name)
	if r := []rune(name); len(r) > maxNodeName {
		name = string(r[:maxNodeName])
	}
	return name
}

// refused is the error for a message that is not the one that was to come.
func refused(m *umbrellav1.TrunkMessage) error {
	if r := m.GetRefusal(); r != nil {
		return &Refusal{Reason: r.Reason, Message: cut200(r.Message)}
	}
	return errProtocol
}

func cut200(s string) string {
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}

// turnDown tells the other end, and returns why.
func turnDown(ctx context.Context, ws *websocket.Conn, r *Refusal) error {
	_, _ = write(ctx, ws, refusalMessage(r))
	return r
}

func refusalMessage(r *Refusal) *umbrellav1.TrunkMessage {
	return &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Refusal{
		Refusal: &umbrellav1.TrunkRefusal{Reason: r.Reason, Message: r.Message},
	}}
}

func proofMessage(secret string, dialled bool, transcript []byte) *umbrellav1.TrunkMessage {
	return &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Proof{
		Proof: &umbrellav1.TrunkProof{Mac: prove(secret, dialled, transcript)},
	}}
}

// prove computes the proof of one end. The transcript has the fingerprints of
// both ends' media and fresh numbers of both: a proof is of no use elsewhere.
func prove(secret string, dialled bool, transcript []byte) []byte {
	label := "umbrella trunk 1 accepted"
	if dialled {
		label = "umbrella trunk 1 dialled"
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(label))
	mac.Write(transcript)
	return mac.Sum(nil)
}

// hash of a hello, as it was sent.
func hash(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

// write sends a message and returns its bytes.
func write(ctx context.Context, ws *websocket.Conn, m *umbrellav1.TrunkMessage) ([]byte, error) {
	b, err := proto.Marshal(m)
	if err != nil {
		return nil, err
	}
	return b, ws.Write(ctx, websocket.MessageBinary, b)
}

// read waits for a message and returns its bytes too.
func read(ctx context.Context, ws *websocket.Conn) (*umbrellav1.TrunkMessage, []byte, error) {
	kind, b, err := ws.Read(ctx)
	if err != nil {
		return nil, nil, err
	}
	m := &umbrellav1.TrunkMessage{}
	if kind != websocket.MessageBinary || proto.Unmarshal(b, m) != nil {
		return nil, nil, errProtocol
	}
	return m, b, nil
}

// parameters of the other end's media.
func parameters(peer *umbrellav1.TrunkHello) rtc.TrunkParameters {
	return rtc.TrunkParameters{
		Fingerprint: peer.Fingerprint, Ufrag: peer.IceUfrag, Pwd: peer.IcePwd, Candidates: peer.Candidates,
	}
}
