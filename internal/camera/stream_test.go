package camera

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// stream is what a camera sends on one of its media. It is read-only once it is made,
// and sends on any number of connections.
type stream struct {
	options map[string]string
	moments []moment
	every   time.Duration // between two moments
	step    uint32        // the same in the clock of the timestamps
	rate    uint32        // of that clock, in Hz
	pt      uint8
}

// moment is what is sent at one time: a picture, or a frame of sound.
type moment struct {
	key      bool // a keyframe
	payloads [][]byte
}

// streamOptions are those of a Media line. testdata/cameras/README.md says what they do.
const streamOptions = " clip mtu ssrc startcodes annexb marker sets udp fps stops reorder rtcp pt channels rate endian" + oddOptions

// newStream reads "video clip=main.h264 ssrc=each-group" or "audio g711a".
func newStream(t testing.TB, line string) (*stream, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil, fmt.Errorf("it is empty")
	}
	s := &stream{options: map[string]string{}, pt: 96, every: pace, rate: 90000}
	kind := ""
	for _, w := range words[1:] {
		name, value, valued := strings.Cut(w, "=")
		if words[0] == "audio" && !valued && kind == "" {
			kind = name
			continue
		}
		if !strings.Contains(streamOptions, " "+name+" ") {
			return nil, fmt.Errorf("there is no option %q", name)
		}
		s.options[name] = value
		if !valued {
			s.options[name] = "yes"
		}
	}
	if fps := s.number("fps", 0); fps > 0 {
		s.every = time.Second / time.Duration(fps)
	}
	switch words[0] {
	case "video":
		s.makePictures(t)
	case "audio":
		if err := s.makeSound(t, kind); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("it is neither video nor audio")
	}
	s.pt = uint8(s.number("pt", int(s.pt)))
	s.step = uint32(s.every.Seconds() * float64(s.rate))
	return s, nil
}

func (s *stream) number(name string, otherwise int) int {
	if n, err := strconv.Atoi(s.options[name]); err == nil {
		return n
	}
	return otherwise
}

func (s *stream) makePictures(t testing.TB) {
	clip := s.options["clip"]
	if clip == "" {
		clip = "sub.h264"
	}
	hevc := strings.HasSuffix(clip, "5")
	typeOf := func(u []byte) byte { return u[0] & 0x1f }
	isSet := func(n byte) bool { return n == 7 || n == 8 }
	isKey := func(n byte) bool { return n == 5 }
	if hevc {
		typeOf = func(u []byte) byte { return u[0] >> 1 & 0x3f }
		isSet = func(n byte) bool { return n >= 32 && n <= 34 }
		isKey = func(n byte) bool { return n >= 16 && n <= 21 }
	}
	groups := 0
	for _, au := range units(t, clip) {
		var m moment
		var sent [][]byte
		for _, u := range au {
			m.key = m.key || isKey(typeOf(u))
		}
		if m.key {
			groups++
		}
		for _, u := range au {
			late := s.options["sets"] == "late" && groups == 1
			if isSet(typeOf(u)) && (late || s.options["sets"] == "none") {
				continue
			}
			sent = append(sent, u)
		}
		sent = s.withOddUnits(sent, m.key, hevc)
		switch {
		case s.options["annexb"] != "":
			m.payloads = s.fragments(annexB(sent), hevc)
		case s.options["startcodes"] == "inside" && m.key:
			m.payloads = s.fragments(joined(sent, typeOf, hevc), hevc)
		default:
			for _, u := range sent {
				m.payloads = append(m.payloads, s.withOddFragments(s.fragments(u, hevc), hevc)...)
			}
		}
		s.moments = append(s.moments, m)
	}
}

// annexB puts a start code ahead of each unit (ITU-T H.264 Annex B).
func annexB(units [][]byte) (b []byte) {
	for _, u := range units {
		b = append(append(b, 0, 0, 0, 1), u...)
	}
	return b
}

// joined is a unit with others behind it, with start codes between them. Units ahead of
// the parameter sets are left out, so that the first one is of use.
func joined(units [][]byte, typeOf func([]byte) byte, hevc bool) []byte {
	for len(units) > 1 && (hevc && typeOf(units[0]) > 34 || !hevc && (typeOf(units[0]) == 9 || typeOf(units[0]) == 6)) {
		units = units[1:]
	}
	return annexB(units)[4:]
}

// fragments cuts a unit as RFC 6184 §5.8 (FU-A) and RFC 7798 §4.4.3 (FU) have it, where
// it is longer than the option mtu.
func (s *stream) fragments(u []byte, hevc bool) (payloads [][]byte) {
	mtu := s.number("mtu", 1400)
	if len(u) <= mtu && s.options["startcodes"] == "" {
		return [][]byte{u}
	}
	head := 1
	if hevc {
		head = 2
	}
	body := u[head:]
	size := min(mtu-head-1, max(1, (len(body)+1)/2))
	for at := 0; at < len(body); at += size {
		end := min(at+size, len(body))
		var mark byte
		if at == 0 {
			mark |= 0x80
		}
		if end == len(body) {
			mark |= 0x40
		}
		p := []byte{u[0]&0xe0 | 28, u[0]&0x1f | mark}
		if hevc {
			p = []byte{u[0]&0x81 | 49<<1, u[1], u[0]>>1&0x3f | mark}
		}
		payloads = append(payloads, append(p, body[at:end]...))
	}
	return payloads
}

// makeSound makes one second of sound.
func (s *stream) makeSound(t testing.TB, kind string) error {
	s.every, s.rate = 20*time.Millisecond, uint32(s.number("rate", 8000))
	frame := make([]byte, s.rate/50)
	switch kind {
	case "g711a":
		s.pt = 8
	case "g711u":
		s.pt = 0
	case "g722":
		s.pt = 9
	case "opus":
		s.pt, s.rate, frame = 97, 48000, []byte{0xf8, 0xff, 0xfe}
	case "pcm16":
		return s.makePCM()
	case "aac":
		return s.makeAAC(t)
	default:
		return fmt.Errorf("there is no sound %q", kind)
	}
	s.moments = []moment{{payloads: [][]byte{frame}}}
	return nil
}

// makePCM makes a square wave of 200 Hz.
func (s *stream) makePCM() error {
	s.pt, s.rate = 97, uint32(s.number("rate", 16000))
	var order binary.ByteOrder = binary.BigEndian
	if s.options["endian"] == "little" {
		order = binary.LittleEndian
	}
	// A packet of 10 ms stays below an MTU with 48 kHz, too.
	s.every = 10 * time.Millisecond
	n := int(s.rate) / 100
	b := make([]byte, 2*n*s.number("channels", 1))
	for i := 0; i < len(b); i += 2 {
		level := int16(8000)
		if i*4/len(b)%2 > 0 {
			level = -8000
		}
		order.PutUint16(b[i:], uint16(level))
	}
	s.moments = []moment{{payloads: [][]byte{b}}}
	return nil
}

func (s *stream) makeAAC(t testing.TB) error {
	data, err := os.ReadFile("testdata/tone16k.aac")
	if err != nil {
		t.Fatal(err)
	}
	var list mpeg4audio.ADTSPackets
	if err := list.Unmarshal(data); err != nil {
		return err
	}
	s.pt, s.rate, s.every = 97, 16000, 64*time.Millisecond
	for _, p := range list {
		// One access unit, with a header of 16 bits (RFC 3640 §3.2.1).
		au := append([]byte{0, 16, byte(len(p.AU) >> 5), byte(len(p.AU) << 3)}, p.AU...)
		switch s.options["framing"] {
		case "adts":
			au = withADTS(p.AU)
		case "latm":
			au = withLATM(p.AU)
		}
		s.moments = append(s.moments, moment{payloads: [][]byte{au}})
	}
	return nil
}

// send plays until stop is closed or the connection fails. write sends a packet of RTP,
// or of RTCP if control is set.
func (s *stream) send(stop <-chan struct{}, byUDP bool, write func(b []byte, control bool) error) {
	if byUDP && s.options["udp"] == "silent" {
		return
	}
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	ssrc, seq, held := uint32(0x1111), uint16(1), []byte(nil)
	for n := 0; n < s.number("stops", math.MaxInt); n++ {
		m := s.moments[n%len(s.moments)]
		if m.key && n > 0 && s.options["ssrc"] == "each-group" {
			ssrc++
		}
		ts := uint32(n) * s.step
		if n%25 == 0 {
			if b := s.control(ssrc, ts); b != nil && write(b, true) != nil {
				return
			}
		}
		for i, p := range m.payloads {
			marker := i == len(m.payloads)-1 || s.options["marker"] == "each"
			packet := &rtp.Packet{
				Header: rtp.Header{
					Version: 2, Marker: marker, PayloadType: s.pt, SequenceNumber: seq, Timestamp: ts, SSRC: ssrc,
				},
				Payload: p,
			}
			s.odd(packet, n)
			if b := s.ahead(packet); i == 0 && b != nil && write(b, false) != nil {
				return
			}
			b, err := packet.Marshal()
			if err != nil {
				return
			}
			seq++
			if s.options["reorder"] != "" && held == nil && seq%16 == 0 {
				held = b // it is sent behind the next one
				continue
			}
			if write(b, false) != nil || held != nil && write(held, false) != nil {
				return
			}
			held = nil
		}
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

// control is a report of the sender, or nil.
func (s *stream) control(ssrc, ts uint32) []byte {
	sr := &rtcp.SenderReport{SSRC: ssrc, NTPTime: toNTP(time.Now()), RTPTime: ts}
	b, err := sr.Marshal()
	switch {
	case err != nil, s.options["rtcp"] == "none":
		return nil
	case s.options["rtcp"] == "bad":
		// A source description that lacks its last octet (bluenviron/mediamtx#5355).
		b = append(b, 0x81, 0xca, 0, 2, 0, 0, 0x11, 0x11, 1, 2, 'a', 'b')
	}
	return b
}
