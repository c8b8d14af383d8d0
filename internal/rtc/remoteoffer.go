package rtc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrUnacceptable is an offer that can be read, and from which nothing could come.
var ErrUnacceptable = errors.New("the offer cannot be accepted")

// direction is what the one who offers wants to do with its m-lines.
type direction int

const (
	anything  direction = iota // a browser in a room, whose m-lines come and go
	publishes                  // WHIP
	watches                    // WHEP
)

// mayReject are the rules for the m-lines of an offer of WHIP or WHEP, beside those for
// all descriptions.
type mayReject struct {
	direction direction
	// plays reports whether one of the formats plays what there is to watch; nil:
	// whatever is known may come.
	plays func(kind string, formats []format) bool
}

// refuses says in words why an m-line is not used, or returns "".
func (o mayReject) refuses(s *section, formats []format) string {
	kind, port := s.kind()
	switch {
	case o.direction == anything:
		return ""
	case port == "0" && s.counts["bundle-only"] == 0: // RFC 9143 §6
		return "has port 0"
	case s.counts["inactive"] > 0:
		return "is inactive"
	case o.direction == publishes && s.counts["recvonly"] > 0:
		return "is recvonly, and WHIP is to publish"
	case o.direction == watches && s.counts["sendonly"] > 0:
		return "is sendonly, and WHEP is to watch"
	case !slices.ContainsFunc(formats, format.known):
		return "has no codec that the node knows"
	case o.plays != nil && !o.plays(kind, formats):
		return "has no codec in which it is sent"
	}
	return ""
}

// kind of an m-line, "audio" or "video", and its port.
func (s *section) kind() (kind, port string) {
	words := strings.Fields(s.lines[0])
	return strings.TrimPrefix(words[0], "m="), words[1]
}

// choose rejects the m-lines that are not used, and refuses the offer where none is
// left. An offer to publish is refused, too, where something that it wants to send
// cannot be forwarded: programs such as FFmpeg do not look at which m-lines were
// rejected, and would send half of their film.
func (r *remoteReader) choose(o mayReject) error {
	var why []string
	var used []*section
	var formats [][]format
	for i := range r.media {
		s := &r.media[i]
		formats = append(formats, s.formats())
		reason := o.refuses(s, formats[i])
		if reason == "" {
			used = append(used, s)
			continue
		}
		kind, port := s.kind()
		words := fmt.Sprintf("m=%s %s", kind, reason)
		if o.direction == publishes && port != "0" && s.counts["recvonly"]+s.counts["inactive"] == 0 {
			return fmt.Errorf("%w: %s: %s", ErrUnacceptable, words, names(formats[i]))
		}
		why = append(why, words)
		s.refused = true
	}
	if o.direction != anything && len(used) == 0 {
		return fmt.Errorf("%w: %s", ErrUnacceptable, strings.Join(why, "; "))
	}
	if err := r.bundled(o, used); err != nil {
		return err
	}
	r.out.formats = map[string][]format{}
	for i := range r.media {
		r.out.formats[r.media[i].mid] = formats[i]
	}
	return nil
}

// names of codecs, for an error.
func names(formats []format) string {
	var list []string
	for _, f := range formats {
		name := f.codec.MimeType
		if strings.EqualFold(name, "video/h264") {
			name += " " + fmtpValue(f.codec.Fmtp, "profile-level-id", "")
		}
		if !slices.Contains(list, name) && len(list) < 8 {
			list = append(list, name)
		}
	}
	return strings.Join(list, ", ")
}

// bundled refuses an offer whose m-lines are not all in one BUNDLE group (RFC 9143):
// the node has one transport for all. A single m-line needs no group, nor a=mid.
func (r *remoteReader) bundled(o mayReject, used []*section) error {
	group := ""
	for _, line := range r.session.lines {
		if v, ok := strings.CutPrefix(line, "a=group:BUNDLE"); ok {
			group = strings.TrimSpace(v)
			break
		}
	}
	if r.out.ungrouped = group == ""; o.direction == anything {
		return nil
	}
	for i := range r.media {
		if s := &r.media[i]; s.mid == "" {
			s.mid = fmt.Sprintf("unnamed%d", s.index)
			s.lines = append(s.lines, "a=mid:"+s.mid)
		}
	}
	mids := strings.Fields(group)
	for _, s := range used {
		if slices.Contains(mids, s.mid) {
			continue
		}
		if len(used) > 1 {
			return fmt.Errorf("%w: its m-lines are to be in one a=group:BUNDLE, each with an a=mid", ErrUnacceptable)
		}
		// pion rejects what is in no group.
		r.session.lines = slices.DeleteFunc(r.session.lines, func(line string) bool { return strings.HasPrefix(line, "a=group:BUNDLE") })
		r.session.lines = append(r.session.lines, "a=group:BUNDLE "+s.mid)
		r.out.ungrouped = true
	}
	return nil
}
