package whip

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"umbrella/internal/access"
	"umbrella/internal/crash"
	"umbrella/internal/rtc"
)

// patch answers PATCH: trickled candidates, or an ICE restart (RFC 9725
// §4.3). The node is ICE-lite and needs no candidates of its peers, so those
// are taken and not looked at.
func (s *Server) patch(w http.ResponseWriter, r *http.Request) {
	in := s.find(w, r)
	if in == nil {
		return
	}
	if !in.patches.Allow() {
		tooMany(w, time.Second)
		return
	}
	frag, done, ok := s.body(w, r, in.client, fragType)
	if !ok {
		return
	}
	defer done()
	ufrag, pwd := rtc.Attribute(frag, "ice-ufrag"), rtc.Attribute(frag, "ice-pwd")
	match := entityTags(r.Header.Values("If-Match"))
	star := slices.Contains(match, "*")
	switch current := slices.Contains(match, in.etagNow()); {
	case len(match) > 0 && !star && !current:
		http.Error(w, "If-Match names an ICE session that is over", http.StatusPreconditionFailed)
		return
	case current, in.uses(ufrag, pwd):
		// MediaMTX's page scripts trickle with "*", and react-native-whip-whep and
		// GStreamer's whipclientsink with no If-Match at all: the credentials tell that
		// it is no restart.
		w.WriteHeader(http.StatusNoContent)
		return
	case len(match) == 0:
		http.Error(w, "a fragment with other ICE credentials than the session's needs If-Match: \"*\" restarts ICE, an ETag names the ICE session (RFC 9725 §4.3.1)", http.StatusPreconditionRequired)
		return
	case !validICE(ufrag, 4) || !validICE(pwd, 22):
		http.Error(w, "an ICE restart needs a new ice-ufrag and ice-pwd (RFC 8839 §5.4)", http.StatusBadRequest)
		return
	}
	if !in.restarts.Allow() {
		tooMany(w, restartInterval)
		return
	}
	if s.Offer != nil {
		if err := s.Offer(in.client); err != nil {
			access.Refuse(w, err, http.StatusTooManyRequests)
			return
		}
	}
	answer, err := in.restart(ufrag, pwd)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Content-Type", fragType)
	w.Header().Set("ETag", in.etag(answer))
	_, _ = io.WriteString(w, fragment(answer))
}

// entityTags reads If-Match (RFC 9110 §13.1.1): entity tags, or "*". A proxy that
// compresses makes tags weak; that is no matter here.
func entityTags(headers []string) (tags []string) {
	for _, h := range headers {
		for tag := range strings.SplitSeq(h, ",") {
			if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag != "" {
				tags = append(tags, tag)
			}
		}
	}
	return tags
}

// etagNow is the name of the present ICE session.
func (s *session) etagNow() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tag
}

// uses reports whether a fragment is for the ICE session that there is: it has no other
// credentials than the last offer, or none.
func (s *session) uses(ufrag, pwd string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return (ufrag == "" || hasLine(s.offer, "a=ice-ufrag:"+ufrag)) && (pwd == "" || hasLine(s.offer, "a=ice-pwd:"+pwd))
}

func hasLine(sdp, want string) bool {
	for line := range strings.Lines(sdp) {
		if strings.TrimRight(line, "\r\n") == want {
			return true
		}
	}
	return false
}

// tooMany refuses what comes too often to one session.
func tooMany(w http.ResponseWriter, after time.Duration) {
	access.Refuse(w, &access.TryLaterError{What: "too many requests for this session", After: after}, http.StatusTooManyRequests)
}

// restart applies the last offer with the client's new credentials.
func (s *session) restart(ufrag, pwd string) (answer string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	offer := withCredentials(s.offer, ufrag, pwd)
	if s.pub != nil {
		answer, err = s.pub.Answer(offer, nil)
	} else {
		answer, err = s.sub.Reanswer(offer)
	}
	if err == nil {
		s.offer = offer
	}
	if errors.Is(err, crash.ErrPanic) {
		s.end() // the connection is of no use any more
	}
	return answer, err
}

// withCredentials replaces the ICE credentials in an SDP, drops its
// candidates, and raises the version in its o= line.
func withCredentials(sdp, ufrag, pwd string) string {
	var out strings.Builder
	for line := range strings.Lines(sdp) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "a=ice-ufrag:"):
			line = "a=ice-ufrag:" + ufrag
		case strings.HasPrefix(line, "a=ice-pwd:"):
			line = "a=ice-pwd:" + pwd
		case strings.HasPrefix(line, "a=candidate:"):
			continue
		}
		out.WriteString(line + "\r\n")
	}
	return out.String()
}

// fragment is the part of an SDP that an ICE restart is answered with (RFC
// 8840 §9): the credentials and the candidates.
func fragment(sdp string) string {
	var out strings.Builder
	out.WriteString("a=ice-lite\r\n")
	out.WriteString("a=ice-ufrag:" + rtc.Attribute(sdp, "ice-ufrag") + "\r\n")
	out.WriteString("a=ice-pwd:" + rtc.Attribute(sdp, "ice-pwd") + "\r\n")
	media := 0
	for line := range strings.Lines(sdp) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "m=") {
			media++
		}
		if media == 1 && (strings.HasPrefix(line, "m=") || strings.HasPrefix(line, "a=mid:") ||
			strings.HasPrefix(line, "a=candidate:") || line == "a=end-of-candidates") {
			out.WriteString(line + "\r\n")
		}
	}
	return out.String()
}

// validICE checks a credential: ice-chars (RFC 8839 §5.4), so that it cannot
// smuggle a line into an SDP.
func validICE(s string, least int) bool {
	if len(s) < least || len(s) > 256 {
		return false
	}
	for _, c := range s {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/') {
			return false
		}
	}
	return true
}
