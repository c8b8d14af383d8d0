package backhaul

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/proto"

	"umbrella/internal/backhaul/routing"
	"umbrella/internal/clock"
	"umbrella/internal/rtc"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// Subprotocol of the WebSockets of trunks.
const Subprotocol = "umbrella.trunk.v1"

const (
	version   = 1
	nonceSize = 32
	// maxUnproven bounds a message of whoever has not shown yet that it knows a
	// secret, and maxMessage one of whoever has, in bytes.
	maxUnproven = 16 << 10
	maxMessage  = 1 << 20
	// messageWithin is how long each message of the handshake may take.
	messageWithin = 2 * time.Second
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

const wrongSecret = "the secret is not that of any trunk here: write the same secret on both nodes"

var errProtocol = refuse(umbrellav1.TrunkRefusal_REASON_MISBEHAVED, "the other end did not keep to the trunk protocol")

// findSecret finds the trunk that a proof belongs to, among those that there may
// be; ok is false when there is none.
type findSecret func(right func(secret string) bool) (section string, ok bool)

// party is one end of a handshake.
type party struct {
	dialled bool
	// fingerprint of the certificate that this end shows in DTLS.
	fingerprint []byte
	find        findSecret
	// unknown is what the other end is told when its secret is not found.
	unknown string
	// introduce makes what this end tells of itself, of which nothing goes to
	// whoever dials and does not know the secret.
	introduce func() *umbrellav1.TrunkIntroduction
}

// peer is the other end, which has shown that it knows the secret.
type peer struct {
	id    routing.NodeID
	name  string
	mutes bool // it understands TrunkMute
	media rtc.TrunkParameters
	// behind is how many milliseconds its clock is behind this node's.
	behind int64
}

// nodeID names a node by the certificate that it shows in DTLS: nobody else has
// the key of that.
func nodeID(fingerprint []byte) routing.NodeID {
	sum := sha256.Sum256(append([]byte("umbrella node"), fingerprint...))
	return routing.NodeID(hex.EncodeToString(sum[:8]))
}

// hello makes the first message of an end.
func hello(fingerprint []byte) *umbrellav1.TrunkHello {
	nonce := make([]byte, nonceSize)
	_, _ = rand.Read(nonce) // never fails
	return &umbrellav1.TrunkHello{Version: version, Nonce: nonce, Fingerprint: fingerprint}
}

// introduction tells of this end what its proof brings.
func introduction(name string, media rtc.TrunkParameters) *umbrellav1.TrunkIntroduction {
	return &umbrellav1.TrunkIntroduction{
		Mutes: true, NodeName: name, ClockMs: clock.Milli(time.Now()), IceUfrag: media.Ufrag, IcePwd: media.Pwd,
		Candidates: media.Candidates[:min(len(media.Candidates), maxCandidates)],
	}
}

// shake does the handshake on a socket that was just opened. It returns the
// other end and the section whose secret was proven.
func shake(ctx context.Context, ws *websocket.Conn, own party) (*peer, string, error) {
	ws.SetReadLimit(maxUnproven)
	ourHello := hello(own.fingerprint)
	mine, err := write(ctx, ws, &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Hello{Hello: ourHello}})
	if err != nil {
		return nil, "", err
	}
	first, theirs, err := expect(ctx, ws)
	if err != nil {
		return nil, "", err
	}
	theirHello := first.GetHello()
	if theirHello == nil {
		return nil, "", refused(first)
	}
	if err := checkHello(ourHello, theirHello); err != nil {
		return nil, "", turnDown(ctx, ws, err)
	}
	a, b := mine, theirs
	if !own.dialled {
		a, b = theirs, mine
	}
	transcript := append(hash(a), hash(b)...)
	if own.dialled {
		// The end that dialled shows first that it knows the secret.
		own.find(func(secret string) bool {
			err = own.prove(ctx, ws, secret, transcript)
			return true
		})
		if err != nil {
			return nil, "", err
		}
	}
	second, _, err := expect(ctx, ws)
	if err != nil {
		return nil, "", err
	}
	proof := second.GetProof()
	if proof == nil {
		return nil, "", refused(second)
	}
	var known string
	section, ok := own.find(func(secret string) bool {
		known = secret
		return hmac.Equal(proof.Mac, mac(secret, !own.dialled, transcript, proof.Introduction))
	})
	if !ok {
		return nil, "", turnDown(ctx, ws, refuse(umbrellav1.TrunkRefusal_REASON_WRONG_SECRET, "%s", own.unknown))
	}
	other, ok := meet(theirHello, proof.Introduction)
	if !ok {
		return nil, "", turnDown(ctx, ws, errProtocol)
	}
	if !own.dialled {
		if err := own.prove(ctx, ws, known, transcript); err != nil {
			return nil, "", err
		}
	}
	ws.SetReadLimit(maxMessage)
	return other, section, nil
}

// checkHello says what is wrong with the other end's hello.
func checkHello(own, theirs *umbrellav1.TrunkHello) *Refusal {
	switch {
	case theirs.Version != version:
		return refuse(umbrellav1.TrunkRefusal_REASON_WRONG_VERSION,
			"one node speaks version %d of the trunk protocol and the other one version %d: update the older one", theirs.Version, own.Version)
	case bytes.Equal(theirs.Fingerprint, own.Fingerprint):
		return refuse(umbrellav1.TrunkRefusal_REASON_SELF, "the trunk leads back to the node itself: check url")
	case len(theirs.Nonce) != nonceSize, len(theirs.Fingerprint) != sha256.Size:
		return errProtocol
	}
	return nil
}

// meet makes a peer of what the other end has told; ok is false for what no node
// tells.
func meet(theirs *umbrellav1.TrunkHello, introduction []byte) (p *peer, ok bool) {
	i := &umbrellav1.TrunkIntroduction{}
	if introductions.Unmarshal(introduction, i) != nil ||
		len(i.IceUfrag) < 4 || len(i.IceUfrag) > 256 || len(i.IcePwd) < 22 || len(i.IcePwd) > 256 {
		return nil, false
	}
	return &peer{id: nodeID(theirs.Fingerprint), name: cut(i.NodeName), mutes: i.Mutes, behind: behind(i.ClockMs), media: rtc.TrunkParameters{
		Fingerprint: theirs.Fingerprint, Ufrag: i.IceUfrag, Pwd: i.IcePwd, Candidates: i.Candidates,
	}}, true
}

// leastBehind is by how much clocks have to differ to be told apart, in milliseconds: less
// than that is also what the way takes.
const leastBehind = 10_000

// behind returns by how much a clock is behind that of this node, in milliseconds.
func behind(theirs int64) int64 {
	if ms := clock.Milli(time.Now()) - theirs; theirs > 0 && (ms > leastBehind || ms < -leastBehind) {
		return ms
	}
	return 0
}

// cut makes a name that came from outside fit to be shown.
func cut(name string) string { return shorten(printable(name), maxNodeName, "") }

// printable is text that came from outside without what is not to be shown.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return ' '
		case r == utf8.RuneError, !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s))
}

// shorten leaves so many characters, and an ending where there were more.
func shorten(s string, most int, ending string) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + ending
	}
	return s
}

// refused is the error for a message that is not the one that was to come.
func refused(m *umbrellav1.TrunkMessage) error {
	if r := m.GetRefusal(); r != nil {
		return &Refusal{Reason: r.Reason, Message: cut200(r.Message)}
	}
	return errProtocol
}

// cut200 makes a sentence of the other end fit to be shown.
func cut200(s string) string { return shorten(printable(s), 200, "…") }

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

// prove sends the proof of this end, and what it tells of itself.
func (own *party) prove(ctx context.Context, ws *websocket.Conn, secret string, transcript []byte) error {
	introduction, err := proto.Marshal(own.introduce())
	if err != nil {
		return err
	}
	_, err = write(ctx, ws, &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Proof{
		Proof: &umbrellav1.TrunkProof{Mac: mac(secret, own.dialled, transcript, introduction), Introduction: introduction},
	}})
	return err
}

// mac is the proof of one end. The transcript has the fingerprints of both ends'
// media and fresh numbers of both: a proof is of no use elsewhere.
func mac(secret string, dialled bool, transcript, introduction []byte) []byte {
	label := "umbrella trunk 1 accepted"
	if dialled {
		label = "umbrella trunk 1 dialled"
	}
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(label))
	m.Write(transcript)
	m.Write(hash(introduction))
	return m.Sum(nil)
}

func hash(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

// expect waits for a message of the handshake.
func expect(ctx context.Context, ws *websocket.Conn) (*umbrellav1.TrunkMessage, []byte, error) {
	within, cancel := context.WithTimeout(ctx, messageWithin)
	defer cancel()
	m, b, err := read(within, ws, beforeProof)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		return nil, nil, fmt.Errorf("the other end said nothing for %v", messageWithin)
	}
	return m, b, err
}
