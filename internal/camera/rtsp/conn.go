package rtsp

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"umbrella/internal/crash"
)

const (
	readBuffer = 16 << 10
	// A camera may send so many messages a second, and at once, that are no media.
	messageRate, messageBurst = 20, 100
	// maxPending is how many requests may be without an answer: some cameras answer no
	// keep-alive.
	maxPending = 16
)

// Conn is a connection to a camera. Its Read gives strict RTSP, whatever the camera
// sends, and it takes note of the requests that go through its Write. Each Write is of
// one whole message, as the library does it. Read and Write may be called at once, each
// from one goroutine at a time.
type Conn struct {
	net.Conn
	who      string
	reader   reader
	messages *rate.Limiter
	out      []byte // what is to be read next
	failed   error

	writing sync.Mutex // of whole messages
	scratch []byte     // of a frame that is written
	mu      sync.Mutex // guards what is below
	pending []pending
	media   []media
	flows   bool // PLAY was asked for, and not refused
	refused map[string]bool
	offers  []keyOffer // of the last description: the session's, then those of the media
}

// pending is a request that was not answered yet.
type pending struct {
	method, cseq, url string
	wants             transport // of SETUP
}

// media are the channels of one SETUP: those that the library asked for, and those that
// the camera took, for RTP and for RTCP.
type media struct {
	library, camera [2]byte
	mki             int  // bytes of the Master Key Identifier in each packet (RFC 3711 §3.1)
	secure          bool // SRTP
}

// NewConn reads from and writes to a connection. who is the camera in logs.
func NewConn(c net.Conn, who string) *Conn {
	n := &Conn{Conn: c, who: who, messages: rate.NewLimiter(messageRate, messageBurst), refused: map[string]bool{}}
	n.reader = reader{
		br: bufio.NewReaderSize(c, readBuffer),
		wait: func(d time.Duration) {
			var at time.Time
			if d > 0 {
				at = time.Now().Add(d)
			}
			_ = c.SetReadDeadline(at) // without it, the whole connection has a bound
		},
		known: func(channel byte) bool {
			_, _, ok := n.ofCamera(channel)
			return ok
		},
		describes: func(h header) bool {
			p, ok := n.asked(h)
			return ok && p.method == "DESCRIBE"
		},
	}
	return n
}

// Refused reports whether the camera has refused a method while it plays: it does not
// know it, whatever its Public says.
func (c *Conn) Refused(method string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused[method]
}

// Write implements net.Conn for one message of the library.
func (c *Conn) Write(b []byte) (int, error) {
	frame := len(b) >= 4 && b[0] == '$'
	if !frame && !bytes.HasPrefix(b, []byte("RTSP/")) {
		c.note(string(b))
		b = numberFirst(b)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if frame {
		c.scratch = append(c.scratch[:0], b...)
		c.scratch[1] = c.toCamera(b[1])
		b = c.scratch
	}
	return c.Conn.Write(b)
}

// toCamera is the channel of the camera's for one of the library.
func (c *Conn) toCamera(channel byte) byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.media {
		if i := slices.Index(m.library[:], channel); i >= 0 {
			return m.camera[i]
		}
	}
	return channel
}

// numberFirst is a request with CSeq as its first header: the library sorts them, and some
// cameras refuse a request that begins with another one (datarhei/restreamer#55).
func numberFirst(b []byte) []byte {
	line := bytes.Index(b, []byte("\r\n")) + 2
	at := bytes.Index(b, []byte("\r\nCSeq: ")) + 2
	if line < 2 || at <= line {
		return b
	}
	end := bytes.Index(b[at:], []byte("\r\n"))
	if end < 0 {
		return b
	}
	end += at + 2
	return slices.Concat(b[:line], b[at:end], b[line:at], b[end:])
}

// note takes note of a request.
func (c *Conn) note(text string) {
	line, rest, _ := strings.Cut(text, "\r\n")
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return
	}
	p := pending{method: fields[0], url: fields[1]}
	for line := range strings.SplitSeq(rest, "\r\n") {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "":
		case "CSeq":
			p.cseq = value
		case "Transport":
			p.wants = parseTransport([]string{value})
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.method == "PLAY" {
		c.flows = true
	}
	if c.pending = append(c.pending, p); len(c.pending) > maxPending {
		c.pending = c.pending[1:]
	}
}

// asked finds the request that a response answers.
func (c *Conn) asked(h header) (pending, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.find(h)
	if i < 0 {
		return pending{}, false
	}
	return c.pending[i], true
}

// find finds the request by its CSeq. Where that is missing or of no request, the response
// answers the only one that waits: some cameras count on their own. The caller holds mu.
func (c *Conn) find(h header) int {
	n, ok := digits(h.first("cseq"))
	if ok {
		cseq := strconv.FormatUint(n, 10)
		if i := slices.IndexFunc(c.pending, func(p pending) bool { return p.cseq == cseq }); i >= 0 {
			return i
		}
	}
	if len(c.pending) == 1 {
		return 0
	}
	return -1
}

// answered is asked, after which the request, and all before it, wait no more.
func (c *Conn) answered(h header) (pending, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.find(h)
	if i < 0 {
		return pending{}, false
	}
	p := c.pending[i]
	c.pending = c.pending[i+1:]
	return p, true
}

// Read implements net.Conn.
func (c *Conn) Read(b []byte) (int, error) {
	for len(c.out) == 0 {
		if c.failed == nil {
			c.failed = c.step()
		}
		if c.failed != nil && len(c.out) == 0 {
			return 0, c.failed
		}
	}
	n := copy(b, c.out)
	c.out = c.out[n:]
	return n, nil
}

// step reads one message, and puts into out what the library is to read of it. A panic
// ends the connection: the library calls from a goroutine that nothing else guards.
func (c *Conn) step() (err error) {
	defer crash.Contain(crash.Camera, c.who, &err)
	c.out = c.out[:0]
	m, err := c.reader.next()
	if err != nil {
		return err
	}
	if m.status == 0 && m.method == "" {
		c.frame(m)
		return nil
	}
	if !c.messages.Allow() {
		return ErrFlood
	}
	if m.method != "" {
		return c.request(m)
	}
	return c.response(m)
}

// ofCamera finds the media of a channel of the camera's, and whether it is the one of
// RTCP.
func (c *Conn) ofCamera(channel byte) (m media, rtcp, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.media {
		if i := slices.Index(m.camera[:], channel); i >= 0 {
			return m, i == 1, true
		}
	}
	return media{}, false, false
}

// frame hands on a frame with the channel that the library asked for. Frames that come
// before PLAY, or on channels that were not set up, are left out, as FFmpeg and VLC do:
// the library would end the connection.
func (c *Conn) frame(m *message) {
	c.mu.Lock()
	flows := c.flows
	c.mu.Unlock()
	of, _, known := c.ofCamera(m.channel)
	if !flows || !known || len(m.frame) < 2 {
		return
	}
	payload, channel := m.frame, of.library[0]
	// Some cameras swap the channels, or have one for both.
	if control := m.frame[1]; control >= 200 && control <= 207 {
		channel = of.library[1]
		if payload = controlPackets(payload, of.secure, of.mki); len(payload) == 0 {
			return
		}
	} else if of.mki > 0 {
		payload = withoutMKI(payload, of.mki)
	}
	c.out = append(c.out, '$', channel, byte(len(payload)>>8), byte(len(payload)))
	c.out = append(c.out, payload...)
}

// request answers a request of the camera's. The ones that say that it sends no more
// end the connection.
func (c *Conn) request(m *message) error {
	status := "200 OK"
	var end error
	switch m.method {
	case "OPTIONS", "GET_PARAMETER", "SET_PARAMETER":
	case "TEARDOWN", "ANNOUNCE", "REDIRECT", "PLAY_NOTIFY":
		// A changed description needs a new connection, too (RFC 2326 §10.3).
		end = ErrEnded
	default:
		status = "405 Method Not Allowed"
	}
	answer := "RTSP/1.0 " + status + "\r\n"
	if n, ok := digits(m.header.first("cseq")); ok {
		answer += fmt.Sprintf("CSeq: %d\r\n", n)
	}
	if m.method == "OPTIONS" {
		answer += "Public: OPTIONS, GET_PARAMETER, SET_PARAMETER, ANNOUNCE, TEARDOWN\r\n"
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.Conn.SetWriteDeadline(time.Now().Add(bodyWait)) // each write of the library sets its own
	if _, err := c.Conn.Write([]byte(answer + "\r\n")); err != nil && end == nil {
		return fmt.Errorf("answering a request of the camera: %w", err)
	}
	return end
}
