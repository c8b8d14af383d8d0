// Package codec reads what an RTP payload, and the Dependency Descriptor beside
// it, say of the picture they carry: whether a decoder can begin with it, to
// which layer it belongs, who can do without it. It also renumbers pictures, so
// that what a receiver gets looks like one encoding.
//
// Payload formats: VP8 (RFC 7741), VP9 (RFC 9628), H.264 (RFC 6184), H.265
// (RFC 7798) and AV1 (RTP Payload Format For AV1 1.0, with the Dependency
// Descriptor of its Appendix A, which other codecs may bring too).
//
// There is no I/O, no clock and no allocation per packet here. Bytes come from
// outside: whatever they are, the answer is an Info that says less.
package codec
