package sound

// lawDecoder decodes G.711.
type lawDecoder struct {
	law func(byte) int16
	out []int16
}

func (d *lawDecoder) decode(b []byte) ([]int16, error) {
	d.out = d.out[:0]
	for _, v := range b {
		d.out = append(d.out, d.law(v))
	}
	return d.out, nil
}

func (d *lawDecoder) close() {}

// pcmDecoder decodes linear PCM of that many bytes a sample, the highest first
// (RFC 3551 §4.5.11, RFC 3190) or, if little is set, last. With 8 bits, 128 is silence.
type pcmDecoder struct {
	bytes  int
	little bool
	out    []int16
}

func (d *pcmDecoder) decode(b []byte) ([]int16, error) {
	d.out = d.out[:0]
	for ; len(b) >= d.bytes; b = b[d.bytes:] {
		switch {
		case d.bytes == 1:
			d.out = append(d.out, int16(b[0]^0x80)<<8)
		case d.little:
			d.out = append(d.out, int16(uint16(b[d.bytes-1])<<8|uint16(b[d.bytes-2])))
		default:
			d.out = append(d.out, int16(uint16(b[0])<<8|uint16(b[1])))
		}
	}
	return d.out, nil
}

func (d *pcmDecoder) close() {}
