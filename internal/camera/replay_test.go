package camera

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/conn"
)

// scripted is a server at a port of TCP whose every connection is served by a function.
// It ends with the test.
type scripted struct {
	listener net.Listener
	owners   sync.WaitGroup
	mu       sync.Mutex
	conns    []net.Conn
	dialled  atomic.Int32
	tls      *tls.Config // nil: it speaks in clear
}

func (s *scripted) start(t testing.TB, address string, serve func(net.Conn)) {
	t.Helper()
	var err error
	if s.listener, err = net.Listen("tcp", net.JoinHostPort(address, "0")); err != nil {
		t.Fatal(err)
	}
	if s.tls != nil {
		s.listener = tls.NewListener(s.listener, s.tls)
	}
	s.owners.Go(func() {
		for {
			c, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.dialled.Add(1)
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			s.owners.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		s.listener.Close()
		s.mu.Lock()
		for _, c := range s.conns {
			c.Close()
		}
		s.mu.Unlock()
		s.owners.Wait()
	})
}

// dials is how often somebody has connected.
func (s *scripted) dials() int { return int(s.dialled.Load()) }

func (s *scripted) url(path string) string {
	return "rtsp://" + s.listener.Addr().String() + "/" + path
}

// replay is the camera of a transcript.
type replay struct {
	scripted
	*transcript
}

func startReplay(t testing.TB, tr *transcript) *replay {
	t.Helper()
	r := &replay{transcript: tr}
	r.start(t, "127.0.0.1", r.serve)
	return r
}

// address is the URL with the user and the password that the camera takes.
func (r *replay) address() string {
	user, password := r.login()
	if user == "" {
		return r.url("stream")
	}
	return strings.Replace(r.url("stream"), "//", "//"+user+":"+password+"@", 1)
}

// dialogue is one connection.
type dialogue struct {
	*replay
	conn       net.Conn
	heard      *wanting
	writing    sync.Mutex
	plays      sync.WaitGroup
	stop       chan struct{}
	next       map[string]int // by key, the answer that is sent next
	challenges []string       // of the last answer with status 401
	ways       []*way         // of the media that are set up
}

// way is how one of the media leaves.
type way struct {
	udp, control   *net.UDPConn // nil: over the connection
	to, controlsTo *net.UDPAddr
	channel        byte
}

func (r *replay) serve(c net.Conn) {
	d := &dialogue{replay: r, conn: c, stop: make(chan struct{}), next: map[string]int{}}
	defer d.close()
	d.heard = r.wanting(c)
	rw := conn.NewConn(d.heard)
	for {
		what, err := rw.Read()
		if err != nil {
			return
		}
		if req, ok := what.(*base.Request); ok && (!d.request(req)) {
			return
		}
	}
}

func (d *dialogue) close() {
	close(d.stop)
	d.conn.Close()
	d.plays.Wait()
	for _, w := range d.ways {
		if w.udp != nil {
			w.udp.Close()
			w.control.Close()
		}
	}
}

// request answers a request; it returns false when the connection is to end.
func (d *dialogue) request(req *base.Request) bool {
	var w *way
	fill := strings.NewReplacer("{host}", d.listener.Addr().String())
	if req.Method == base.Setup {
		var pairs []string
		if w, pairs = d.way(req); w != nil {
			fill = strings.NewReplacer(append(pairs, "{host}", d.listener.Addr().String())...)
		}
	}
	if req.Method == base.Play {
		d.early()
	}
	a := d.answerTo(req, w)
	if d.heard.bad {
		a = answer{text: badRequest}
	}
	raw := completed(fill.Replace(a.text), req)
	d.writing.Lock()
	_, err := d.conn.Write([]byte(raw))
	d.writing.Unlock()
	if err != nil {
		return false
	}
	good := regexp.MustCompile(`^[^\r\n]*\b2\d\d\b`).MatchString(raw)
	if good {
		d.heard.done(req.Method)
	}
	if good && w != nil {
		if m := regexp.MustCompile(`(?i)\ntransport:[^\n]*interleaved\s*=\s*"?(\d+)`).FindStringSubmatch(raw); m != nil && (w.udp == nil || strings.Contains(raw, "/TCP")) {
			n, _ := strconv.Atoi(m[1])
			*w = way{channel: byte(n)}
		}
		d.ways = append(d.ways, w)
	}
	for _, what := range a.after {
		if !d.act(what) {
			return false
		}
	}
	if good && req.Method == base.Play {
		for i, s := range d.media {
			if i < len(d.ways) {
				write := s.around(d, d.ways[i], d.writer(d.ways[i]))
				d.plays.Go(func() { s.send(d.stop, d.ways[i].udp != nil, write) })
			}
		}
	}
	return req.Method != base.Teardown
}

// way makes the way that a SETUP asks for, with what stands for it in an answer.
func (d *dialogue) way(req *base.Request) (*way, []string) {
	wanted := strings.Split(strings.Join(req.Header["Transport"], ","), ",")[0]
	wanted = strings.ReplaceAll(wanted, ";mode=play", "")
	find := func(name string) []string {
		return regexp.MustCompile(name + `=(\d+)-(\d+)`).FindStringSubmatch(wanted)
	}
	if m := find("interleaved"); m != nil {
		n, _ := strconv.Atoi(m[1])
		return &way{channel: byte(n)}, []string{"{transport}", wanted, "{interleaved}", m[1] + "-" + m[2]}
	}
	m := find("client_port")
	if m == nil {
		return nil, nil
	}
	here := d.conn.LocalAddr().(*net.TCPAddr).IP
	there := d.conn.RemoteAddr().(*net.TCPAddr).IP
	w := &way{}
	for w.control == nil {
		var err error
		if w.udp, err = net.ListenUDP("udp", &net.UDPAddr{IP: here}); err != nil {
			return nil, nil
		}
		port := w.udp.LocalAddr().(*net.UDPAddr).Port
		if w.control, err = net.ListenUDP("udp", &net.UDPAddr{IP: here, Port: port + 1}); err != nil || port%2 != 0 {
			w.udp.Close()
			if err == nil {
				w.control.Close()
			}
			w.control = nil
		}
	}
	first, _ := strconv.Atoi(m[1])
	second, _ := strconv.Atoi(m[2])
	w.to, w.controlsTo = &net.UDPAddr{IP: there, Port: first}, &net.UDPAddr{IP: there, Port: second}
	port := w.udp.LocalAddr().(*net.UDPAddr).Port
	ports := fmt.Sprintf("%d-%d", port, port+1)
	return w, []string{
		"{transport}", wanted + ";server_port=" + ports, "{server_port}", ports, "{client_port}", m[1] + "-" + m[2],
		"{first_server_port}", strconv.Itoa(port), "{first_client_port}", m[1],
	}
}

// writer writes packets the way that was set up.
func (d *dialogue) writer(w *way) func(b []byte, control bool) error {
	return func(b []byte, control bool) error {
		if w.udp != nil {
			socket, to := w.udp, w.to
			if control {
				socket, to = w.control, w.controlsTo
			}
			_, err := socket.WriteToUDP(b, to)
			return err
		}
		channel := w.channel
		if control {
			channel++
		}
		frame := append([]byte{'$', channel, byte(len(b) >> 8), byte(len(b))}, b...)
		d.writing.Lock()
		defer d.writing.Unlock()
		_, err := d.conn.Write(frame)
		return err
	}
}

const (
	notFound   = "RTSP/1.0 404 Not Found\r\n\r\n"
	badRequest = "RTSP/1.0 400 Bad Request\r\n\r\n"
	wrongWay   = "RTSP/1.0 461 Unsupported Transport\r\n\r\n"
)

// answerTo chooses the answer to a request.
func (d *dialogue) answerTo(req *base.Request, w *way) answer {
	method := string(req.Method)
	if method == "SETUP" {
		if !d.knows(req.URL.String()) {
			return answer{text: notFound}
		}
		if w == nil {
			return answer{text: wrongWay}
		}
		key := "SETUP tcp"
		if w.udp != nil {
			key = "SETUP udp"
		}
		if len(d.answers[key]) > 0 {
			method = key
		}
	}
	if key := method + " /" + path(req.URL.String()); len(d.answers[key]) > 0 {
		method = key
	}
	if !d.admits(req) {
		return d.challenge(method)
	}
	list := d.answers[method]
	for d.user() && d.next[method] < len(list)-1 && isChallenge(list[d.next[method]]) {
		d.next[method]++ // this one has shown who it is
	}
	if len(list) == 0 {
		return usual(string(req.Method))
	}
	a := list[min(d.next[method], len(list)-1)]
	d.next[method]++
	return a
}

// knows reports whether a SETUP is for one of the paths in Tracks.
func (d *dialogue) knows(url string) bool {
	if len(d.header["Tracks"]) == 0 {
		return true
	}
	return strings.Contains(" "+d.first("Tracks")+" ", " /"+path(url)+" ")
}

// path is what follows the host in a URL, without the first slash.
func path(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	_, path, _ := strings.Cut(rest, "/")
	return path
}

func (d *dialogue) user() bool {
	user, _ := d.login()
	return user != ""
}

func isChallenge(a answer) bool { return strings.Contains(a.text[:min(len(a.text), 20)], " 401") }

// admits reports whether a request needs no password, or has the right one.
func (d *dialogue) admits(req *base.Request) bool {
	if !d.user() || req.Method == base.Options && len(d.answers["OPTIONS"]) == 0 || req.Method == base.Teardown {
		return true
	}
	user, password := d.login()
	return authorized(req, d.challenges, user, password)
}

// challenge is the next answer with status 401 of a method, or of DESCRIBE.
func (d *dialogue) challenge(method string) answer {
	for _, key := range []string{method, "DESCRIBE"} {
		found := -1
		for i, a := range d.answers[key] {
			if isChallenge(a) && (found < 0 || i <= d.next[key]) {
				found = i
			}
		}
		if found >= 0 {
			a := d.answers[key][found]
			d.next[key] = found + 1
			d.challenges = nil
			for _, m := range regexp.MustCompile(`(?im)^www-authenticate\s*:(.*)$`).FindAllStringSubmatch(a.text, -1) {
				d.challenges = append(d.challenges, m[1])
			}
			return a
		}
	}
	return answer{text: "RTSP/1.0 401 Unauthorized\r\n\r\n"}
}

// usual is the answer to a method for which the transcript has none.
func usual(method string) answer {
	switch method {
	case "SETUP":
		return answer{text: "RTSP/1.0 200 OK\r\nSession: 12345;timeout=60\r\nTransport: {transport}\r\n\r\n"}
	case "OPTIONS":
		return answer{text: "RTSP/1.0 200 OK\r\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n\r\n"}
	}
	return answer{text: "RTSP/1.0 200 OK\r\n\r\n"}
}

// completed is an answer with {length} and {cseq}, which stands behind the first line
// where the transcript has no CSeq.
func completed(text string, req *base.Request) string {
	head, body := text, ""
	if at := regexp.MustCompile("\r?\n\r?\n").FindStringIndex(text); at != nil {
		head, body = text[:at[1]], text[at[1]:]
	}
	if strings.Contains(head, "{no cseq}\r\n") {
		head = strings.Replace(head, "{no cseq}\r\n", "", 1)
	} else if !regexp.MustCompile(`(?im)^cseq\s*:`).MatchString(head) {
		// Behind the first line that is not empty.
		if at := regexp.MustCompile(`^\s*[^\n]*\n`).FindStringIndex(head); at != nil {
			head = head[:at[1]] + "CSeq: {cseq}\r\n" + head[at[1]:]
		}
	}
	head = strings.ReplaceAll(head, "{length}", strconv.Itoa(len(body)))
	return strings.ReplaceAll(head, "{cseq}", strings.Join(req.Header["CSeq"], "")) + body
}

// act does what the camera does of itself: "close", "request METHOD", "send TEXT",
// "garbage BYTES", each of them later with "after TIME" ahead. It returns false when the
// connection is to end.
func (d *dialogue) act(what string) bool {
	verb, rest, _ := strings.Cut(what, " ")
	var b []byte
	switch verb {
	case "close":
		d.conn.Close()
		return false
	case "after":
		wait, what, _ := strings.Cut(rest, " ")
		pause, err := time.ParseDuration(wait)
		if err != nil {
			pause = time.Second
		}
		d.plays.Go(func() {
			select {
			case <-d.stop:
			case <-time.After(pause):
				d.act(what)
			}
		})
		return true
	case "request":
		b = []byte(rest + " rtsp://" + d.listener.Addr().String() + "/stream RTSP/1.0\r\nCSeq: 1\r\nSession: 12345\r\n\r\n")
	case "send":
		text, _ := unescape(rest)
		b = []byte(text)
	case "garbage":
		n, _ := strconv.Atoi(rest)
		b = make([]byte, n)
		_, _ = rand.Read(b)
		b = bytes.ReplaceAll(b, []byte("$"), []byte("#")) // not a frame
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	_, err := d.conn.Write(b)
	return err == nil
}
