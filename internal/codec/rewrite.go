package codec

import "encoding/binary"

// RewriteDependency appends the Dependency Descriptor dd to dst, with another
// frame number. What is too short to have one is appended as it is.
func RewriteDependency(dst, dd []byte, frameNumber uint16) []byte {
	n := len(dst)
	dst = append(dst, dd...)
	if len(dd) >= mandatoryBytes {
		binary.BigEndian.PutUint16(dst[n+1:], frameNumber)
	}
	return dst
}
