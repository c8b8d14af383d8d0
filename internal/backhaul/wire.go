package backhaul

import (
	"context"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"umbrella/internal/backhaul/routing"
	umbrellav1 "umbrella/proto/umbrella/v1"
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
	if kind != websocket.MessageBinary || !takes(firstField(b)) || !bounded(b, m.ProtoReflect().Descriptor()) || proto.Unmarshal(b, m) != nil {
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

// bounded tells, before anything of a message is unpacked, whether it has no more
// elements than one may have: an empty one takes two bytes on the way and more than
// a hundred in memory. What stands there once may come once: unpacking would join
// several into one.
func bounded(b []byte, d protoreflect.MessageDescriptor) bool {
	var count [32]int // by number of the field
	union := false
	for len(b) > 0 {
		n, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return false
		}
		b = b[size:]
		if size = protowire.ConsumeFieldValue(n, kind, b); size < 0 {
			return false
		}
		if f := d.Fields().ByNumber(n); f != nil {
			of := f.ContainingOneof() != nil
			if count[n]++; count[n] > mostOf(f) || union && of {
				return false
			}
			union = union || of
			if f.Message() != nil && kind == protowire.BytesType {
				inner, _ := protowire.ConsumeBytes(b)
				if !bounded(inner, f.Message()) {
					return false
				}
			}
		}
		b = b[size:]
	}
	return true
}

// mostOf is how many elements a field may have in one message.
func mostOf(f protoreflect.FieldDescriptor) int {
	if !f.IsList() {
		return 1
	}
	switch f.FullName() {
	case "umbrella.v1.TrunkUpdate.announcements", "umbrella.v1.TrunkUpdate.withdrawals":
		return maxUpdate
	case "umbrella.v1.TrunkAnnouncement.path":
		return routing.MaxPath
	case "umbrella.v1.TrunkParticipant.tracks":
		return maxTracks
	case "umbrella.v1.TrunkTrack.layers":
		return maxLayers
	case "umbrella.v1.TrunkIntroduction.candidates":
		return maxCandidates
	}
	return 0
}
