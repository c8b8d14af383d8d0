package camera

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/bluenviron/gortsplib/v4/pkg/auth"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/sdp"
)

// repairer mends the answers of cameras that do not keep to RFC 2326, before
// the RTSP library reads them. It is called from the library's one goroutine.
type repairer struct {
	asked base.Method
	// location is where the camera sends us, if it does.
	location string
	// refused are the media that cannot be read: what they are, for people.
	refused []string

	user   *url.Userinfo // nil: there is none
	signed bool          // the last request was
	let    bool          // the camera let one in that was
	// renewed: the last answer was a challenge to somebody who was let in before,
	// which sender answers in place of the library's.
	renewed bool
	sender  *auth.Sender
}

// movedStatus stands for a redirect that we follow ourselves, as passwords do
// not go to other hosts.
const movedStatus = 399

func (r *repairer) request(req *base.Request) {
	r.asked = req.Method
	if r.sender != nil {
		r.sender.AddAuthorization(req)
	}
	r.signed = len(req.Header["Authorization"]) > 0
}

func (r *repairer) response(res *base.Response) {
	r.challenge(res)
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

// challenge sees to nonces that are renewed. A password that was never right is
// not sent again: cameras lock users out.
func (r *repairer) challenge(res *base.Response) {
	r.renewed = false
	if res.StatusCode != base.StatusUnauthorized {
		r.let = r.let || r.signed
		return
	}
	if !r.let || r.user == nil {
		return
	}
	password, _ := r.user.Password()
	s := &auth.Sender{WWWAuth: res.Header["WWW-Authenticate"], User: r.user.Username(), Pass: password}
	if s.Initialize() == nil {
		r.sender, r.renewed = s, true
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

// maxMedia bounds what is looked at; a camera has three or four.
const maxMedia = 16

// cutMedia gives the lines of the session and of each of its media.
func cutMedia(text string) (head []string, media [][]string) {
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		switch {
		case line == "":
		case strings.HasPrefix(line, "m="):
			if len(media) == maxMedia {
				return head, media
			}
			media = append(media, []string{line})
		case len(media) > 0:
			media[len(media)-1] = append(media[len(media)-1], line)
		default:
			head = append(head, line)
		}
	}
	return head, media
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
