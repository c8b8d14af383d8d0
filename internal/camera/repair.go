package camera

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"golang.org/x/time/rate"

	"umbrella/internal/camera/rtsp"
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
	talk     bool // the camera is asked for its back channel
	// description is the last one that the camera gave, made regular.
	description *rtsp.Description

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
	r.description = rtsp.Regular(res.Body, r.talk)
	res.Body = r.description.Text
	res.Header["Content-Type"] = base.HeaderValue{"application/sdp"}
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
