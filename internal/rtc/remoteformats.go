package rtc

import (
	"fmt"
	"strconv"
	"strings"

	"umbrella/internal/sfu"
)

// formats makes the codecs of a media description regular, each rule with the program
// that needs it, and returns them by number as they stand in the m-line.
func (s *section) formats() (list []format) {
	words := strings.Fields(s.lines[0])
	fmtp := map[string]int{} // number: line
	maps := map[string]string{}
	for i, line := range s.lines[1:] {
		if v, ok := strings.CutPrefix(line, "a=fmtp:"); ok {
			number, _, _ := strings.Cut(v, " ")
			fmtp[number] = 1 + i
		} else if v, ok := strings.CutPrefix(line, "a=rtpmap:"); ok {
			number, name, _ := strings.Cut(v, " ")
			maps[number] = strings.TrimSpace(name)
		}
	}
	for _, number := range words[min(3, len(words)):] {
		if maps[number] == "" && static[number] != "" {
			// RFC 3551 §6 leaves a static number without a=rtpmap; pion does not.
			maps[number] = static[number]
			s.lines = append(s.lines, "a=rtpmap:"+number+" "+static[number])
		}
		f := format{number: number}
		name := strings.Split(maps[number], "/")
		if len(name) < 2 {
			continue
		}
		f.codec.MimeType = strings.TrimPrefix(words[0], "m=") + "/" + name[0]
		if rate, err := strconv.ParseUint(name[1], 10, 32); err == nil {
			f.codec.ClockRate = uint32(rate)
		}
		if len(name) > 2 {
			if n, err := strconv.ParseUint(name[2], 10, 16); err == nil {
				f.codec.Channels = uint16(n)
			}
		}
		line, has := fmtp[number]
		if has {
			_, f.codec.Fmtp, _ = strings.Cut(s.lines[line], " ")
		}
		if strings.EqualFold(f.codec.MimeType, "video/h264") {
			if regular := regularH264(f.codec.Fmtp); regular != f.codec.Fmtp {
				f.codec.Fmtp = regular
				written := "a=fmtp:" + number + " " + regular
				if has {
					s.lines[line] = written
				} else {
					s.lines = append(s.lines, written)
				}
			}
		}
		list = append(list, f)
	}
	return list
}

// format is a codec with its number in a media description.
type format struct {
	number string
	codec  sfu.Codec
}

// static are the numbers of RFC 3551 §6 for codecs that the node knows.
var static = map[string]string{"0": "PCMU/8000", "8": "PCMA/8000", "9": "G722/8000"}

// regularH264 returns the parameters of H.264 with packetization-mode and
// profile-level-id in them, as pion needs them: GStreamer's simple WHEP client leaves
// both out, which means mode 0 and Baseline at level 1 (RFC 6184 §8.1). Parameters that
// are regular are returned as they are.
func regularH264(fmtp string) string {
	mode, id := fmtpValue(fmtp, "packetization-mode", ""), fmtpValue(fmtp, "profile-level-id", "")
	goodMode, goodID := mode, regularProfile(id)
	if mode != "0" && mode != "1" && mode != "2" {
		goodMode = "0"
	}
	if goodMode == mode && goodID == id {
		return fmtp
	}
	var parts []string
	for part := range strings.SplitSeq(fmtp, ";") {
		part = strings.TrimSpace(part)
		key, _, _ := strings.Cut(part, "=")
		if part != "" && !strings.EqualFold(key, "packetization-mode") && !strings.EqualFold(key, "profile-level-id") {
			parts = append(parts, part)
		}
	}
	return strings.Join(append(parts, "packetization-mode="+goodMode, "profile-level-id="+goodID), ";")
}

// regularProfile returns a profile-level-id of six hexadecimal digits. FFmpeg 8.0
// writes seven for some profiles: between profile and level its own flags, 0x200 for
// constraint_set1 and 0x800 for constraint_set3. What cannot be read is the default of
// RFC 6184 §8.1, Baseline at level 1.
func regularProfile(id string) string {
	const byDefault = "42000a"
	n, err := strconv.ParseUint(id, 16, 32)
	switch {
	case err != nil:
		return byDefault
	case len(id) == 6:
		return id
	case len(id) != 7:
		return byDefault
	}
	flags, constraints := n>>8&0xfff, uint64(0)
	if flags&0x200 != 0 {
		constraints |= 0x40
	}
	if flags&0x800 != 0 {
		constraints |= 0x10
	}
	return fmt.Sprintf("%02x%02x%02x", n>>20, constraints, n&0xff)
}

// known reports whether a receiver could be sent the codec.
func (f format) known() bool {
	if strings.HasPrefix(strings.ToLower(f.codec.MimeType), "audio/") {
		return len(soundCodecs(f.codec)) > 0
	}
	return len(pictureCodecs(f.codec)) > 0
}
