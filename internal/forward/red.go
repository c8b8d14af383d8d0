package forward

// primary returns the newest block of a RED payload (RFC 2198 §3): the last
// one, whose header has one octet. It is nil when the payload is not RED.
func primary(b []byte) []byte {
	skip := 0 // octets of the blocks before it
	for i := 0; i < len(b); i += 4 {
		if b[i]&0x80 == 0 {
			if i+1+skip > len(b) {
				return nil
			}
			return b[i+1+skip:]
		}
		if i+4 > len(b) {
			return nil
		}
		skip += int(b[i+2]&0x03)<<8 | int(b[i+3])
	}
	return nil
}
