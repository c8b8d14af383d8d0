package rtc

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"umbrella/internal/sfu"
)

// remoteSDP is a description from a peer, made what the node needs of it before
// pion or anything else reads it. This is the one place for that.
//
// The node is ICE-lite and learns a peer's address from its checks, so candidates
// and a=ice-lite are left out: pion would send to whatever address they name. Of
// media, sound and pictures stay. Everything else is a list of attributes that the
// node reads, each with the most that one media description may have.
type remoteSDP struct {
	// text has CR LF line ends (RFC 8866 §9), and audio and video alone.
	text string
	// rejected are the other media descriptions, in order.
	rejected []rejectedMedia
	// passive: the peer wants to be the DTLS server (RFC 8842 §5.2). FFmpeg's WHIP
	// muxer does, unless it is told otherwise.
	passive bool
	// formats of each m-line, by its mid, as text has them.
	formats map[string][]format
	// ungrouped: the offer has no BUNDLE group, so the answer has none (RFC 9143 §7.3).
	ungrouped bool
}

// rejectedMedia is a media description that the node has no use for, such as the
// one of data channels.
type rejectedMedia struct {
	index int    // among all of the description
	line  string // m=, with port 0 (RFC 3264 §6)
	mid   string
}

const (
	// maxSDP bounds a description from a peer, in bytes. 16 m-lines with every codec
	// take about half of it, and so does an answer to 128 of ours.
	maxSDP = 256 << 10
	// maxLine bounds a line of it, in bytes: parameter sets of H.264 take 200.
	maxLine = 4 << 10
	// maxPublished bounds the m-lines of an offer to publish: those that may be
	// published, and those that have ended. Each takes about 20 kB.
	maxPublished = 2 * sfu.MaxTracks
	// maxWatched bounds those of an offer to watch.
	maxWatched = 32
	// maxAnswered bounds those of an answer: as many as the node offers.
	maxAnswered = 2 * maxLines
	// maxFormats of an m-line are as many as there are payload types; all together
	// have maxAllFormats, since pion compares each with each that the node knows.
	maxFormats    = 128
	maxAllFormats = 2048
)

// Errors of descriptions that are not looked at further.
var (
	ErrTooLarge = errors.New("the SDP is larger than 256 KiB, or a line of it than 4 KiB")
	ErrTooMany  = errors.New("the SDP has too much in it")
	ErrPassive  = errors.New("the answer says a=setup:passive, and so did the offer: answer with a=setup:active")
	errNoMedia  = errors.New("the SDP has no m-line for sound or pictures")
	errNoICE    = errors.New("the SDP has no a=ice-ufrag with an a=ice-pwd")
	errNoDTLS   = errors.New("the SDP has no a=fingerprint: media is sent over DTLS-SRTP alone")
)

// sessionAttributes and mediaAttributes are what is read of a peer, and how often
// each may stand in the session part and in one media description.
var (
	sessionAttributes = map[string]int{
		"extmap-allow-mixed": 1, "fingerprint": 4, "group": 4, "ice-options": 1, "ice-pwd": 1, "ice-ufrag": 1,
		"msid-semantic": 1, "setup": 1,
	}
	mediaAttributes = map[string]int{
		"bundle-only": 1, "extmap": 64, "extmap-allow-mixed": 1, "fingerprint": 4, "fmtp": maxFormats, "ice-options": 1,
		"ice-pwd": 1, "ice-ufrag": 1, "inactive": 1, "mid": 1, "msid": 8, "recvonly": 1, "rid": 8, "rtcp-fb": 512,
		"rtcp-mux": 1, "rtcp-rsize": 1, "rtpmap": maxFormats, "sendonly": 1, "sendrecv": 1, "setup": 1, "simulcast": 1,
		"ssrc": 128, "ssrc-group": 32,
	}
)

// transportAttributes are shared by all bundled media descriptions, and may stand
// in the first one alone (RFC 9143 §7.1.3).
var transportAttributes = []string{"ice-ufrag", "ice-pwd", "fingerprint", "setup"}

// readRemote makes a remoteSDP of an offer or an answer with so many m-lines at most.
// It returns ErrTooLarge, ErrTooMany or an error that says what is wrong.
func readRemote(sdp string, most int) (remoteSDP, error) {
	return readOffer(sdp, most, mayReject{})
}

// readOffer does the same, with the rules for an offer of WHIP or WHEP. It returns
// ErrUnacceptable as well.
func readOffer(sdp string, most int, rules mayReject) (remoteSDP, error) {
	if len(sdp) > maxSDP {
		return remoteSDP{}, ErrTooLarge
	}
	r := remoteReader{most: most, session: section{most: sessionAttributes}}
	r.at = &r.session
	for line := range strings.Lines(sdp) {
		line = strings.TrimRight(line, "\r\n")
		if len(line) > maxLine {
			return remoteSDP{}, ErrTooLarge
		}
		if err := r.line(line); err != nil {
			return remoteSDP{}, err
		}
	}
	switch {
	case r.total == 0:
		return remoteSDP{}, errNoMedia
	case len(r.media) == 0:
		return remoteSDP{}, fmt.Errorf("%w: %w", ErrUnacceptable, errNoMedia)
	}
	if err := r.choose(rules); err != nil {
		return remoteSDP{}, err
	}
	return r.result()
}

// section is the session part of a description, or one of its media.
type section struct {
	lines  []string
	most   map[string]int
	counts map[string]int
	// first values of transportAttributes
	transport map[string]string
	// Of media: its place among all, whether it is rejected, and its mid.
	index   int
	refused bool
	mid     string
}

// remoteReader reads a description line by line.
type remoteReader struct {
	most    int // media
	session section
	media   []section // audio and video
	at      *section
	total   int // media, all kinds
	formats int // of all media
	other   section
	out     remoteSDP
	mids    []string
}

func (r *remoteReader) line(line string) error {
	kind, value, _ := strings.Cut(line, "=")
	switch kind {
	case "m":
		return r.mLine(value)
	case "a":
		return r.attribute(line, value)
	case "v", "o", "s", "t", "c":
		// One of each; what would come twice, pion refuses.
		if r.at.counts[kind] == 0 {
			r.at.count(kind)
			r.at.lines = append(r.at.lines, line)
		}
	}
	return nil
}

func (r *remoteReader) mLine(value string) error {
	if r.total++; r.total > r.most {
		return fmt.Errorf("%w: %d m-lines are allowed", ErrTooMany, r.most)
	}
	words := strings.Fields(value)
	if len(words) < 4 {
		return fmt.Errorf("the SDP has an m-line that cannot be read: %q", "m="+value)
	}
	if words[0] != "audio" && words[0] != "video" {
		words[1] = "0"
		r.out.rejected = append(r.out.rejected, rejectedMedia{index: r.total - 1, line: "m=" + strings.Join(words, " ")})
		r.other = section{most: mediaAttributes}
		r.at = &r.other
		return nil
	}
	formats := slices.Clone(words[3:])
	slices.Sort(formats)
	if formats = slices.Compact(formats); len(formats) > maxFormats {
		return fmt.Errorf("%w: an m-line has %d formats, %d are possible", ErrTooMany, len(formats), maxFormats)
	}
	if r.formats += len(formats); r.formats > maxAllFormats {
		return fmt.Errorf("%w: its m-lines have more than %d formats together", ErrTooMany, maxAllFormats)
	}
	r.media = append(r.media, section{most: mediaAttributes, lines: []string{"m=" + strings.Join(words, " ")}, index: r.total - 1})
	r.at = &r.media[len(r.media)-1]
	return nil
}

func (r *remoteReader) attribute(line, value string) error {
	name, rest, _ := strings.Cut(value, ":")
	most, known := r.at.most[name]
	if !known {
		return nil
	}
	if r.at.count(name) > most {
		return fmt.Errorf("%w: %d a=%s lines are allowed in one place", ErrTooMany, most, name)
	}
	if name == "mid" {
		if slices.Contains(r.mids, rest) {
			return fmt.Errorf("the SDP has two m-lines with a=mid:%s", rest)
		}
		r.mids = append(r.mids, rest)
		r.at.mid = rest
		if r.at == &r.other {
			r.out.rejected[len(r.out.rejected)-1].mid = rest
		}
	}
	if slices.Contains(transportAttributes, name) {
		if r.at.transport[name] == "" {
			r.at.transport = setIn(r.at.transport, name, line)
		}
		if r.at == &r.other && r.session.transport[name] == "" {
			r.carry(name, line)
		}
	}
	r.at.lines = append(r.at.lines, line)
	return nil
}

// carry keeps what a description that is left out says of the transport for the
// others, in case that it alone says it.
func (r *remoteReader) carry(name, line string) {
	if len(r.media) == 0 {
		r.session.transport = setIn(r.session.transport, name, line)
	}
}

func setIn(m map[string]string, name, line string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[name] = line
	return m
}

func (s *section) count(name string) int {
	if s.counts == nil {
		s.counts = map[string]int{}
	}
	s.counts[name]++
	return s.counts[name]
}

func (r *remoteReader) result() (remoteSDP, error) {
	var used []section
	for _, m := range r.media {
		if !m.refused {
			used = append(used, m)
			continue
		}
		// What it says of the transport may be said there alone.
		for _, name := range transportAttributes {
			if line := m.transport[name]; line != "" && len(used) == 0 && r.session.transport[name] == "" {
				r.session.transport = setIn(r.session.transport, name, line)
			}
		}
		words := strings.Fields(m.lines[0])
		words[1] = "0"
		r.out.rejected = append(r.out.rejected, rejectedMedia{index: m.index, line: strings.Join(words, " "), mid: m.mid})
	}
	slices.SortFunc(r.out.rejected, func(a, b rejectedMedia) int { return a.index - b.index })
	r.media = used
	for _, name := range transportAttributes {
		line := r.session.transport[name]
		if line != "" && r.session.counts[name] == 0 && r.media[0].transport[name] == "" {
			r.media[0].lines = append(r.media[0].lines, line)
		}
	}
	for _, need := range []struct {
		name string
		err  error
	}{{"ice-ufrag", errNoICE}, {"ice-pwd", errNoICE}, {"fingerprint", errNoDTLS}} {
		if r.session.transport[need.name] == "" && !slices.ContainsFunc(r.media, func(m section) bool { return m.transport[need.name] != "" }) {
			return remoteSDP{}, need.err
		}
	}
	r.out.passive = cmp.Or(r.media[0].transport["setup"], r.session.transport["setup"]) == "a=setup:passive"
	var b strings.Builder
	for _, line := range r.session.lines {
		if group, ok := strings.CutPrefix(line, "a=group:"); ok {
			line = "a=group:" + r.withoutRejected(group)
		}
		b.WriteString(line + "\r\n")
	}
	for _, m := range r.media {
		for _, line := range m.lines {
			b.WriteString(line + "\r\n")
		}
	}
	r.out.text = b.String()
	return r.out, nil
}

// withoutRejected takes the media that are left out out of a group.
func (r *remoteReader) withoutRejected(group string) string {
	words := strings.Fields(group)
	words = slices.DeleteFunc(words, func(word string) bool {
		return slices.ContainsFunc(r.out.rejected, func(m rejectedMedia) bool { return m.mid == word })
	})
	return strings.Join(words, " ")
}

// answer puts the media that were left out of an offer into our answer, each in
// its place and rejected: an answer has the m-lines of its offer (RFC 3264 §6).
func (r remoteSDP) answer(local string) string {
	if r.ungrouped {
		local = withoutGroups(local)
	}
	if len(r.rejected) == 0 {
		return local
	}
	parts := strings.Split(local, "\r\nm=")
	for i := 1; i < len(parts); i++ {
		parts[i] = "m=" + parts[i]
	}
	for i, part := range parts {
		parts[i] = strings.TrimSuffix(part, "\r\n") + "\r\n"
	}
	for _, m := range r.rejected {
		part := m.line + "\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n"
		if m.mid != "" {
			part += "a=mid:" + m.mid + "\r\n"
		}
		parts = slices.Insert(parts, min(1+m.index, len(parts)), part)
	}
	return strings.Join(parts, "")
}

// withoutGroups leaves the groups out of an answer.
func withoutGroups(sdp string) string {
	var b strings.Builder
	for line := range strings.Lines(sdp) {
		if !strings.HasPrefix(line, "a=group:") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// Attribute is the value of the first a=NAME:VALUE line of a description, or "".
func Attribute(sdp, name string) string {
	for line := range strings.Lines(sdp) {
		if v, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "a="+name+":"); ok {
			return v
		}
	}
	return ""
}
