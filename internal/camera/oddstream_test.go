package camera

import (
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/pion/rtp"
)

// Options of a Media line that make a packet other than RFC 3550 and RFC 6184 have it.
const oddOptions = " fu stap sei unit stamps crlf begins framing ahead other-type other-channel "

// withOddUnits gives the units of a picture as the options sets, sei and unit change them.
func (s *stream) withOddUnits(units [][]byte, key, hevc bool) [][]byte {
	if hevc {
		at := slices.IndexFunc(units, func(u []byte) bool { return u[0]>>1 < 32 })
		if s.options["stap"] == "" || at < 2 {
			return units
		}
		return append([][]byte{together([]byte{48 << 1, 1}, units[:at])}, units[at:]...) // RFC 7798 §4.4.2
	}
	at := slices.IndexFunc(units, func(u []byte) bool { return u[0]&0x1f <= 5 }) // the first slice
	if s.options["sei"] != "" && key {
		units = slices.Insert(units, at, []byte{6, 229, 4, 1, 2, 3, 4, 0x80}) // of a payload type that nobody knows
	}
	if n := s.number("unit", 0); n > 0 {
		units = slices.Insert(units, at, []byte{byte(n), 1, 2, 3})
	}
	if s.options["sets"] == "byte-more" {
		for i, u := range units {
			if u[0]&0x1f == 7 {
				units[i] = append(slices.Clone(u), 4)
			}
		}
	}
	if s.options["stap"] != "" && at > 1 {
		one := together([]byte{0x78}, units[:at]) // STAP-A (RFC 6184 §5.7.1)
		if s.options["stap"] == "padded" {
			one = append(one, make([]byte, 20)...)
		}
		units = append([][]byte{one}, units[at:]...)
	}
	return units
}

// together is one packet with several units.
func together(head []byte, units [][]byte) []byte {
	for _, u := range units {
		head = append(append(head, byte(len(u)>>8), byte(len(u))), u...)
	}
	return head
}

// ahead is what the option ahead sends ahead of the first packet of a picture, or nil.
func (s *stream) ahead(p *rtp.Packet) []byte {
	n := s.number("ahead", 0)
	if n == 0 {
		return nil
	}
	q := *p
	q.PayloadType, q.Marker, q.Timestamp, q.Payload = uint8(n), true, p.Timestamp-s.step, make([]byte, 15)
	b, err := q.Marshal()
	if err != nil {
		return nil
	}
	return b
}

// withOddFragments gives the payloads of one unit as the option fu changes them.
func (s *stream) withOddFragments(payloads [][]byte, hevc bool) [][]byte {
	head := 1 // of the byte with the marks for start and end
	if hevc {
		head = 2
	}
	switch fu := s.options["fu"]; {
	case fu == "single" && len(payloads) == 1 && !hevc && payloads[0][0]&0x1f <= 5:
		u := payloads[0]
		return [][]byte{append([]byte{u[0]&0xe0 | 28, u[0]&0x1f | 0xc0}, u[1:]...)}
	case fu == "first-type":
		for _, p := range payloads[min(1, len(payloads)):] {
			p[head] = p[head]&0xc0 | 1
		}
	case fu == "empty" && len(payloads) > 1:
		nothing := slices.Clone(payloads[0][:head+1])
		nothing[head] &= 0x3f
		return slices.Insert(payloads, 1, nothing)
	}
	return payloads
}

// odd changes a packet of the n-th moment as the options marker, sets and stamps say.
func (s *stream) odd(p *rtp.Packet, n int) {
	kind := p.Payload[0] & 0x1f
	isSet := kind == 7 || kind == 8
	switch {
	case s.options["marker"] == "never":
		p.Marker = false
	case s.options["marker"] == "sets" && (isSet || kind == 6):
		p.Marker = true
	}
	switch {
	case s.options["sets"] == "stamped-before" && isSet:
		p.Timestamp -= s.step
		p.Marker = p.Marker || kind == 7
	case s.options["stamps"] == "astray" && n%40 == 13:
		p.Timestamp -= 9800 * s.rate
	}
}

// around is write with what the camera sends besides: empty lines, packets of another
// payload type with the number of the one before, frames of a channel that nobody set up.
func (s *stream) around(d *dialogue, w *way, write func([]byte, bool) error) func([]byte, bool) error {
	other, channel, line := s.number("other-type", 0), s.options["other-channel"] != "", s.options["crlf"] != ""
	if other == 0 && !channel && !line {
		return write
	}
	return func(b []byte, control bool) error {
		if line && w.udp == nil {
			if err := d.raw("\r\n"); err != nil {
				return err
			}
		}
		if channel && w.udp == nil {
			if err := d.raw("$\x0c\x00\x04abcd"); err != nil {
				return err
			}
		}
		if err := write(b, control); err != nil || other == 0 || control {
			return err
		}
		b = slices.Clone(b[:min(len(b), 20)])
		b[1] = byte(other)
		return write(b, false)
	}
}

func (d *dialogue) raw(text string) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	_, err := d.conn.Write([]byte(text))
	return err
}

// early sends a moment of each stream with the option begins, ahead of the answer to PLAY.
func (d *dialogue) early() {
	for i, s := range d.media {
		if i < len(d.ways) && s.options["begins"] == "early" {
			stop := make(chan struct{})
			close(stop)
			s.send(stop, d.ways[i].udp != nil, d.writer(d.ways[i]))
		}
	}
}

// withADTS gives access units of AAC the header of ADTS in place of that of RFC 3640.
func withADTS(au []byte) []byte {
	n := len(au) + 7
	// AAC-LC, 16 kHz, one channel, no checksum.
	return append([]byte{0xff, 0xf1, 1<<6 | 8<<2, 1<<6 | byte(n>>11), byte(n >> 3), byte(n<<5) | 0x1f, 0xfc}, au...)
}

// withLATM gives access units of AAC the lengths of LATM (RFC 6416 §6.2).
func withLATM(au []byte) (b []byte) {
	n := len(au)
	for ; n >= 255; n -= 255 {
		b = append(b, 255)
	}
	return append(append(b, byte(n)), au...)
}

// wanting is the connection of a camera that wants something of our requests: "Wants: cseq
// first" answers others with 400, "Wants: keep-alive" ends the session after its timeout
// unless a request comes, of one of the methods behind it if there are any.
type wanting struct {
	net.Conn
	first bool
	bad   bool // the last request is not as it is wanted
	alive string
	limit time.Duration
	timer *time.Timer
}

func (r *replay) wanting(c net.Conn) *wanting {
	w := &wanting{Conn: c}
	for _, line := range r.header["Wants"] {
		if rest, ok := strings.CutPrefix(line, "keep-alive"); ok {
			w.alive = "DESCRIBE SETUP PLAY " + rest
			w.limit = time.Duration(r.timeout()) * time.Second
			if strings.TrimSpace(rest) == "" {
				w.alive += "OPTIONS GET_PARAMETER SET_PARAMETER"
			}
		}
		w.first = w.first || line == "cseq first"
	}
	if w.alive != "" {
		w.timer = time.AfterFunc(w.limit, func() { c.Close() })
	}
	return w
}

// Read implements io.Reader. We write each request at once.
func (w *wanting) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if _, rest, ok := strings.Cut(string(b[:n]), " RTSP/1.0\r\n"); ok {
		w.bad = w.first && !strings.HasPrefix(rest, "CSeq:")
	}
	return n, err
}

// done notes that a request was answered with success.
func (w *wanting) done(method base.Method) {
	if w.timer != nil && slices.Contains(strings.Fields(w.alive), string(method)) {
		w.timer.Reset(w.limit)
	}
}

// timeout is the one of the session in seconds, as the transcript has it.
func (r *replay) timeout() int {
	for _, key := range []string{"SETUP", "SETUP udp", "SETUP tcp"} {
		for _, a := range r.answers[key] {
			if m := regexp.MustCompile(`timeout\s*=\s*(\d+)`).FindStringSubmatch(a.text); m != nil {
				n, _ := strconv.Atoi(m[1])
				return n
			}
		}
	}
	return 60
}
