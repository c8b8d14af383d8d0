package rtsp

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/headers"
	"github.com/bluenviron/gortsplib/v4/pkg/mikey"
)

// ErrKeys: the keys of SRTP cannot be read, or are of another kind than the library has.
var ErrKeys = errors.New("its encryption (SRTP) is of a kind that is not supported")

const (
	maxMIKEY = 4 << 10 // bytes
	srtpKey  = 16      // bytes of AES-128
	srtpSalt = 14
)

// keyOffer is a=key-mgmt (RFC 4567 §3.1) of a session or of one of its media.
type keyOffer struct {
	control string
	data    string // "mikey AQAF…"
}

// keys are the keys of one of the media that was set up at a URL: from the answer to
// SETUP, else from its part of the description, else from the session's, as Axis has it
// (bluenviron/gortsplib#1033). Of some the packets have a Master Key Identifier of mki
// bytes. The caller holds mu.
func (c *Conn) keys(url string, h header) (value string, mki int, err error) {
	data := keyData(h.first("keymgmt"))
	for i, o := range c.offers {
		switch {
		case o.data == "":
		case i == 0 && data == "": // the session's, in case that there is no other
			data = o.data
		case i > 0 && h.first("keymgmt") == "" && o.of(url):
			data = o.data
		}
	}
	name, text, _ := strings.Cut(data, " ")
	if !strings.EqualFold(name, "mikey") {
		return "", 0, fmt.Errorf("%w: it sends no keys (MIKEY)", ErrKeys)
	}
	raw, err := decodeBase64(text)
	if err != nil || len(raw) > maxMIKEY {
		return "", 0, fmt.Errorf("%w: its keys (MIKEY) cannot be read", ErrKeys)
	}
	m, err := parseMIKEY(raw)
	if err != nil {
		return "", 0, err
	}
	v, err := headers.KeyMgmt{URL: url, MikeyMessage: m.message(time.Now())}.Marshal()
	if err != nil || len(v) != 1 {
		return "", 0, fmt.Errorf("%w: %v", ErrKeys, err)
	}
	return v[0], m.mki, nil
}

// of reports whether the media was set up at a URL.
func (o keyOffer) of(url string) bool {
	last := o.control[strings.LastIndex(o.control, "/")+1:]
	return last == "" || strings.HasSuffix(url, "/"+last) || last[0] == '?' && strings.HasSuffix(url, last)
}

// keyData makes the header KeyMgmt what a=key-mgmt has.
func keyData(value string) string {
	protocol, data := "", ""
	for part := range strings.SplitSeq(value, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		value = strings.Trim(value, `" `)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "prot":
			protocol = value
		case "data":
			data = value
		}
	}
	if data == "" {
		return ""
	}
	return protocol + " " + data
}

func decodeBase64(text string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(text), "="))
}

// sentKeys is what a MIKEY message says (RFC 3830), as far as it is of use.
type sentKeys struct {
	key      []byte // and the salt
	mki      int
	contexts []mikey.SRTPIDEntry
}

// Types of MIKEY payloads (RFC 3830 §6.1), and of keys (§6.13).
const (
	payloadLast  = 0
	payloadKEMAC = 1
	payloadT     = 5
	payloadSP    = 10
	payloadRAND  = 11
	payloadKey   = 20
	payloadExt   = 21

	keyTEK         = 2
	keyTEKWithSalt = 3
)

// parseMIKEY reads a message that has its keys in the clear, as TLS hides them. Of what
// it says of the time nothing is of use: some cameras have no clock.
func parseMIKEY(b []byte) (*sentKeys, error) {
	r := &octets{b: b}
	head := r.next(10)
	if r.short || head[0] != 1 {
		return nil, fmt.Errorf("%w: its keys (MIKEY) cannot be read", ErrKeys)
	}
	k := &sentKeys{}
	for range head[8] {
		e := r.next(9)
		if r.short || head[9] != 0 {
			return nil, fmt.Errorf("%w: its keys (MIKEY) cannot be read", ErrKeys)
		}
		k.contexts = append(k.contexts, mikey.SRTPIDEntry{SSRC: binary.BigEndian.Uint32(e[1:]), ROC: binary.BigEndian.Uint32(e[5:])})
	}
	for kind := head[2]; kind != payloadLast && !r.short; {
		var next byte
		var err error
		if next, err = k.payload(kind, r); err != nil {
			return nil, err
		}
		kind = next
	}
	if r.short || len(k.key) == 0 {
		return nil, fmt.Errorf("%w: its keys (MIKEY) cannot be read", ErrKeys)
	}
	return k, nil
}

func (k *sentKeys) payload(kind byte, r *octets) (next byte, err error) {
	next = r.next(1)[0]
	switch kind {
	case payloadT:
		size := 8 // NTP
		if r.next(1)[0] == 2 {
			size = 4 // a counter
		}
		r.next(size)
	case payloadRAND:
		r.next(int(r.next(1)[0]))
	case payloadExt:
		r.next(1)
		r.next(r.length())
	case payloadSP:
		r.next(2)
		err = policy(r.next(r.length()))
	case payloadKEMAC:
		if r.next(1)[0] != 0 && !r.short {
			return 0, fmt.Errorf("%w: its keys (MIKEY) are encrypted", ErrKeys)
		}
		err = k.read(&octets{b: r.next(r.length())})
		r.next([]int{0, 20}[min(r.next(1)[0], 1)]) // a MAC
	default:
		return 0, fmt.Errorf("%w: its keys (MIKEY) are of type %d", ErrKeys, kind)
	}
	return next, err
}

// policy reads the parameters of SRTP (RFC 3830 §6.10.1): what is not given is AES-128
// with HMAC-SHA-1, and that is what the library has. The length of the key of HMAC is 20,
// as a MediaMTX of gortsplib v5 says, and 10 where that of its tag was meant.
func policy(b []byte) error {
	for r := (&octets{b: b}); len(r.b) > 0; {
		kind := r.next(1)[0]
		value := r.next(int(r.next(1)[0]))
		if r.short || len(value) != 1 {
			continue
		}
		v, ok := int(value[0]), true
		switch mikey.PayloadSPPolicyParamType(kind) {
		case mikey.PayloadSPPolicyParamTypeEncrAlg, mikey.PayloadSPPolicyParamTypeAuthAlg,
			mikey.PayloadSPPolicyParamTypeSRTPEncrOffOn, mikey.PayloadSPPolicyParamTypeSRTCPEncrOffOn, mikey.PayloadSPPolicyParamTypeSRTPAuthOffOn:
			ok = v == 1
		case mikey.PayloadSPPolicyParamTypeSessionEncrKeyLen:
			ok = v == srtpKey
		case mikey.PayloadSPPolicyParamTypeSessionAuthKeyLen:
			ok = v == 10 || v == 20
		case mikey.PayloadSPPolicyParamTypeAuthTagLen:
			ok = v == 10
		}
		if !ok {
			return fmt.Errorf("%w: parameter %d is %d", ErrKeys, kind, v)
		}
	}
	return nil
}

// read reads the key of KEMAC (RFC 3830 §6.13). Its salt is behind it, or by itself.
func (k *sentKeys) read(r *octets) error {
	r.next(1)
	kind := r.next(1)[0]
	key := r.next(r.length())
	if kind>>4 == keyTEKWithSalt {
		key = append(append([]byte(nil), key...), r.next(r.length())...)
	}
	if kind&0x0f == 1 { // with an SPI, which is the MKI
		k.mki = int(r.next(1)[0])
		r.next(k.mki)
	}
	switch {
	case r.short:
		return fmt.Errorf("%w: its keys (MIKEY) cannot be read", ErrKeys)
	case kind>>4 != keyTEK && kind>>4 != keyTEKWithSalt, kind&0x0f > 1, len(key) != srtpKey+srtpSalt:
		return fmt.Errorf("%w: a key of type %d has %d bytes", ErrKeys, kind>>4, len(key))
	}
	k.key = key
	return nil
}

// message is the same as the library reads it.
func (k *sentKeys) message(now time.Time) *mikey.Message {
	since1900 := uint64(now.Unix()) + 2208988800
	one := func(t mikey.PayloadSPPolicyParamType, v byte) mikey.PayloadSPPolicyParam {
		return mikey.PayloadSPPolicyParam{Type: t, Value: []byte{v}}
	}
	return &mikey.Message{
		Header: mikey.Header{Version: 1, CSIDMapInfo: k.contexts},
		Payloads: []mikey.Payload{
			&mikey.PayloadT{TSValue: since1900 << 32},
			&mikey.PayloadSP{PolicyParams: []mikey.PayloadSPPolicyParam{
				one(mikey.PayloadSPPolicyParamTypeEncrAlg, 1), one(mikey.PayloadSPPolicyParamTypeSessionEncrKeyLen, srtpKey),
				one(mikey.PayloadSPPolicyParamTypeAuthAlg, 1), one(mikey.PayloadSPPolicyParamTypeSessionAuthKeyLen, 10),
				one(mikey.PayloadSPPolicyParamTypeSRTPEncrOffOn, 1), one(mikey.PayloadSPPolicyParamTypeSRTCPEncrOffOn, 1),
				one(mikey.PayloadSPPolicyParamTypeSRTPAuthOffOn, 1),
			}},
			&mikey.PayloadKEMAC{SubPayloads: []*mikey.SubPayloadKeyData{{Type: mikey.SubPayloadKeyDataKeyTypeTEK, KeyData: k.key}}},
		},
	}
}

// octets are read one after the other. Where there are too few, short is set, and what
// is read is zero.
type octets struct {
	b     []byte
	short bool
}

func (o *octets) next(n int) []byte {
	if n > len(o.b) {
		o.short, o.b = true, nil
		return make([]byte, n)
	}
	b := o.b[:n]
	o.b = o.b[n:]
	return b
}

// length reads a length of two bytes.
func (o *octets) length() int { return int(binary.BigEndian.Uint16(o.next(2))) }
