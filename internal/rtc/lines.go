package rtc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"umbrella/internal/crash"
	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

// line is an m-line on which a peer sends, as it was agreed.
type line struct {
	kind       sfu.TrackKind
	codecs     map[uint8]sfu.Codec // by payload type, without RTX
	rids       []string            // of simulcast, as offered
	nack       bool
	extensions forward.ExtensionIDs
}

// readSDP parses a description.
func readSDP(text string) (_ *sdp.SessionDescription, err error) {
	defer crash.Catch(crash.SDP, "", &err)
	d := &sdp.SessionDescription{}
	return d, d.UnmarshalString(text)
}

// agree notes how packets are to be told apart.
func (b *Publisher) agree(offer, answer string) error {
	lines, a, err := agreed(offer, answer)
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.lines = lines
	b.mu.Unlock()
	b.media.in.Lock()
	defer b.media.in.Unlock()
	now := &b.arrivals
	now.ids, now.mids, now.repairs, now.byType, now.apt = a.ids, a.mids, a.repairs, a.byType, a.apt
	return nil
}

// agreed reads off the descriptions how packets are to be told apart.
func agreed(offer, answer string) (_ map[string]*line, _ *arrivals, err error) {
	defer crash.Catch(crash.SDP, "", &err)
	var theirs, ours sdp.SessionDescription
	if err := theirs.UnmarshalString(offer); err != nil {
		return nil, nil, fmt.Errorf("reading the offer: %w", err)
	}
	if err := ours.UnmarshalString(answer); err != nil {
		return nil, nil, fmt.Errorf("reading the answer: %w", err)
	}
	lines := map[string]*line{}
	a := &arrivals{mids: map[uint32]string{}, repairs: map[uint32]uint32{}, byType: map[uint8]string{}, apt: map[uint8]uint8{}}
	shared := map[uint8]bool{}
	for i, m := range ours.MediaDescriptions {
		mid, _ := m.Attribute("mid")
		kind := webrtc.NewRTPCodecType(m.MediaName.Media)
		_, inactive := m.Attribute("inactive")
		if kind == 0 || m.MediaName.Port.Value == 0 || inactive || i >= len(theirs.MediaDescriptions) {
			continue
		}
		l := &line{kind: sfu.Audio, codecs: map[uint8]sfu.Codec{}}
		if kind == webrtc.RTPCodecTypeVideo {
			l.kind = sfu.Video
		}
		l.read(m, a)
		for pt := range l.codecs {
			if other, ok := a.byType[pt]; ok && other != mid {
				shared[pt] = true
			}
			a.byType[pt] = mid
		}
		for pt := range a.apt {
			if _, ok := l.codecs[a.apt[pt]]; ok {
				if other, ok := a.byType[pt]; ok && other != mid {
					shared[pt] = true
				}
				a.byType[pt] = mid
			}
		}
		lines[mid] = l
		l.rids = rids(theirs.MediaDescriptions[i])
		sources(theirs.MediaDescriptions[i], mid, a)
	}
	for pt := range shared {
		delete(a.byType, pt)
	}
	return lines, a, nil
}

// read reads the codecs and header extensions of an m-line that we answered.
func (l *line) read(m *sdp.MediaDescription, a *arrivals) {
	fmtp := map[string]string{}
	for _, at := range m.Attributes {
		format, rest, _ := strings.Cut(at.Value, " ")
		switch at.Key {
		case "fmtp":
			fmtp[format] = rest
		case "rtcp-fb":
			l.nack = l.nack || rest == "nack"
		case "extmap":
			id, err := strconv.ParseUint(strings.SplitN(format, "/", 2)[0], 10, 8)
			if err != nil {
				continue
			}
			l.extension(uint8(id), strings.Fields(rest), a)
		}
	}
	for _, at := range m.Attributes {
		if at.Key != "rtpmap" {
			continue
		}
		format, rest, _ := strings.Cut(at.Value, " ")
		pt, err := strconv.ParseUint(format, 10, 7)
		if err != nil {
			continue
		}
		name := strings.Split(rest, "/")
		if len(name) < 2 {
			continue
		}
		if strings.EqualFold(name[0], "rtx") {
			if apt, err := strconv.ParseUint(fmtpValue(fmtp[format], "apt", ""), 10, 7); err == nil {
				a.apt[uint8(pt)] = uint8(apt)
			}
			continue
		}
		rate, err := strconv.ParseUint(name[1], 10, 32)
		if err != nil {
			continue
		}
		c := sfu.Codec{MimeType: strings.ToLower(m.MediaName.Media) + "/" + name[0], ClockRate: uint32(rate), Fmtp: fmtp[format]}
		if len(name) > 2 {
			if n, err := strconv.ParseUint(name[2], 10, 16); err == nil {
				c.Channels = uint16(n)
			}
		}
		l.codecs[uint8(pt)] = c
	}
}

func (l *line) extension(id uint8, words []string, a *arrivals) {
	if len(words) == 0 {
		return
	}
	switch words[0] {
	case sdp.SDESMidURI:
		a.ids.mid = id
	case sdp.SDESRTPStreamIDURI:
		a.ids.rid = id
	case sdp.SDESRepairRTPStreamIDURI:
		a.ids.repairedRID = id
	case sdp.TransportCCURI:
		a.ids.transportCC = id
	case sdp.AudioLevelURI:
		l.extensions.AudioLevel = id
	case orientationURI:
		l.extensions.Orientation = id
	case dependencyURI:
		l.extensions.Dependency = id
	}
}

// rids are the encodings that a peer offers to send (RFC 8851).
func rids(m *sdp.MediaDescription) (list []string) {
	for _, at := range m.Attributes {
		if words := strings.Fields(at.Value); at.Key == "rid" && len(words) > 1 && words[1] == "send" && len(list) < maxEncodings {
			list = append(list, words[0])
		}
	}
	return list
}

// sources reads which SSRCs a peer has named for an m-line (RFC 5576).
func sources(m *sdp.MediaDescription, mid string, a *arrivals) {
	for _, at := range m.Attributes {
		words := strings.Fields(at.Value)
		switch {
		case at.Key == "ssrc" && len(words) > 0:
			if n, err := strconv.ParseUint(words[0], 10, 32); err == nil && len(a.mids) < maxStreams {
				a.mids[uint32(n)] = mid
			}
		case at.Key == "ssrc-group" && len(words) == 3 && words[0] == "FID":
			media, err := strconv.ParseUint(words[1], 10, 32)
			repair, err2 := strconv.ParseUint(words[2], 10, 32)
			if err == nil && err2 == nil && len(a.repairs) < maxStreams {
				a.repairs[uint32(repair)] = uint32(media)
			}
		}
	}
}

// prefersRED tells whether RED comes before Opus in the m-line of an offer.
func prefersRED(offer, mid string) bool {
	for _, section := range strings.Split(offer, "\r\nm=")[1:] {
		if !strings.Contains(section+"\r\n", "\r\na=mid:"+mid+"\r\n") {
			continue
		}
		words := strings.Fields(strings.SplitN(section, "\r\n", 2)[0])
		for _, format := range words[min(3, len(words)):] {
			switch {
			case strings.Contains(section, "\r\na=rtpmap:"+format+" red/48000"):
				return true
			case strings.Contains(section, "\r\na=rtpmap:"+format+" opus/"):
				return false
			}
		}
	}
	return false
}

// withoutDependency takes the Dependency Descriptor out of the m-lines of an
// answer that do not begin with AV1: with it browsers leave out of VP8 what
// receivers need that do not have it, and the payloads of VP9 tell all of it.
func withoutDependency(answer string) string {
	sections := strings.Split(answer, "\r\nm=")
	for i, section := range sections[1:] {
		first := ""
		if words := strings.Fields(strings.SplitN(section, "\r\n", 2)[0]); len(words) > 3 {
			first = words[3]
		}
		if strings.Contains(section, "\r\na=rtpmap:"+first+" AV1/") {
			continue
		}
		lines := strings.Split(section, "\r\n")
		lines = slices.DeleteFunc(lines, func(line string) bool {
			return strings.HasPrefix(line, "a=extmap:") && strings.HasSuffix(line, dependencyURI)
		})
		sections[i+1] = strings.Join(lines, "\r\n")
	}
	return strings.Join(sections, "\r\nm=")
}
