package camera

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"umbrella/internal/bound"
	"umbrella/internal/config"
)

// redactor takes out of what a camera says whatever is secret or somebody's own:
// passwords, addresses, names, serial numbers, nonces and keys. What stands for them has
// the same form, so that what is odd about it stays.
type redactor struct {
	secrets    *strings.Replacer
	host       string // of the camera, as the settings have it
	address    string // of the camera
	addresses  map[netip.Addr]string
	nonces     map[string]string
	challenged bool // the camera has asked for a password
}

func newRedactor(rawURL string) *redactor {
	r := &redactor{addresses: map[netip.Addr]string{}, nonces: map[string]string{}}
	_, rest, _ := strings.Cut(rawURL, "://")
	authority, _, _ := strings.Cut(rest, "/")
	var pairs []string
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, password, _ := strings.Cut(authority[:at], ":")
		for _, secret := range []string{password, user} {
			plain, err := url.PathUnescape(secret)
			for _, form := range []string{secret, plain, url.QueryEscape(plain), url.PathEscape(plain)} {
				if err == nil && len(form) > 2 && form != "admin" {
					pairs = append(pairs, form, "secret")
				}
			}
		}
		authority = authority[at+1:]
	}
	r.secrets = strings.NewReplacer(pairs...)
	r.host = authority
	if host, _, err := net.SplitHostPort(authority); err == nil {
		r.host = host
	}
	r.host = strings.Trim(r.host, "[]")
	return r
}

// peer is the camera's address, as far as it is known.
func (r *redactor) peer(a net.Addr) {
	if ip := bound.Peer(a); ip.IsValid() {
		r.address = ip.String()
	}
}

var (
	emptyLine    = regexp.MustCompile(`\r?\n\r?\n`)
	urlAuthority = regexp.MustCompile(`(?i)((?:rtspu?|rtsps|http|https)://)([^/\s";,<>]+)`)
	addressLike  = regexp.MustCompile(`[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*|\d{1,3}(?:\.\d{1,3}){3}`)
	hardware     = regexp.MustCompile(`(?i)\b[0-9a-f]{2}([:-])[0-9a-f]{2}(?:[:-][0-9a-f]{2}){4}\b`)
	longWord     = regexp.MustCompile(`[0-9A-Za-z]{8,}`)
	quotedSecret = regexp.MustCompile(`(?i)(realm|nonce|opaque|cnonce|response|username)(\s*=\s*)("[^"]*"|[^\s,;]+)`)
	ports        = regexp.MustCompile(`(?i)(client_port|server_port|port)(\s*=\s*"?)\d+-\d+`)
	channels     = regexp.MustCompile(`(?i)(interleaved\s*=\s*"?)(\d+-\d+)`)
)

// text redacts a line of any kind.
func (r *redactor) text(line string) string { return r.masked(r.named(line)) }

// named takes out secrets, names and addresses.
func (r *redactor) named(line string) string {
	line = urlAuthority.ReplaceAllStringFunc(line, func(m string) string {
		scheme, authority, _ := strings.Cut(m, "://")
		authority = authority[strings.LastIndexByte(authority, '@')+1:]
		host := authority
		if h, _, err := net.SplitHostPort(authority); err == nil {
			host = h
		}
		if host = strings.Trim(host, "[]"); strings.EqualFold(host, r.host) || host == r.address {
			return scheme + "://{host}"
		}
		return scheme + "://" + authority
	})
	line = r.secrets.Replace(config.RedactNamed(line))
	line = hardware.ReplaceAllString(line, "00${1}00${1}5E${1}00${1}53${1}01")
	line = addressLike.ReplaceAllStringFunc(line, r.standIn)
	if _, err := netip.ParseAddr(r.host); err != nil && len(r.host) > 3 {
		line = regexp.MustCompile(`(?i)`+regexp.QuoteMeta(r.host)).ReplaceAllString(line, "camera.example")
	}
	return line
}

// standIn is an address for documentation (RFC 5737, RFC 3849) in place of a real one.
func (r *redactor) standIn(text string) string {
	a, err := netip.ParseAddr(text)
	if err != nil || a.IsUnspecified() {
		return text
	}
	if r.addresses[a] == "" {
		n := len(r.addresses)%250 + 1
		switch {
		case a.Is4():
			r.addresses[a] = fmt.Sprintf("192.0.2.%d", n)
		case a.Is4In6():
			r.addresses[a] = fmt.Sprintf("::ffff:192.0.2.%d", n)
		default:
			r.addresses[a] = fmt.Sprintf("2001:db8::%x", n)
		}
	}
	return r.addresses[a]
}

// masked takes out what may be a serial number: long words with several digits.
func (r *redactor) masked(line string) string {
	return longWord.ReplaceAllStringFunc(line, func(word string) string {
		digits := 0
		for _, c := range word {
			if c >= '0' && c <= '9' {
				digits++
			}
		}
		if digits < 4 {
			return word
		}
		return strings.Map(func(c rune) rune {
			switch {
			case c >= '0' && c <= '9':
				return '0'
			case c >= 'A' && c <= 'Z':
				return 'X'
			}
			return 'x'
		}, word)
	})
}

// exchange writes one exchange down, and says what it is about: "SETUP udp".
func (r *redactor) exchange(e *exchange) (key, text string) {
	key = e.method
	switch {
	case e.method != "SETUP":
	case strings.Contains(e.transport, "interleaved"):
		key += " tcp"
	default:
		key += " udp"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "> %s\n", key)
	body := len(e.answer)
	if at := emptyLine.FindIndex(e.answer); at != nil {
		body = at[1]
	}
	head := true
	for rest := string(e.answer); rest != ""; {
		head = head && len(e.answer)-len(rest) < body
		line, after, ended := strings.Cut(rest, "\n")
		rest = after
		sign := "<<"
		if !ended {
			sign = "<-"
		} else if cut, ok := strings.CutSuffix(line, "\r"); ok {
			sign, line = "<", cut
		}
		if head {
			line = r.header(line, e, len(e.answer)-body)
		} else {
			line = r.sdp(line)
		}
		b.WriteString(strings.TrimRight(sign+" "+escape(line), " ") + "\n")
	}
	for _, method := range e.asks {
		fmt.Fprintf(&b, "! request %s\n", method)
	}
	b.WriteString("\n")
	return key, b.String()
}

// header redacts a line of the head of an answer.
func (r *redactor) header(line string, e *exchange, length int) string {
	name, value, _ := strings.Cut(line, ":")
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "www-authenticate", "authorization", "authentication-info", "proxy-authenticate":
		r.challenged = true
		return r.named(quotedSecret.ReplaceAllStringFunc(line, r.challenge))
	case "set-cookie", "keymgmt":
		return name + ": removed"
	case "cseq":
		if strings.TrimSpace(value) == e.cseq {
			return name + ":" + strings.Replace(value, e.cseq, "{cseq}", 1)
		}
	case "content-length":
		if m := lengthLine.FindStringSubmatch(line); m != nil && m[2] == strconv.Itoa(length) {
			return strings.Replace(line, m[2], "{length}", 1)
		}
	case "transport":
		line = ports.ReplaceAllStringFunc(line, func(m string) string {
			p := ports.FindStringSubmatch(m)
			if strings.EqualFold(p[1], "port") {
				return m
			}
			return p[1] + p[2] + "{" + strings.ToLower(p[1]) + "}"
		})
		line = channels.ReplaceAllStringFunc(line, func(m string) string {
			p := channels.FindStringSubmatch(m)
			if strings.Contains(e.transport, "interleaved="+p[2]) {
				return p[1] + "{interleaved}"
			}
			return m
		})
	}
	return r.text(line)
}

// challenge is a parameter of a challenge, with another value.
func (r *redactor) challenge(parameter string) string {
	m := quotedSecret.FindStringSubmatch(parameter)
	value := strings.Trim(m[3], `"`)
	stand := "cam"
	if name := strings.ToLower(m[1]); name != "realm" {
		if r.nonces[value] == "" {
			r.nonces[value] = fmt.Sprintf("n%d", len(r.nonces)+1)
		}
		stand = r.nonces[value]
	}
	if strings.HasPrefix(m[3], `"`) {
		stand = `"` + stand + `"`
	}
	return m[1] + m[2] + stand
}

// sdp redacts a line of a description. What tells how media are packed has nobody's name
// in it, and stays.
func (r *redactor) sdp(line string) string {
	lower := strings.ToLower(strings.TrimSpace(line))
	switch {
	case strings.HasPrefix(lower, "a=key-mgmt"), strings.HasPrefix(lower, "a=crypto"):
		name, _, _ := strings.Cut(line, ":")
		return name + ":removed"
	case strings.HasPrefix(lower, "a=fmtp"), strings.HasPrefix(lower, "a=rtpmap"), strings.HasPrefix(lower, "m="), strings.HasPrefix(lower, "t="):
		return r.secrets.Replace(line)
	}
	return r.text(line)
}

// escape writes bytes that a text cannot have as testdata/cameras/README.md has them.
func escape(line string) string {
	var b strings.Builder
	for i := range len(line) {
		switch c := line[i]; {
		case c == '\\':
			b.WriteString(`\\`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\r':
			b.WriteString(`\r`)
		case c < ' ' || c > '~' || c == ' ' && i == len(line)-1:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
