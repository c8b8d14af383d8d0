package rtsp

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
)

// maxSessionTimeout is the longest time, in seconds, after which a camera may want to
// hear of us: the library counts with it as it comes.
const maxSessionTimeout = 3600

// handedOn are the headers that are handed on as they are, by the names that the library
// knows. The library reads those, and what is made of others below.
var handedOn = []struct{ lower, name string }{
	{"location", "Location"}, {"www-authenticate", "WWW-Authenticate"}, {"server", "Server"},
}

// response hands on a response in strict form.
func (c *Conn) response(m *message) error {
	if m.status < 200 {
		return nil // 100 Continue
	}
	p, ok := c.answered(m.header)
	if !ok {
		return nil // an answer to nothing
	}
	c.observe(p, m.status)
	h := m.header
	var b bytes.Buffer
	put := func(name, value string) {
		if len(value) <= maxValue {
			b.WriteString(name + ": " + value + "\r\n")
		}
	}
	reason := base.StatusMessages[base.StatusCode(m.status)]
	b.WriteString("RTSP/1.0 " + strconv.Itoa(m.status) + " " + cmp.Or(reason, "-") + "\r\n")
	put("CSeq", p.cseq)
	if s := session(h["session"]); s != "" {
		put("Session", s)
	}
	for _, name := range handedOn {
		const most = 8
		for _, v := range h[name.lower][:min(len(h[name.lower]), most)] {
			put(name.name, v)
		}
	}
	var body []byte
	if m.status == 200 {
		switch p.method {
		case "OPTIONS":
			put("Public", public(h))
		case "SETUP":
			t, keys, err := c.setUp(p, h)
			if err != nil {
				return err
			}
			put("Transport", t)
			if keys != "" {
				put("KeyMgmt", keys)
			}
		case "DESCRIBE":
			if u := contentBase(h.first("content-base")); u != "" {
				put("Content-Base", u)
			}
			put("Content-Type", contentType(h.first("content-type"), m.body))
			body = c.describe(m.body)
			put("Content-Length", strconv.Itoa(len(body)))
		}
	}
	b.WriteString("\r\n")
	c.out = append(append(c.out, b.Bytes()...), body...)
	return nil
}

// observe takes note of what a response means for what follows.
func (c *Conn) observe(p pending, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case p.method == "PLAY":
		c.flows = status == 200
	case c.flows && status >= 400 && status != 401 && status != 454:
		c.refused[p.method] = true // a keep-alive
	}
}

// setUp takes the answer to SETUP: Transport and KeyMgmt as the library is to see them.
func (c *Conn) setUp(p pending, h header) (to, keys string, err error) {
	got := parseTransport(h["transport"]).completed(p.wants)
	c.mu.Lock()
	defer c.mu.Unlock()
	m := media{library: p.wants.channels, camera: got.channels, secure: got.secure}
	if got.secure {
		var mki int
		if keys, mki, err = c.keys(p.url, h); err != nil {
			return "", "", err
		}
		m.mki = mki
	}
	if got.tcp && !p.wants.tcp {
		got.channels = [2]byte{0, 1} // the library only asks anew
	}
	if got.tcp && p.wants.tcp {
		// The channels of a SETUP before it that the camera took no part in, or was to
		// forget, are free again.
		c.media = slices.DeleteFunc(c.media, func(o media) bool { return o.library == m.library })
		// Some cameras write the same channels for all media, and send on those that
		// they were asked for.
		if slices.ContainsFunc(c.media, func(o media) bool { return o.camera == m.camera }) {
			m.camera = m.library
		}
		c.media = append(c.media, m)
		got.channels = m.library
	}
	return got.String(), keys, nil
}

// session is the Session header: the id, and the timeout in seconds where there is one
// that can be read. Seen with a blank behind it (AlexxIT/go2rtc#382), in quotes, and with
// several headers.
func session(values []string) string {
	if len(values) == 0 {
		return ""
	}
	id, rest, _ := strings.Cut(values[0], ";")
	id = strings.TrimSpace(id)
	for part := range strings.SplitSeq(rest, ";") {
		name, value, _ := strings.Cut(part, "=")
		n, ok := digits(value)
		if strings.EqualFold(strings.TrimSpace(name), "timeout") && ok && n > 0 {
			return id + ";timeout=" + strconv.FormatUint(min(n, maxSessionTimeout), 10)
		}
	}
	return id
}

// public are the methods that the camera knows: the keep-alive is one of them. Some
// cameras name them in several headers, in lower case, or in Allow.
func public(h header) string {
	var list []string
	for _, v := range append(h["public"], h["allow"]...) {
		for _, m := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' }) {
			list = append(list, strings.ToUpper(m))
		}
	}
	return strings.Join(list, ", ")
}

// contentType is the one of SDP wherever the body is one: some cameras name none, or
// another, or write it in capitals.
func contentType(said string, body []byte) string {
	kind, _, _ := strings.Cut(said, ";")
	if strings.EqualFold(strings.TrimSpace(kind), "application/sdp") || bytes.HasPrefix(bytes.TrimLeft(body, "\ufeff \t\r\n"), []byte("v=")) {
		return "application/sdp"
	}
	return kind
}

// contentBase is a base that is an address or a path, or empty: then the address that was
// asked for is the base. Seen as an IPv6 address without brackets (AlexxIT/WebRTC#395),
// with the scheme twice (AlexxIT/go2rtc#208), as rubbish, and without a scheme ahead of
// the host (scottlamb/moonfire-nvr#356).
func contentBase(text string) string {
	text = absolute(strings.Trim(text, `"<> `))
	if strings.HasPrefix(text, "/") {
		return text
	}
	host, _, _ := strings.Cut(text, "/")
	name, _, _ := strings.Cut(host, ":")
	if a, err := netip.ParseAddr(name); err == nil && a.Is4() {
		text = "rtsp://" + text
	}
	if u, err := base.ParseURL(text); err != nil || u.Host == "" {
		return ""
	}
	return text
}

// absolute leaves out a scheme that stands before another one, and what comes after "#".
func absolute(text string) string {
	text, _, _ = strings.Cut(text, "#")
	lower := strings.ToLower(text)
	if at := max(strings.LastIndex(lower, "rtsp://"), strings.LastIndex(lower, "rtsps://")); at > 0 && strings.Trim(strings.NewReplacer("rtsps://", "", "rtsp://", "").Replace(lower[:at]), "/") == "" {
		text = text[at:]
	}
	if scheme, rest, ok := strings.Cut(text, "://"); ok && len(scheme) <= len("rtsps") {
		text = strings.ToLower(scheme) + "://" + rest
	}
	return text
}

// control is a=control of one of the media. The address in it is at the camera's host
// anyway: of one that cannot be read, the path is taken. Seen with the scheme twice
// (AlexxIT/go2rtc#830) and with "*", which means the whole stream.
func control(text string) string {
	text = absolute(strings.Trim(text, `"<> `))
	if text == "*" {
		return ""
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || scheme != "rtsp" && scheme != "rtsps" {
		return text
	}
	if u, err := base.ParseURL(text); err == nil && u.Host != "" {
		return text
	}
	_, path, _ := strings.Cut(rest, "/")
	return scheme + "://camera/" + path
}

// describe takes out of an SDP how keys are agreed (RFC 4567), which the answer to SETUP
// has for the library. All else in it is for Regular.
func (c *Conn) describe(body []byte) []byte {
	var out bytes.Buffer
	var all []keyOffer
	current := &keyOffer{} // of the session
	for line := range bytes.Lines(bytes.TrimLeft(body, "\ufeff \t\r\n")) {
		text := strings.TrimSpace(string(line))
		switch name, value, _ := strings.Cut(text, ":"); {
		case strings.HasPrefix(text, "m="):
			all = append(all, *current)
			current = &keyOffer{}
		case name == "a=key-mgmt":
			current.data = strings.TrimSpace(value)
			continue
		case name == "a=control" && len(all) > 0:
			current.control = control(value)
		}
		out.Write(line)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offers = append(all, *current)
	return out.Bytes()
}
