package rtsp

import (
	"strconv"
	"strings"
)

// transport is a Transport header (RFC 2326 §12.39), as far as it is of use. Media come
// from and go to the camera itself: "source" and "destination", with which it would have
// us send to somebody else and look names up, are left out.
type transport struct {
	given     bool // there is one that can be read
	tcp       bool
	secure    bool // SAVP
	multicast bool
	channels  [2]byte // of TCP
	numbered  bool    // the channels are given
	ports     [2]int  // of the server; 0: not given
}

// parseTransport reads the first transport that is RTP: a camera may write several in one
// header or in several.
func parseTransport(values []string) transport {
	text := strings.ReplaceAll(strings.Join(values, ","), `"`, "")
	for one := range strings.SplitSeq(text, ",") {
		if t := parseOne(one); t.given {
			return t
		}
	}
	// Some write the parameters without "RTP/AVP".
	if t := parseOne("RTP/AVP;" + text); t.numbered || t.ports[0] != 0 {
		return t
	}
	return transport{}
}

func parseOne(text string) (t transport) {
	for part := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case "multicast":
			t.multicast = true
		case "interleaved":
			if a, b, ok := pair(value, 255); ok {
				t.channels, t.numbered = [2]byte{byte(a), byte(b)}, true
			}
		case "server_port":
			if a, b, ok := pair(value, 65535); ok {
				t.ports = [2]int{a, b}
			}
		default:
			parts := strings.Split(name, "/")
			if len(parts) < 2 || parts[0] != "rtp" {
				continue
			}
			t.given = true
			t.secure = strings.HasPrefix(parts[1], "savp")
			t.tcp = t.tcp || len(parts) > 2 && parts[2] == "tcp"
		}
	}
	return t
}

// pair reads "0-1"; where the second is missing, it is the next one.
func pair(text string, most uint64) (a, b int, ok bool) {
	first, second, _ := strings.Cut(text, "-")
	x, ok := digits(strings.TrimSpace(first))
	if !ok || x > most {
		return 0, 0, false
	}
	y, ok := digits(strings.TrimSpace(second))
	if !ok || y > most {
		y = min(x+1, most)
	}
	return int(x), int(y), true
}

// completed is what a camera agreed to when it was asked for wants: what it does not
// say, it takes as it was asked for. Seen without a Transport at all
// (bluenviron/gortsplib#456).
func (t transport) completed(wants transport) transport {
	if !t.given && !t.numbered && t.ports[0] == 0 {
		return wants
	}
	// Escam Q6 (AlexxIT/go2rtc) has channels without "/TCP" beside them, and others have
	// them beside the ports of UDP (kerberos-io/kios#26).
	t.tcp = t.tcp || wants.tcp && t.numbered || t.ports[0] == 0 && (wants.tcp || t.numbered)
	if t.tcp && !t.numbered {
		t.channels = wants.channels
	}
	return t
}

// String is the header as the library reads it.
func (t transport) String() string {
	text := "RTP/AVP"
	if t.secure {
		text = "RTP/SAVP"
	}
	if t.tcp {
		text += "/TCP"
	}
	switch {
	case t.multicast:
		text += ";multicast"
	default:
		text += ";unicast"
	}
	switch {
	case t.tcp:
		text += ";interleaved=" + strconv.Itoa(int(t.channels[0])) + "-" + strconv.Itoa(int(t.channels[1]))
	case t.ports[0] != 0:
		text += ";server_port=" + strconv.Itoa(t.ports[0]) + "-" + strconv.Itoa(t.ports[1])
	}
	return text
}
