package rtc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"umbrella/internal/crash"
)

// withAllCodecs adds to the first m-line of each kind of an answer the codecs
// that we know and it does not have. pion takes what a first answer has for all
// that can ever be agreed on, while our m-lines are offered with one codec each:
// the next one could have no other.
//
// agreed are the numbers that each m-line really has, by its mid.
func withAllCodecs(answer string) (all string, agreed map[string][]string, err error) {
	defer crash.Catch(crash.SDP, "", &err)
	var d sdp.SessionDescription
	if err := d.UnmarshalString(answer); err != nil {
		return "", nil, err
	}
	agreed = map[string][]string{}
	for _, m := range d.MediaDescriptions {
		mid, _ := m.Attribute("mid")
		agreed[mid] = []string{}
		if m.MediaName.Port.Value != 0 {
			agreed[mid] = slices.Clone(m.MediaName.Formats)
		}
	}
	done := map[webrtc.RTPCodecType]bool{}
	for _, m := range d.MediaDescriptions {
		kind := webrtc.NewRTPCodecType(m.MediaName.Media)
		if kind == 0 || done[kind] {
			continue
		}
		done[kind] = true
		for _, c := range knownCodecs(kind) {
			addCodec(m, c.parameters())
			if c.rtx != 0 {
				addCodec(m, c.retransmission())
			}
		}
	}
	b, err := d.Marshal()
	return string(b), agreed, err
}

// knownCodecs are all of a kind.
func knownCodecs(kind webrtc.RTPCodecType) []codec {
	if kind == webrtc.RTPCodecTypeVideo {
		return videoCodecs
	}
	return append([]codec{opus, red}, cameraSound...)
}

func addCodec(m *sdp.MediaDescription, c webrtc.RTPCodecParameters) {
	number := strconv.Itoa(int(c.PayloadType))
	if slices.Contains(m.MediaName.Formats, number) {
		return
	}
	_, name, _ := strings.Cut(c.MimeType, "/")
	line := fmt.Sprintf("%s %s/%d", number, name, c.ClockRate)
	if c.Channels > 0 {
		line += "/" + strconv.Itoa(int(c.Channels))
	}
	m.MediaName.Formats = append(m.MediaName.Formats, number)
	m.Attributes = append(m.Attributes, sdp.Attribute{Key: "rtpmap", Value: line})
	if c.SDPFmtpLine != "" {
		m.Attributes = append(m.Attributes, sdp.Attribute{Key: "fmtp", Value: number + " " + c.SDPFmtpLine})
	}
	for _, f := range c.RTCPFeedback {
		m.Attributes = append(m.Attributes, sdp.Attribute{Key: "rtcp-fb", Value: strings.TrimSpace(number + " " + f.Type + " " + f.Parameter)})
	}
}
