package rtsp

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/gortsplib/v4/pkg/sdp"
)

// Description is a camera's SDP (RFC 8866) in the form that the RTSP library reads.
type Description struct {
	// Text is the SDP. It is written anew: it has nothing of what the camera wrote but
	// the media, their formats and their addresses.
	Text []byte
	// Refused are the m-lines, without "m=", of media that cannot be read. Each begins with
	// "video" or "audio".
	Refused []string

	// formats are those that the library cannot read from Text as they are meant.
	formats []replacement
}

// replacement is a format of one of the media, both by their place in Text.
type replacement struct {
	media, place int
	format       format.Format
}

// Bounds of an SDP, whose length RTSP bounds to 128 KiB. A camera has three or four
// media, with some ten lines each, and a format or two. The longest lines hold parameter
// sets.
const (
	maxMedia   = 16
	maxLines   = 128 // of the session, and of each of the media
	maxFormats = 32  // of one of the media: Dahua's back channel has 20 (bluenviron/gortsplib#479)
)

// Regular makes a camera's SDP regular. talk says that the camera was asked for its back
// channel (ONVIF Streaming §5.3): without that, no media is one.
func Regular(body []byte, talk bool) *Description {
	session, media := sections(string(body))
	place(session, media)
	direct(session, media, talk)
	d := &Description{}
	head := "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
	if u, err := base.ParseURL(chooseControl(session.all("control"))); err == nil {
		head += "a=control:" + u.String() + "\r\n"
	}
	text, written := head, 0
	for _, m := range media {
		m.types = slices.DeleteFunc(m.types, func(n int) bool {
			alone := *m
			alone.types = []int{n}
			out, _ := alone.text(session)
			return !parses(head + out)
		})
		out, found := m.text(session)
		if !parses(head + out) {
			d.Refused = append(d.Refused, m.line)
			continue
		}
		for i := range found {
			found[i].media = written
		}
		written++
		text += out
		d.formats = append(d.formats, found...)
	}
	d.Text = []byte(text)
	return d
}

// Complete puts into what the library has read from Text what it cannot read there.
func (d *Description) Complete(s *description.Session) {
	for _, r := range d.formats {
		if r.media < len(s.Medias) && r.place < len(s.Medias[r.media].Formats) {
			s.Medias[r.media].Formats[r.place] = r.format
		}
	}
}

// parse has the library read an SDP; ok is false where it refuses it.
func parse(text string) (d description.Session, ok bool) {
	var s sdp.SessionDescription
	ok = s.Unmarshal([]byte(text)) == nil && d.Unmarshal(&s) == nil
	return d, ok
}

func parses(text string) bool {
	_, ok := parse(text)
	return ok
}

// section is the session, or one of the media.
type section struct {
	line       string // the m-line, without "m="; empty of the session
	kind       string // "video", "audio", or another one that is not used
	secure     bool   // SRTP
	types      []int  // payload types
	attributes []attribute
	maps       map[int]string     // rtpmap by payload type
	parameters map[int]parameters // fmtp by payload type
	talk       bool               // it is a back channel
}

// attribute is an a-line. The name is in lower case.
type attribute struct{ name, value string }

// all gives the values of an attribute.
func (s *section) all(name string) (values []string) {
	for _, a := range s.attributes {
		if a.name == name {
			values = append(values, a.value)
		}
	}
	return values
}

// sections reads the lines. Only a- and m-lines are of use, so the others do no harm,
// whatever they are and wherever they stand: "s=" among the media (Samsung,
// AlexxIT/WebRTC#417), "o=- 1 1 IP IP4 …" (Verint, bluenviron/mediamtx#5292), no "v=".
func sections(text string) (session *section, media []*section) {
	session = &section{}
	now := session
	for _, line := range lines(text) {
		switch {
		case line[0] == 'm':
			if len(media) == maxMedia {
				return session, media
			}
			now = newMedia(line[2:])
			media = append(media, now)
		case line[0] == 'a' && len(now.attributes) < maxLines:
			name, value, _ := strings.Cut(line[2:], ":")
			now.attributes = append(now.attributes, attribute{strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)})
		}
	}
	for _, m := range media {
		m.complete()
	}
	return session, media
}

// lines cuts a text at CR, LF and NUL, whichever the camera uses. Each line begins with a
// letter and "=": what does not is the rest of a line that was wrapped.
func lines(text string) (list []string) {
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' || r == 0 }) {
		line = strings.Trim(line, "\ufeff \t")
		if line == "" || len(line) > maxLine || len(list) > maxLines*(maxMedia+1) {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		last := len(list) - 1
		switch {
		case ok && len(key) == 1 && key[0] >= 'a' && key[0] <= 'z':
			list = append(list, key+"="+strings.TrimSpace(value))
		case last >= 0 && strings.HasPrefix(list[last], "a=fmtp") && len(list[last])+len(line) <= maxLine:
			list[last] += line
		}
	}
	return list
}

// newMedia reads an m-line, of which the port and the protocol may be missing.
func newMedia(line string) *section {
	fields := strings.Fields(line)
	s := &section{line: strings.ToLower(strings.Join(fields[:min(len(fields), 4)], " "))}
	if len(fields) == 0 {
		return s
	}
	s.kind, fields = strings.ToLower(fields[0]), fields[1:]
	for i, f := range fields {
		if strings.Contains(f, "AVP") {
			s.secure = strings.Contains(f, "SAVP")
			fields = append([]string{""}, fields[i:]...)
			break
		}
	}
	for _, f := range fields[min(len(fields), 2):] {
		n, err := strconv.ParseUint(f, 10, 7)
		if err == nil && len(s.types) < maxFormats && !slices.Contains(s.types, int(n)) {
			s.types = append(s.types, int(n))
		}
	}
	return s
}

// complete finds the payload types of an m-line without them, such as "smart/1/90000", in
// its rtpmaps.
func (s *section) complete() {
	if len(s.types) > 0 {
		return
	}
	for _, value := range s.all("rtpmap") {
		if n, _, ok := numbered(value); ok && len(s.types) < maxFormats && !slices.Contains(s.types, n) {
			s.types = append(s.types, n)
		}
	}
}

// numbered cuts the payload type off an rtpmap or fmtp.
func numbered(value string) (n int, rest string, ok bool) {
	end := 0
	for end < len(value) && value[end] >= '0' && value[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(value[:end])
	return n, strings.TrimSpace(value[end:]), err == nil && n < 128
}

// place gives each rtpmap and fmtp to the media with its payload type, in whatever section
// it stands: the parameter sets of the picture may stand with the sound
// (AlexxIT/WebRTC#419), or all of them ahead of the media.
func place(session *section, media []*section) {
	all := append([]*section{session}, media...)
	for _, at := range media {
		at.maps, at.parameters = map[int]string{}, map[int]parameters{}
	}
	for _, own := range []bool{true, false} {
		for _, at := range all {
			for _, a := range at.attributes {
				if a.name != "rtpmap" && a.name != "fmtp" {
					continue
				}
				n, rest, ok := numbered(a.value)
				if !ok && len(at.types) == 1 {
					n, ok = at.types[0], true // the number is missing
				}
				here := at != session && slices.Contains(at.types, n) && fits(at.kind, a.name, rest)
				switch {
				case !ok || here != own:
				case own:
					at.put(n, a.name, rest)
				default:
					misplaced(at, media, n, a.name, rest)
				}
			}
		}
	}
}

// misplaced gives an rtpmap or fmtp of another section to the media that it is for. One
// whose number nothing has is for the media where it stands.
func misplaced(at *section, media []*section, n int, name, value string) {
	listed := false
	for _, m := range media {
		if slices.Contains(m.types, n) && fits(m.kind, name, value) {
			listed = true
			if m.put(n, name, value) {
				return
			}
		}
	}
	if !listed && len(at.types) == 1 && fits(at.kind, name, value) {
		at.put(at.types[0], name, value)
	}
}

// fits reports whether an rtpmap or fmtp may be of such media.
func fits(kind, name, value string) bool {
	is := ""
	if name == "rtpmap" {
		is = codecOf(value).kind
	} else {
		is = parseParameters(value).kind()
	}
	return is == "" || is == kind
}

// put keeps an rtpmap or fmtp; it reports whether it was of use. Of two rtpmaps the first
// counts; two fmtps add up.
func (s *section) put(n int, name, value string) bool {
	if name == "rtpmap" {
		if s.maps[n] != "" {
			return false
		}
		s.maps[n] = value
		return true
	}
	was := len(s.parameters[n])
	s.parameters[n] = s.parameters[n].and(parseParameters(value))
	return len(s.parameters[n]) > was
}

// direct finds the back channels. In ONVIF "sendonly" is what we send; by RFC 8866 §6.7 it is
// what the camera sends, and cameras that were not made for ONVIF mean that: D-Link
// (AlexxIT/go2rtc#771), IDS uEye (bluenviron/mediamtx#5074). A picture never goes to a
// camera, so its direction tells whose view it is. "inactive" has no meaning ahead of PLAY.
func direct(session *section, media []*section, talk bool) {
	of := func(s *section) string {
		for _, at := range []*section{s, session} {
			out, in := len(at.all("sendonly")) > 0, len(at.all("recvonly")) > 0
			switch {
			case len(at.all("sendrecv")) > 0, out && in:
				return "sendrecv"
			case out:
				return "sendonly"
			case in:
				return "recvonly"
			}
		}
		return ""
	}
	back := "sendonly"
	sounds := 0
	for _, m := range media {
		if m.kind == "video" && of(m) == "sendonly" {
			back = "recvonly"
		}
		if m.kind == "audio" {
			sounds++
		}
	}
	for _, m := range media {
		if m.kind == "audio" {
			// One that was not asked for may be there all the same. The only sound is what
			// the camera hears.
			m.talk = of(m) == back && (talk || sounds > 1) || of(m) == "sendrecv" && talk
		}
	}
}

// text writes the media. replaced are the formats that the library does not read as they
// are meant.
func (s *section) text(session *section) (text string, replaced []replacement) {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	if s.kind != "video" && s.kind != "audio" {
		line("m=application 0 RTP/AVP 96")
		line("a=rtpmap:96 ignored/90000")
		return b.String(), nil
	}
	protocol := "RTP/AVP"
	if s.secure {
		protocol = "RTP/SAVP"
	}
	b.WriteString("m=" + s.kind + " 0 " + protocol)
	for _, n := range s.types {
		b.WriteString(" " + strconv.Itoa(n))
	}
	line("")
	for i, n := range s.types {
		is := s.formatOf(n)
		if is.rtpmap != "" {
			line("a=rtpmap:%d %s", n, is.rtpmap)
		}
		if is.fmtp != "" {
			line("a=fmtp:%d %s", n, is.fmtp)
		}
		if f := is.replace(s.kind, n); f != nil {
			replaced = append(replaced, replacement{place: i, format: f})
		}
	}
	if c := chooseControl(s.all("control")); c != "" {
		line("a=control:%s", c)
	}
	if s.talk {
		line("a=sendonly")
	}
	return b.String(), replaced
}

// chooseControl chooses the address of the media: "*", which is for the session, may stand
// beside it.
func chooseControl(values []string) string {
	for _, v := range values {
		if c := control(v); c != "" {
			return c
		}
	}
	return ""
}
