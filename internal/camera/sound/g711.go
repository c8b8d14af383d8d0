package sound

// muLaw gives the sample of a code (ITU-T G.711, table 2).
func muLaw(code byte) int16 {
	code = ^code
	v := (int32(code&0x0f)<<3 + 0x84) << (code >> 4 & 7)
	if code&0x80 != 0 {
		return int16(0x84 - v)
	}
	return int16(v - 0x84)
}

// aLaw gives the sample of a code (ITU-T G.711, table 1).
func aLaw(code byte) int16 {
	code ^= 0x55
	v := int32(code&0x0f)<<4 + 8
	if e := code >> 4 & 7; e > 0 {
		v = (v + 0x100) << (e - 1)
	}
	if code&0x80 == 0 {
		return int16(-v)
	}
	return int16(v)
}
