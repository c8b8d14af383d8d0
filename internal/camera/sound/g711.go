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

// MuLawToALaw turns codes of µ-law into those of A-law that sound nearest, in
// place.
func MuLawToALaw(codes []byte) {
	for i, c := range codes {
		codes[i] = nearestALaw(muLaw(c))
	}
}

// nearestALaw is the code of a sample (ITU-T G.711, table 1).
func nearestALaw(sample int16) byte {
	v, sign := int32(sample), byte(0x80)
	if v < 0 {
		v, sign = -v-1, 0
	}
	segment := byte(0)
	for v>>(segment+8) > 0 {
		segment++
	}
	step := v >> 4
	if segment > 0 {
		step = v >> (segment + 3)
	}
	return (sign | segment<<4 | byte(step)&0x0f) ^ 0x55
}
