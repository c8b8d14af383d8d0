package camera

import (
	"bytes"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/sdp"
	"golang.org/x/time/rate"

	"umbrella/internal/config"
	"umbrella/internal/credential"
)

// repairer stands between a camera and the RTSP library: it signs what the library asks,
// bounds and mends what the camera answers where that does not keep to RFC 2326, and
// takes out of it what would make the library send to somebody else. It is called from
// the library's one goroutine.
type repairer struct {
	to    target
	asked base.Method
	// location is where the camera sends us, if it does.
	location string
	// refused are the media that cannot be read: what they are, for people.
	refused []string

	signer *credential.Signer // nil: the camera has not asked who we are
	signed bool               // the last request was
	let    bool               // the camera let one in that was
	met    bool               // the last answer was a challenge, too
	// again: the last answer was a challenge that can be met by the next request.
	again bool
	// refusal is why the last challenge is not met; nil: it is, or nothing can be done.
	refusal *Trouble

	messages *rate.Limiter
	flood    atomic.Bool
	flooded  func() // ends the connection
}

// movedStatus stands for a redirect that we follow ourselves, as passwords do
// not go to other hosts.
const movedStatus = 399

const (
	// A camera may send so many messages a second, and at once, that are no media.
	messageRate, messageBurst = 20, 100
	// maxSessionTimeout is the longest time, in seconds, after which a camera may want
	// to hear of us: the library counts with it as it comes.
	maxSessionTimeout = 3600
)

func (r *repairer) request(req *base.Request) {
	r.asked = req.Method
	if r.signed = r.signer != nil; r.signed {
		req.Header["Authorization"] = base.HeaderValue{r.signer.Authorization(string(req.Method), req.URL.CloneWithoutCredentials().String())}
	}
}

// count ends a connection on which messages come without end.
func (r *repairer) count() {
	if r.messages == nil {
		r.messages = rate.NewLimiter(messageRate, messageBurst)
	}
	if !r.messages.Allow() && !r.flood.Swap(true) {
		r.flooded()
	}
}

func (r *repairer) response(res *base.Response) {
	r.count()
	for _, values := range res.Header {
		for i, v := range values {
			values[i] = withoutControls(v)
		}
	}
	r.challenge(res)
	restrict(res.Header)
	switch r.asked {
	case base.Options:
		// Some do not know it, and all else works.
		if res.StatusCode != base.StatusUnauthorized {
			res.StatusCode = base.StatusOK
		}
	case base.Describe:
		if res.StatusCode >= base.StatusMovedPermanently && res.StatusCode <= base.StatusUseProxy && len(res.Header["Location"]) == 1 {
			r.location = res.Header["Location"][0]
			res.StatusCode = movedStatus
		}
		if res.StatusCode == base.StatusOK {
			r.describe(res)
		}
	}
}

// withoutControls leaves all other bytes as they are: a realm is signed as it came.
func withoutControls(s string) string {
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

// restrict leaves in the headers that say where media go only what is of this
// connection. Media come from and go to the camera itself: with "source" or
// "destination" (RFC 2326 §12.39) it would have us send to somebody else, and look
// names up.
func restrict(h base.Header) {
	for i, v := range h["Transport"] {
		var kept []string
		for _, part := range strings.Split(strings.ReplaceAll(v, `"`, ""), ";") {
			part = strings.TrimSpace(part)
			name, _, _ := strings.Cut(part, "=")
			switch name {
			case "unicast", "multicast", "interleaved", "server_port":
				kept = append(kept, part)
			default:
				if strings.HasPrefix(part, "RTP/") {
					kept = append(kept, part)
				}
			}
		}
		h["Transport"][i] = strings.Join(kept, ";")
	}
	for i, v := range h["Session"] {
		id, rest, _ := strings.Cut(v, ";")
		h["Session"][i] = strings.TrimSpace(id)
		for _, part := range strings.Split(rest, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			n, err := strconv.ParseUint(strings.Trim(value, `" `), 10, 32)
			if strings.TrimSpace(name) == "timeout" && err == nil && n > 0 {
				h["Session"][i] = strings.TrimSpace(id) + ";timeout=" + strconv.FormatUint(min(n, maxSessionTimeout), 10)
			}
		}
	}
}

// challenge sees to who we are. A password that was never right is not sent again:
// cameras lock users out. Nonces may be renewed at any time.
func (r *repairer) challenge(res *base.Response) {
	r.again, r.refusal = false, nil
	if res.StatusCode != base.StatusUnauthorized {
		r.let, r.met = r.let || r.signed, false
		return
	}
	if r.signed && (!r.let || r.met) || !r.to.login.Known() {
		return
	}
	signer, err := r.to.login.Answer((*url.URL)(r.to.url), res.Header["WWW-Authenticate"], r.to.redirected)
	switch {
	case err == nil:
		r.signer, r.again, r.met = signer, true, true
	case errors.Is(err, credential.ErrBasic):
		r.refusal = trouble("the camera wants the password in clear text (Basic) where it sends us",
			"if that is the camera, write the address into url: "+config.RedactURL(r.to.url.String()))
	default:
		r.refusal = trouble("the camera asks for a password in a way that nobody knows", "set its RTSP authentication to Digest")
	}
}

func (r *repairer) describe(res *base.Response) {
	body := bytes.TrimLeft(res.Body, "\ufeff \t\r\n")
	if bytes.HasPrefix(body, []byte("v=")) {
		res.Header["Content-Type"] = base.HeaderValue{"application/sdp"}
	}
	res.Body, r.refused = readable(body)
	// A base that is no address is none.
	if cb := res.Header["Content-Base"]; len(cb) > 0 {
		first := strings.TrimSpace(cb[0])
		_, err := base.ParseURL(first)
		if err != nil && !strings.HasPrefix(first, "/") {
			delete(res.Header, "Content-Base")
		} else {
			res.Header["Content-Base"] = base.HeaderValue{first}
		}
	}
}

// readable leaves out of an SDP what would make the library refuse all of it:
// media that it cannot read, session attributes that have no meaning here.
// refused tells which media those were.
func readable(body []byte) (out []byte, refused []string) {
	head, media := cutMedia(string(body))
	var b strings.Builder
	for _, line := range head {
		name, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(name) {
		case "a=group", "a=key-mgmt":
			continue
		case "a=control":
			if _, err := base.ParseURL(strings.TrimSpace(value)); err != nil {
				continue // "*", or something that is no address
			}
		}
		b.WriteString(line + "\r\n")
	}
	session := b.String()
	for _, m := range media {
		text := mediaText(m)
		if problem := parses(session + text); problem != nil {
			// Without its parameters it may be of use: those of H.264 come among the
			// pictures as well.
			text = mediaText(without(m, "a=fmtp"))
			if parses(session+text) != nil {
				refused = append(refused, strings.TrimPrefix(m[0], "m="))
				continue
			}
		}
		b.WriteString(text)
	}
	return []byte(b.String()), refused
}

// Bounds of an SDP, whose length RTSP bounds to 128 KiB. A camera has three or four
// media, with some ten lines each, and a format or two. The longest lines hold parameter
// sets.
const (
	maxMedia   = 16
	maxLines   = 128 // of the session, and of each of the media
	maxLine    = 8 << 10
	maxFormats = 16 // of one of the media
)

// cutMedia gives the lines of the session and of each of its media, as far as the
// bounds go.
func cutMedia(text string) (head []string, media [][]string) {
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		switch {
		case line == "" || len(line) > maxLine:
		case strings.HasPrefix(line, "m="):
			if len(media) == maxMedia {
				return head, media
			}
			media = append(media, []string{fewFormats(line)})
		case len(media) > 0:
			if last := &media[len(media)-1]; len(*last) < maxLines {
				*last = append(*last, line)
			}
		case len(head) < maxLines:
			head = append(head, line)
		}
	}
	return head, media
}

// fewFormats cuts the list of formats of an m-line, which ends it.
func fewFormats(line string) string {
	fields := strings.Fields(line)
	const before = 3 // media, port, protocol
	return strings.Join(fields[:min(len(fields), before+maxFormats)], " ")
}

func without(lines []string, prefix string) (left []string) {
	for _, line := range lines {
		if !strings.HasPrefix(line, prefix) {
			left = append(left, line)
		}
	}
	return left
}

func mediaText(lines []string) string {
	// The ids have no use in RTSP, and some cameras give them to some of the media
	// only.
	return strings.Join(without(lines, "a=mid"), "\r\n") + "\r\n"
}

func parses(text string) error {
	var s sdp.SessionDescription
	if err := s.Unmarshal([]byte(text)); err != nil {
		return err
	}
	var d description.Session
	return d.Unmarshal(&s)
}
