package rtsp

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"umbrella/internal/camera/sound"
)

// codec is what an rtpmap names.
type codec struct {
	name     string // as the library knows it; another one is as the camera wrote it
	kind     string // "video", "audio", "application"; empty: not known
	rate     int    // of the timestamps, in Hz; 0: the rtpmap does not say
	channels int    // 0: the rtpmap does not say
	little   bool   // samples have the low byte first
}

// codecs are those that matter, by all the names that cameras give them.
var codecs = map[string]codec{
	"H264": {name: "H264", kind: "video"}, "H.264": {name: "H264", kind: "video"}, "AVC": {name: "H264", kind: "video"}, "AVC1": {name: "H264", kind: "video"},
	"H265": {name: "H265", kind: "video"}, "H.265": {name: "H265", kind: "video"}, "HEVC": {name: "H265", kind: "video"}, "HVC1": {name: "H265", kind: "video"},
	"JPEG": {name: "JPEG", kind: "video"}, "MP4V-ES": {name: "MP4V-ES", kind: "video"},
	"PCMA": {name: "PCMA", kind: "audio"}, "G711A": {name: "PCMA", kind: "audio"}, "ALAW": {name: "PCMA", kind: "audio"},
	"PCMU": {name: "PCMU", kind: "audio"}, "G711U": {name: "PCMU", kind: "audio"}, "MULAW": {name: "PCMU", kind: "audio"}, "ULAW": {name: "PCMU", kind: "audio"},
	"G722": {name: "G722", kind: "audio"}, "OPUS": {name: "opus", kind: "audio"},
	"MPEG4-GENERIC": {name: "MPEG4-GENERIC", kind: "audio"}, "MPEG4_GENERIC": {name: "MPEG4-GENERIC", kind: "audio"}, "AAC": {name: "MPEG4-GENERIC", kind: "audio"},
	"MP4A-LATM": {name: "MP4A-LATM", kind: "audio"},
	"L8":        {name: "L8", kind: "audio"}, "L16": {name: "L16", kind: "audio"}, "L24": {name: "L24", kind: "audio"},
	// No RFC has them: Hikvision means the bytes as its processor has them (go2rtc, commit 68fa4224).
	"PCM": {name: "L16", kind: "audio", little: true}, "S16LE": {name: "L16", kind: "audio", little: true},
	"G726-16": {name: "G726-16", kind: "audio"}, "G726-24": {name: "G726-24", kind: "audio"}, "G726-32": {name: "G726-32", kind: "audio"}, "G726-40": {name: "G726-40", kind: "audio"},
	"VND.ONVIF.METADATA": {name: "vnd.onvif.metadata", kind: "application"},
}

// codecOf reads the value of an rtpmap, behind the payload type.
func codecOf(rtpmap string) codec {
	parts := strings.Split(rtpmap, "/")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	c, known := codecs[strings.ToUpper(parts[0])]
	if !known {
		c.name = parts[0]
	}
	if len(parts) > 1 {
		c.rate = number(parts[1])
	}
	if len(parts) > 2 {
		c.channels = number(parts[2])
	}
	return c
}

// number is one of up to 9 digits, or 0.
func number(text string) int {
	n, err := strconv.ParseUint(text, 10, 30)
	if err != nil {
		return 0
	}
	return int(n)
}

// parameters are those of an fmtp.
type parameters []parameter

type parameter struct{ name, value string }

const maxParameters = 64

func parseParameters(fmtp string) (list parameters) {
	for part := range strings.SplitSeq(fmtp, ";") {
		name, value, ok := strings.Cut(part, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			continue
		}
		list = list.and(parameters{{name, strings.Trim(value, "\" \t")}})
	}
	return list
}

// and adds those that the list has not.
func (p parameters) and(more parameters) parameters {
	for _, m := range more {
		if _, ok := p.get(m.name); !ok && len(p) < maxParameters {
			p = append(p, m)
		}
	}
	return p
}

func (p parameters) get(name string) (string, bool) {
	for _, one := range p {
		if one.name == name {
			return one.value, true
		}
	}
	return "", false
}

// has reports whether one of the names is among them.
func (p parameters) has(names ...string) bool {
	return slices.ContainsFunc(p, func(one parameter) bool { return slices.Contains(names, one.name) })
}

// kind is that of the media which have such parameters; empty: it cannot be known.
func (p parameters) kind() string {
	switch {
	case p.has("sprop-parameter-sets", "packetization-mode", "sprop-vps", "sprop-sps", "sprop-pps"):
		return "video"
	case p.has("sizelength", "indexlength", "cpresent", "streamtype"):
		return "audio"
	}
	return ""
}

// regularFormat is one format as it stands in the text.
type regularFormat struct {
	codec        codec
	rtpmap, fmtp string
}

// formatOf makes the rtpmap and fmtp of a payload type regular.
func (s *section) formatOf(n int) regularFormat {
	c, p := codecOf(s.maps[n]), s.parameters[n]
	if s.maps[n] == "" {
		c = guess(s.kind, n, p)
	}
	switch c.name {
	case "":
		return regularFormat{}
	case "H264":
		c.rate, c.channels = 90000, 0
		return regularFormat{c, "H264/90000", p.h264()}
	case "H265":
		c.rate, c.channels = 90000, 0
		return regularFormat{c, "H265/90000", p.h265()}
	case "JPEG", "MP4V-ES":
		return regularFormat{c, c.name + "/90000", ""}
	case "opus":
		// RFC 7587 §7 wants 48000/2 whatever the camera sends; some write 48000/1
		// (AlexxIT/go2rtc#1506), or the rate of their microphone.
		stereo, _ := p.get("sprop-stereo")
		fmtp := ""
		if stereo == "1" {
			fmtp = "sprop-stereo=1"
		}
		return regularFormat{c, "opus/48000/2", fmtp}
	case "MPEG4-GENERIC":
		return regularFormat{c, c.text(16000), p.aac(c)}
	case "MP4A-LATM":
		return p.latm(c)
	case "PCMA", "PCMU":
		if c.rate == 90000 {
			c.rate = 0 // that of a picture
		}
		return regularFormat{c, c.text(8000), ""}
	case "G722":
		return regularFormat{c, "G722/8000", ""} // RFC 3551 §4.5.2, though it samples with 16 kHz
	case "L8", "L16", "L24":
		return regularFormat{c, c.text(standardRate(n)), ""}
	case "G726-16", "G726-24", "G726-32", "G726-40":
		return regularFormat{c, c.name + "/8000", ""}
	}
	return regularFormat{c, c.text(90000), ""}
}

func (c codec) text(rate int) string {
	if c.rate > 0 {
		rate = c.rate
	}
	text := c.name + "/" + strconv.Itoa(rate)
	if c.channels > 0 && c.kind != "video" {
		text += "/" + strconv.Itoa(c.channels)
	}
	return text
}

func standardRate(n int) int {
	if n == 10 || n == 11 {
		return 44100
	}
	return 8000
}

// static are payload types of RFC 3551 §6 that the library has no names for.
var static = map[int]codec{
	3: {name: "GSM", rate: 8000}, 4: {name: "G723", rate: 8000}, 5: {name: "DVI4", rate: 8000},
	18: {name: "G729", rate: 8000}, 31: {name: "H261", rate: 90000}, 34: {name: "H263", rate: 90000},
}

// guess says what a payload type without an rtpmap is.
func guess(kind string, n int, p parameters) codec {
	switch {
	case n < 96:
		return static[n]
	case kind == "video" && p.has("sprop-vps", "sprop-sps", "sprop-pps"):
		return codecs["H265"]
	case kind == "video":
		return codecs["H264"] // nearly all are
	case kind == "audio" && p.has("config", "sizelength"):
		return codecs["AAC"]
	}
	return codec{}
}

// replace is the format of a payload type that the library takes for another one by its
// number alone, or that has samples with the low byte first; nil if it reads it as it is.
func (r regularFormat) replace(kind string, n int) format.Format {
	const free = 96 // a number that stands for nothing
	number := n
	if n < free {
		number = free
	}
	if r.rtpmap == "" || n >= free && !r.codec.little {
		return nil
	}
	text := "v=0\r\nm=" + kind + " 0 RTP/AVP " + strconv.Itoa(number) + "\r\na=rtpmap:" + strconv.Itoa(number) + " " + r.rtpmap + "\r\n"
	if r.fmtp != "" {
		text += "a=fmtp:" + strconv.Itoa(number) + " " + r.fmtp + "\r\n"
	}
	d, ok := parse(text)
	if !ok {
		return nil
	}
	typ := uint8(n)
	switch f := d.Medias[0].Formats[0].(type) {
	case *format.H264:
		f.PayloadTyp = typ
		return f
	case *format.H265:
		f.PayloadTyp = typ
		return f
	case *format.G711:
		f.PayloadTyp = typ
		return f
	case *format.Opus:
		f.PayloadTyp = typ
		return f
	case *format.MPEG4Audio:
		f.PayloadTyp = typ
		return f
	case *format.LPCM:
		f.PayloadTyp = typ
		if r.codec.little {
			return &sound.LittleEndian{LPCM: f}
		}
		return f
	}
	return nil
}

// write writes parameters as the library reads them.
func (p parameters) write() string {
	var list []string
	for _, one := range p {
		list = append(list, one.name+"="+one.value)
	}
	return strings.Join(list, ";")
}

// h264 keeps what matters of RFC 6184 §8.1. Parameter sets are put in order: cameras write
// them with start codes, without the padding of base64, or the picture's ahead of the
// sequence's.
func (p parameters) h264() string {
	out := parameters{{"packetization-mode", "1"}}
	if mode, ok := p.get("packetization-mode"); ok && number(mode) != 1 {
		out[0].value = strconv.Itoa(number(mode))
	}
	value, _ := p.get("sprop-parameter-sets")
	var sps, pps string
	for part := range strings.SplitSeq(value, ",") {
		b := unit(part)
		switch {
		case len(b) < 2:
		case b[0]&0x1f == 7 && sps == "":
			sps = base64.StdEncoding.EncodeToString(b)
		case b[0]&0x1f == 8 && pps == "":
			pps = base64.StdEncoding.EncodeToString(b)
		}
	}
	if sps != "" && pps != "" {
		out = append(out, parameter{"sprop-parameter-sets", sps + "," + pps})
	}
	return out.write()
}

// h265 keeps what matters of RFC 7798 §7.1.
func (p parameters) h265() string {
	var out parameters
	for i, name := range []string{"sprop-vps", "sprop-sps", "sprop-pps"} {
		value, _ := p.get(name)
		value, _, _ = strings.Cut(value, ",")
		if b := unit(value); len(b) > 2 && int(b[0]>>1&0x3f) == 32+i {
			out = append(out, parameter{name, base64.StdEncoding.EncodeToString(b)})
		}
	}
	if len(out) < 3 {
		out = nil // one without the others is of no use
	}
	if n, ok := p.get("sprop-max-don-diff"); ok && number(n) > 0 {
		out = append(out, parameter{"sprop-max-don-diff", n})
	}
	return out.write()
}

// unit reads a parameter set in base64, with or without padding and start code.
func unit(text string) []byte {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '-':
			return '+'
		case r == '_':
			return '/'
		case r == '=' || r == ' ' || r == '\t':
			return -1
		}
		return r
	}, text)
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	zeros := 0
	for zeros < len(b) && b[zeros] == 0 {
		zeros++
	}
	if zeros >= 2 && zeros < len(b) && b[zeros] == 1 {
		b = b[zeros+1:]
	}
	return bytes.TrimRight(b, "\x00")
}

// aac makes the parameters of RFC 3640 §4.1 complete: without a configuration it is AAC-LC of the
// rtpmap's rate and channels, and without lengths they are those of the mode.
func (p parameters) aac(c codec) string {
	text, _ := p.get("config")
	config, err := hex.DecodeString(text)
	var parsed mpeg4audio.AudioSpecificConfig
	if err != nil || len(config) == 0 || parsed.Unmarshal(config) != nil {
		made := mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: c.rate, ChannelCount: max(c.channels, 1)}
		if config, err = made.Marshal(); err != nil || c.rate == 0 {
			config = nil
		}
	}
	size, index := "13", "3"
	if mode, _ := p.get("mode"); strings.EqualFold(mode, "AAC-lbr") {
		size, index = "6", "2"
	}
	length := func(name, otherwise string) parameter {
		// With a size, a missing length of an index is 0 (RFC 3640 §4.1).
		if p.has("sizelength") {
			otherwise = "0"
		}
		if v, ok := p.get(name); ok && v == strconv.Itoa(number(v)) && number(v) <= 32 {
			otherwise = v
		}
		return parameter{name, otherwise}
	}
	out := parameters{{"config", hex.EncodeToString(config)}}
	for _, one := range []parameter{{"sizelength", size}, {"indexlength", index}, {"indexdeltalength", index}} {
		out = append(out, length(one.name, one.value))
	}
	return out.write()
}

// hasOneLayer reports whether all of it is one stream of sound, as cameras send it.
func hasOneLayer(m *mpeg4audio.StreamMuxConfig) bool {
	return len(m.Programs) == 1 && len(m.Programs[0].Layers) == 1 && m.Programs[0].Layers[0].AudioSpecificConfig != nil
}

// latm keeps what matters of RFC 6416 §7.3. The library takes a configuration here or in the
// stream, and cameras that write one here forget to say so. On one of several layers, of
// which a later one has the first one's, the library panics.
func (p parameters) latm(c codec) regularFormat {
	config, _ := p.get("config")
	b, err := hex.DecodeString(config)
	var mux mpeg4audio.StreamMuxConfig
	if config != "" && (err != nil || mux.Unmarshal(b) != nil || !hasOneLayer(&mux)) {
		return regularFormat{}
	}
	present, told := p.get("cpresent")
	if config != "" && (!told || present == "0") {
		return regularFormat{c, c.text(90000), "cpresent=0;config=" + config}
	}
	return regularFormat{c, "MP4A-LATM/90000/1", "cpresent=1"}
}
