package ubus

import (
	"encoding/binary"
	"fmt"
	"io"
)

// What a message asks for or tells: ubusmsg.h calls them UBUS_MSG_HELLO and so
// on. Those that are not here are of no use to this client.
const (
	messageHello        = 0
	messageStatus       = 1
	messageData         = 2
	messageLookup       = 4
	messageInvoke       = 5
	messageAddObject    = 6
	messageRemoveObject = 7
)

// The attributes in a message: UBUS_ATTR_STATUS and so on.
const (
	attrStatus     = 1
	attrObjectPath = 2
	attrObjectID   = 3
	attrMethod     = 4
	attrSignature  = 6
	attrData       = 7
	attrNoReply    = 10
	attrUser       = 12
	attrGroup      = 13
	attrCount      = 14
)

const (
	// eventObject is ubusd's own object that takes events.
	eventObject = 1
	// messageHead is version, type, sequence number and peer: 8 bytes. A blob
	// with the attributes follows.
	messageHead = 8
	// maxMessage is the longest message in bytes, head included: ubusd hangs up on
	// a longer blob, and drops what with its head is more than it keeps for a slow
	// reader.
	maxMessage = 1 << 20
)

// message is one message as it was read.
type message struct {
	kind  byte
	seq   uint16
	peer  uint32
	attrs [attrCount][]byte // nil where there is none
}

// uint32 is the attribute's value, if it is there and has 4 bytes.
func (m *message) uint32(id int) (uint32, bool) {
	if len(m.attrs[id]) != 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(m.attrs[id]), true
}

// string is the attribute's value; empty if it is not there, or no string.
func (m *message) string(id int) string {
	s, _ := cString(m.attrs[id])
	return s
}

// flag says whether the attribute is there and is not 0.
func (m *message) flag(id int) bool {
	return len(m.attrs[id]) == 1 && m.attrs[id][0] != 0
}

// readMessage reads one message. After an error there is no way to tell where
// the next one begins.
func readMessage(r io.Reader) (*message, error) {
	var head [messageHead + blobHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	if head[0] != 0 {
		return nil, fmt.Errorf("message of version %d, where 0 is known", head[0])
	}
	length := int(binary.BigEndian.Uint32(head[messageHead:]) & blobLength)
	if length < blobHead || length > maxMessage {
		return nil, fmt.Errorf("message of %d bytes", length)
	}
	body := make([]byte, length-blobHead)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("in the middle of a message: %w", err)
	}
	m := &message{
		kind: head[1],
		seq:  binary.BigEndian.Uint16(head[2:]),
		peer: binary.BigEndian.Uint32(head[4:]),
	}
	return m, m.parse(body)
}

// parse keeps the last attribute of each id, and passes over those that it does
// not know.
func (m *message) parse(body []byte) error {
	for len(body) > 0 {
		a, rest, err := nextBlob(body)
		if err != nil {
			return err
		}
		if a.id < attrCount {
			m.attrs[a.id] = a.data
		}
		body = rest
	}
	return nil
}

// newMessage begins a message, to which attributes are appended; endMessage
// makes it ready to be sent.
func newMessage(kind byte, seq uint16, peer uint32) []byte {
	b := make([]byte, 0, 128)
	b = append(b, 0, kind)
	b = binary.BigEndian.AppendUint16(b, seq)
	b = binary.BigEndian.AppendUint32(b, peer)
	_, b = beginBlob(b)
	return b
}

// endMessage fails with ErrTooLarge.
func endMessage(b []byte) ([]byte, error) {
	if len(b) > maxMessage {
		return nil, ErrTooLarge
	}
	return endBlob(b, messageHead, 0), nil
}
