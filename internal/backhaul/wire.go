package backhaul

import (
	"context"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"umbrella/internal/backhaul/routing"
	"umbrella/internal/wire"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// What the other end may send: lists no longer than a node of ours sends them.
var (
	messages = wire.Must(&umbrellav1.TrunkMessage{}, wire.Limits{
		Elements: map[protoreflect.FullName]int{
			"umbrella.v1.TrunkUpdate.announcements": maxUpdate,
			"umbrella.v1.TrunkUpdate.withdrawals":   maxUpdate,
			"umbrella.v1.TrunkAnnouncement.path":    routing.MaxPath,
			"umbrella.v1.TrunkParticipant.tracks":   maxTracks,
			"umbrella.v1.TrunkTrack.layers":         maxLayers,
			"umbrella.v1.TrunkMute.sources":         maxSources,
		},
		Text: maxUnproven, Total: maxElements,
		TextOf: map[protoreflect.FullName]int{
			"umbrella.v1.TrunkSnapshotPart.data":    maxPart,
			"umbrella.v1.TrunkSnapshotPart.problem": maxText,
		},
	})
	introductions = wire.Must(&umbrellav1.TrunkIntroduction{}, wire.Limits{
		Elements: map[protoreflect.FullName]int{"umbrella.v1.TrunkIntroduction.candidates": maxCandidates},
		Text:     maxIntroduced, Total: 2 * maxCandidates,
	})
)

const (
	// maxSources of tracks are named in a TrunkMute: each that there is.
	maxSources = 4
	// maxElements of one message: a bit more than an update has of participants with
	// all tracks and layers that they may have.
	maxElements = maxUpdate * (5 + routing.MaxPath + maxTracks + maxTracks*maxLayers)
	// maxIntroduced bounds each text of an introduction, in bytes.
	maxIntroduced = 1 << 10
)

// write sends a message and returns its bytes.
func write(ctx context.Context, ws *websocket.Conn, m *umbrellav1.TrunkMessage) ([]byte, error) {
	b, err := proto.Marshal(m)
	if err != nil {
		return nil, err
	}
	return b, ws.Write(ctx, websocket.MessageBinary, b)
}

// read waits for a message and returns its bytes too. takes tells of the number of
// its field in TrunkMessage whether it may come now.
func read(ctx context.Context, ws *websocket.Conn, takes func(protowire.Number) bool) (*umbrellav1.TrunkMessage, []byte, error) {
	kind, b, err := ws.Read(ctx)
	if err != nil {
		return nil, nil, err
	}
	m := &umbrellav1.TrunkMessage{}
	if kind != websocket.MessageBinary || !takes(firstField(b)) || messages.Unmarshal(b, m) != nil {
		return nil, nil, errProtocol
	}
	return m, b, nil
}

// beforeProof takes hello, proof and refusal.
func beforeProof(field protowire.Number) bool { return field >= 1 && field <= 3 }

// afterProof takes every message; which of them make sense is for others to say.
func afterProof(protowire.Number) bool { return true }

// firstField is the number of the field that a message begins with; negative when
// it begins with none.
func firstField(b []byte) protowire.Number {
	n, _, size := protowire.ConsumeTag(b)
	if size < 0 {
		return -1
	}
	return n
}
