package ubus

import (
	"encoding/binary"
	"errors"
)

// A blob is a sequence of attributes. Each begins with 32 bits, big endian: a
// flag, 7 bits of id, and 24 bits of length that count these 4 bytes but not
// the zeros after it, which fill it up to a multiple of 4.
const (
	blobHead     = 4
	blobExtended = 1 << 31 // a name comes before the data
	blobLength   = 1<<24 - 1
)

var errBlob = errors.New("damaged blob")

// blob is one attribute as it was read.
type blob struct {
	id       int
	extended bool
	data     []byte
}

// nextBlob takes the first attribute off b.
func nextBlob(b []byte) (first blob, rest []byte, err error) {
	if len(b) < blobHead {
		return blob{}, nil, errBlob
	}
	head := binary.BigEndian.Uint32(b)
	length := int(head & blobLength)
	padded := (length + 3) &^ 3
	if length < blobHead || padded > len(b) {
		return blob{}, nil, errBlob
	}
	first = blob{id: int(head >> 24 & 0x7f), extended: head&blobExtended != 0, data: b[blobHead:length]}
	return first, b[padded:], nil
}

// beginBlob appends an attribute's head, for endBlob to fill in; what is
// appended between them is its data.
func beginBlob(b []byte) (start int, _ []byte) {
	return len(b), append(b, 0, 0, 0, 0)
}

// endBlob ends the attribute that was begun at start.
func endBlob(b []byte, start int, idAndFlag uint32) []byte {
	length := uint32(len(b) - start)
	binary.BigEndian.PutUint32(b[start:], idAndFlag|length&blobLength)
	return pad(b)
}

// pad fills up to a multiple of 4. Every blob begins at one.
func pad(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func appendBlob(b []byte, id int, data []byte) []byte {
	start, b := beginBlob(b)
	return endBlob(append(b, data...), start, uint32(id)<<24)
}

func appendUint32(b []byte, id int, v uint32) []byte {
	return appendBlob(b, id, binary.BigEndian.AppendUint32(nil, v))
}

func appendString(b []byte, id int, s string) []byte {
	return appendBlob(b, id, append([]byte(s), 0))
}
