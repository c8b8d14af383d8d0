package rtsp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// Bounds of one message. Cameras stay far below them.
const (
	maxLine    = 8 << 10
	maxHeaders = 128 // lines
	maxHead    = 64 << 10
	maxBody    = 128 << 10
	// maxJunk is how many bytes in a row may be part of no message.
	maxJunk = 256 << 10
	// maxValue bounds what is handed on of a header: the library refuses longer ones.
	maxValue = 2000
)

const (
	// bodyWait is how long the rest of an SDP may take, before Content-Length counts as
	// too large.
	bodyWait = 2 * time.Second
	// restWait is how long the next line of an SDP without Content-Length may take.
	restWait = 500 * time.Millisecond
)

// Errors that end a connection.
var (
	// ErrNotRTSP: what comes is not RTSP.
	ErrNotRTSP = errors.New("what comes is not RTSP")
	// ErrHTTP: a web server answers.
	ErrHTTP = errors.New("a web server answers in place of an RTSP server")
	// ErrTooLong: a message is longer than any camera's.
	ErrTooLong = errors.New("a message is too long")
	// ErrFlood: messages come faster than any camera sends them.
	ErrFlood = errors.New("messages come without end")
	// ErrEnded: the camera says that the stream has ended.
	ErrEnded = errors.New("the camera ends the stream")
)

// header has the values of headers by their names in lower case.
type header map[string][]string

func (h header) first(name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// message is a response (status is not 0), a request (method is not empty) or an
// interleaved frame (RFC 2326 §10.12).
type message struct {
	status  int
	method  string
	header  header
	body    []byte
	channel byte
	frame   []byte // the payload; valid until the next message is read
}

// reader reads what a camera sends.
type reader struct {
	br *bufio.Reader
	// wait sets how long the next reads may take; 0 is without end.
	wait func(time.Duration)
	// known reports whether a channel was set up.
	known func(channel byte) bool
	// describes reports whether a response with a header answers DESCRIBE.
	describes func(header) bool

	frame []byte
}

// methods are those that a server may send (RFC 2326 §10, RFC 7826 §13).
var methods = []string{
	"OPTIONS", "ANNOUNCE", "GET_PARAMETER", "SET_PARAMETER", "TEARDOWN", "REDIRECT", "PLAY_NOTIFY",
	"DESCRIBE", "SETUP", "PLAY", "PAUSE", "RECORD",
}

// next reads the next message. It leaves out what is none, up to maxJunk: blank lines
// between messages (RFC 2068 §4.1), and what is left where a camera wrote a wrong length.
func (r *reader) next() (*message, error) {
	for junk := 0; junk <= maxJunk; junk++ {
		b, err := r.br.Peek(1)
		if err != nil {
			return nil, err
		}
		switch c := b[0]; {
		case c == '$' && (junk == 0 || r.plausible()):
			return r.interleaved()
		case c == 'R' || c == 'r':
			if !r.answers() {
				break
			}
			if m, err := r.response(); m != nil || err != nil {
				return m, err
			}
			if junk == 0 {
				return nil, ErrNotRTSP
			}
			continue
		case c == 'H' && r.begins("HTTP/"):
			return nil, ErrHTTP
		}
		if r.requests(b[0]) {
			return r.request()
		}
		if c := b[0]; c == '\r' || c == '\n' || c == ' ' {
			junk-- // blank lines are not counted as a loss of step
		}
		if _, err := r.br.Discard(1); err != nil {
			return nil, err
		}
	}
	return nil, ErrNotRTSP
}

func (r *reader) begins(with string) bool {
	b, err := r.br.Peek(len(with))
	return err == nil && strings.EqualFold(string(b), with)
}

// answers reports whether a response begins.
func (r *reader) answers() bool {
	b, err := r.br.Peek(len("RTSP/1"))
	return err == nil && strings.EqualFold(string(b[:5]), "RTSP/") && b[5] >= '0' && b[5] <= '9'
}

func (r *reader) requests(first byte) bool {
	for _, m := range methods {
		if m[0] == first && r.begins(m+" ") {
			return true
		}
	}
	return false
}

// plausible reports whether a frame may begin where the reader has lost its step: with
// a channel that was set up, and RTP or RTCP of version 2.
func (r *reader) plausible() bool {
	b, err := r.br.Peek(5)
	return err == nil && r.known(b[1]) && (b[2] != 0 || b[3] >= 8) && b[4]>>6 == 2
}

func (r *reader) interleaved() (*message, error) {
	var head [4]byte
	if _, err := io.ReadFull(r.br, head[:]); err != nil {
		return nil, err
	}
	n := int(head[2])<<8 | int(head[3])
	if cap(r.frame) < n {
		r.frame = make([]byte, n, max(n, 2048))
	}
	r.frame = r.frame[:n]
	_, err := io.ReadFull(r.br, r.frame)
	return &message{channel: head[1], frame: r.frame}, err
}

// line reads up to LF, and leaves out what ends the line: CRLF, LF, CR CR LF.
func (r *reader) line() (string, error) {
	var b []byte
	for {
		part, err := r.br.ReadSlice('\n')
		if b = append(b, part...); len(b) > maxLine {
			return "", ErrTooLong
		}
		if err == nil {
			return strings.TrimRight(string(b), "\r\n"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
	}
}

// response reads "RTSP/1.0 200 OK", also with another version, more blanks, or without
// a reason: with none of these a camera means anything. Without a status it is none.
func (r *reader) response() (*message, error) {
	line, err := r.line()
	if err != nil {
		return nil, err
	}
	m := &message{status: statusOf(line)}
	if m.status == 0 {
		return nil, nil
	}
	if m.header, err = r.headers(); err != nil {
		return nil, err
	}
	if m.body, err = r.body(m.header, r.describes(m.header) && m.status == 200); err != nil {
		return nil, err
	}
	return m, nil
}

// statusOf finds the first number of three digits after the version; 0: there is none.
func statusOf(line string) int {
	_, rest, _ := strings.Cut(line, "/")
	for _, word := range strings.FieldsFunc(rest, func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.Atoi(word); err == nil && len(word) == 3 && n >= 100 {
			return n
		}
	}
	return 0
}

func (r *reader) request() (*message, error) {
	line, err := r.line()
	if err != nil {
		return nil, err
	}
	m := &message{}
	m.method, _, _ = strings.Cut(line, " ")
	if m.header, err = r.headers(); err != nil {
		return nil, err
	}
	m.body, err = r.body(m.header, false)
	return m, err
}

// headers reads headers up to a blank line. Names are in lower case; values are trimmed
// and without control characters, and lines that begin with a blank go on with the value
// before (RFC 2068 §4.2). Lines that are no header are left out.
func (r *reader) headers() (header, error) {
	h := header{}
	name, total := "", 0
	for range maxHeaders {
		line, err := r.line()
		if err != nil {
			return nil, err
		}
		if total += len(line); total > maxHead {
			return nil, ErrTooLong
		}
		text := strings.TrimSpace(line)
		if text == "" {
			return h, nil
		}
		if folded := line[0] == ' ' || line[0] == '\t'; folded && name != "" {
			last := &h[name][len(h[name])-1]
			*last = strings.TrimSpace(*last + " " + printable(text))
			continue
		}
		before, after, found := strings.Cut(text, ":")
		if !found {
			continue
		}
		name = strings.ToLower(strings.TrimSpace(before))
		h[name] = append(h[name], strings.TrimSpace(printable(after)))
	}
	return nil, ErrTooLong
}

// printable leaves out control characters, and has a blank for a tab. All other bytes
// stay as they are: a realm is signed as it came.
func printable(s string) string {
	var b []byte
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\t':
			b = append(b, ' ')
		case c >= ' ' && c != 0x7f:
			b = append(b, c)
		}
	}
	return string(b)
}

// digits reads the number at the beginning of a text.
func digits(text string) (uint64, bool) {
	text = strings.Trim(text, `" `)
	end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		text = text[:end]
	}
	n, err := strconv.ParseUint(text, 10, 32)
	return n, err == nil
}

// body reads a body by its Content-Length. That of an SDP may be missing or wrong: then
// it is read as far as it looks like one.
func (r *reader) body(h header, sdp bool) ([]byte, error) {
	n, given := digits(h.first("content-length"))
	if n > maxBody {
		return nil, ErrTooLong
	}
	if !sdp {
		body := make([]byte, n)
		_, err := io.ReadFull(r.br, body)
		return body, err
	}
	r.wait(bodyWait)
	defer r.wait(0)
	body := make([]byte, n)
	got, err := io.ReadFull(r.br, body)
	body = body[:got]
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) && len(bytes.TrimSpace(body)) > 0 {
			return body, nil // Content-Length is too large
		}
		return nil, err
	}
	if given && n > 0 && r.br.Buffered() == 0 {
		return body, nil
	}
	r.wait(restWait)
	return r.rest(body, given && n > 0)
}

// rest reads the lines of an SDP that Content-Length leaves out. some says that there was
// a Content-Length, so that they need not be waited for.
func (r *reader) rest(body []byte, some bool) ([]byte, error) {
	for len(body) <= maxBody {
		if some && r.br.Buffered() == 0 {
			return body, nil
		}
		b, err := r.br.Peek(2)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return body, nil
		}
		if err != nil {
			if len(body) > 0 {
				return body, nil // the next read says so again
			}
			return nil, err
		}
		cut := len(body) > 0 && body[len(body)-1] != '\n' // within a line
		blank := b[0] == '\r' || b[0] == '\n'
		field := b[0] >= 'a' && b[0] <= 'z' && b[1] == '='
		message := b[0] == '$' || r.answers() || r.requests(b[0])
		if !blank && !field && (!cut || message) {
			return body, nil
		}
		line, err := r.br.ReadSlice('\n')
		body = append(body, line...)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return body, nil // without the end of its last line
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
	return nil, ErrTooLong
}
