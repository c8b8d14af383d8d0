package camera

import (
	"bytes"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/bluenviron/gortsplib/v4/pkg/format"

	"umbrella/internal/camera/nal"
	"umbrella/internal/camera/sound"
)

// recorder notes what a camera says, for a transcript. Media are left out.
type recorder struct {
	mu          sync.Mutex
	connections []*recorded
}

// Bounds of a transcript.
const (
	maxRecorded   = 8        // connections
	maxExchanges  = 32       // requests on one of them
	maxAnswer     = 32 << 10 // bytes of one answer
	maxTranscript = 128 << 10
)

// recorded is one connection.
type recorded struct {
	net.Conn
	recorder  *recorder
	exchanges []*exchange
	in        []byte // a head of which the end has not come
	body      int    // bytes of a body that have not come
	frame     int    // bytes of a frame of media that have not come
}

// exchange is a request of ours, the answer, and what the camera asks behind it.
type exchange struct {
	method, cseq, transport string
	answer                  []byte
	asks                    []string // methods
}

// tap is a connection that is recorded.
func (r *recorder) tap(c net.Conn) net.Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.connections) == maxRecorded {
		return c
	}
	one := &recorded{Conn: c, recorder: r}
	r.connections = append(r.connections, one)
	return one
}

// Write implements net.Conn. The library writes one message at a time.
func (c *recorded) Write(b []byte) (int, error) {
	if len(b) > 0 && b[0] != '$' && !bytes.HasPrefix(b, []byte("RTSP/")) {
		c.asked(string(b))
	}
	return c.Conn.Write(b)
}

// asked notes a request of ours.
func (c *recorded) asked(request string) {
	c.recorder.mu.Lock()
	defer c.recorder.mu.Unlock()
	if len(c.exchanges) < maxExchanges {
		e := &exchange{cseq: headerOf(request, "cseq"), transport: headerOf(request, "transport")}
		e.method, _, _ = strings.Cut(request, " ")
		c.exchanges = append(c.exchanges, e)
	}
}

// Read implements net.Conn.
func (c *recorded) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.recorder.mu.Lock()
	defer c.recorder.mu.Unlock()
	c.note(b[:n])
	return n, err
}

func headerOf(message, name string) string {
	head, _, _ := strings.Cut(message, "\r\n\r\n")
	if m := regexp.MustCompile(`(?im)^` + name + `[ \t]*:[ \t]*(.*?)\s*$`).FindStringSubmatch(head); m != nil {
		return m[1]
	}
	return ""
}

// note notes what has come.
func (c *recorded) note(b []byte) {
	for len(b) > 0 {
		switch {
		case c.frame > 0:
			n := min(c.frame, len(b))
			c.frame, b = c.frame-n, b[n:]
		case c.body > 0:
			n := min(c.body, len(b))
			c.keep(b[:n])
			c.body, b = c.body-n, b[n:]
		default:
			c.in, b = append(c.in, b[0]), b[1:]
			c.head()
		}
	}
}

// head looks at the bytes of a message, or of the head of a frame (RFC 2326 §10.12).
func (c *recorded) head() {
	switch {
	case c.in[0] == '$':
		if len(c.in) == 4 {
			c.frame = int(c.in[2])<<8 | int(c.in[3])
			c.in = c.in[:0]
		}
	case bytes.HasSuffix(c.in, []byte("\n\n")), bytes.HasSuffix(c.in, []byte("\n\r\n")), len(c.in) > maxAnswer:
		c.flush()
	}
}

var (
	askLine    = regexp.MustCompile(`^\s*([A-Z_]+) \S+ RTSP/`)
	lengthLine = regexp.MustCompile(`(?im)^(content-length[ \t]*:[ \t]*)(\d{1,6})`)
)

// flush keeps the head of a message.
func (c *recorded) flush() {
	if m := lengthLine.FindSubmatch(c.in); m != nil {
		c.body, _ = strconv.Atoi(string(m[2]))
	}
	if m := askLine.FindSubmatch(c.in); m != nil {
		if n := len(c.exchanges); n > 0 && len(c.exchanges[n-1].asks) < 4 {
			c.exchanges[n-1].asks = append(c.exchanges[n-1].asks, string(m[1]))
		}
	} else {
		c.keep(c.in)
	}
	c.in = nil
}

func (c *recorded) keep(b []byte) {
	if n := len(c.exchanges); n > 0 {
		e := c.exchanges[n-1]
		e.answer = append(e.answer, b[:min(len(b), maxAnswer-len(e.answer))]...)
	}
}

// transcript writes down what was recorded, in the form of testdata/cameras/README.md,
// without what is secret or somebody's own.
func (r *recorder) transcript(rawURL string, f *feed, report *Report) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	hide := newRedactor(rawURL)
	var dialogue strings.Builder
	known := map[string]bool{}
	for _, c := range r.connections {
		if len(c.in) > 0 && c.in[0] != '$' {
			c.flush()
		}
		hide.peer(c.RemoteAddr())
		var here []string
		for _, e := range c.exchanges {
			key, text := hide.exchange(e)
			// The same question on a further connection gets the same answers.
			if e.method == "TEARDOWN" || text == "" || known[key] || known[text] {
				continue
			}
			if dialogue.Len()+len(text) > maxTranscript {
				break
			}
			here = append(here, key)
			if e.method != "SETUP" {
				here = append(here, text)
			}
			if key == "OPTIONS" || key == "GET_PARAMETER" {
				known[text] = true
			}
			dialogue.WriteString(text)
		}
		for _, key := range here {
			known[key] = true
		}
	}
	var b strings.Builder
	b.WriteString("Camera: unknown\nSource: umbrellad probe -report\n")
	shows, expect := "nothing odd", expectation(report)
	if report.Trouble != nil {
		shows = report.Trouble.Reason
	} else if len(report.Notes) > 0 {
		shows = report.Notes[0].Reason
	}
	fmt.Fprintf(&b, "Shows: %s\n", hide.text(shows))
	if hide.challenged {
		b.WriteString("Login: admin secret\n")
	}
	for _, line := range f.mediaLines() {
		fmt.Fprintf(&b, "Media: %s\n", line)
	}
	fmt.Fprintf(&b, "Expect: %s\n\n%s", expect, dialogue.String())
	for line := range strings.SplitSeq(strings.TrimSpace(report.String()), "\n") {
		fmt.Fprintf(&b, "# %s\n", hide.text(line))
	}
	return b.String()
}

// expectation is what the header tells of a report.
func expectation(r *Report) string {
	list := []string{"no picture", "no sound"}
	if r.Plays {
		list[0] = "plays " + r.Video.Codec.String()
	}
	if r.Hears {
		list[1] = "hears"
	}
	if r.Trouble == nil {
		list = append(list, "transport "+r.Transport)
	}
	return strings.Join(list, "; ")
}

// mediaLines are the clips that stand for what the camera sends.
func (f *feed) mediaLines() (list []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.plan == nil {
		return nil
	}
	options := ""
	if f.notUDP != nil && *f.notUDP == *errSilent {
		options = " udp=silent"
	}
	if v := f.plan.video; v != nil {
		clip := map[nal.Codec]string{nal.H264: "main.h264", nal.H265: "main.h265"}[f.plan.codec]
		for _, one := range v.Formats {
			if f.plan.hasCodec(one) {
				list = append(list, fmt.Sprintf("video clip=%s pt=%d%s", clip, one.PayloadType(), options))
				break
			}
		}
	}
	if s := f.plan.soundFormat; f.plan.sound != nil {
		kind := ""
		switch s := s.(type) {
		case *format.G711:
			kind = map[bool]string{false: "g711a", true: "g711u"}[s.MULaw]
		case *format.Opus:
			kind = "opus"
		case *format.MPEG4Audio:
			kind = "aac"
		case *format.LPCM:
			kind = fmt.Sprintf("pcm16 rate=%d channels=%d", s.SampleRate, s.ChannelCount)
		case *sound.LittleEndian:
			kind = fmt.Sprintf("pcm16 rate=%d channels=%d endian=little", s.SampleRate, s.ChannelCount)
		default:
			kind = "g722"
		}
		list = append(list, fmt.Sprintf("audio %s pt=%d%s", kind, s.PayloadType(), options))
	}
	return list
}
