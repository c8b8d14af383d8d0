package rtc

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestRank(t *testing.T) {
	parse := func(list string) (ips []netip.Addr) {
		for f := range strings.FieldsSeq(list) {
			ips = append(ips, netip.MustParseAddr(f))
		}
		return ips
	}
	got := rank(parse("127.0.0.1 ::1 2001:db8::1 fe80::1 192.168.1.1 fd00::1"), parse("203.0.113.7 192.168.1.1 0.0.0.0"))
	if want := parse("192.168.1.1 fd00::1 203.0.113.7 2001:db8::1 127.0.0.1 ::1"); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCandidates(t *testing.T) {
	a := newAddresses(8082, nil, nil)
	a.resolved = []netip.Addr{netip.MustParseAddr("203.0.113.7")}
	sdp := a.offer("v=0\r\nm=audio 9 X 1\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\na=end-of-candidates\r\na=mid:0\r\nm=video 9 X 2\r\na=mid:1\r\n")
	if strings.Contains(sdp, " 9 typ host") {
		t.Error("a candidate that was not ours to tell stays")
	}
	head, tail, _ := strings.Cut(sdp, "m=video")
	if !strings.Contains(head, " udp ") || strings.Contains(tail, "a=candidate") {
		t.Errorf("candidates belong into the first m-section:\n%s", sdp)
	}
	if !strings.Contains(head, "203.0.113.7 8082 typ host\r\n") || !strings.Contains(head, "203.0.113.7 8082 typ host tcptype passive\r\n") {
		t.Errorf("a public address is missing:\n%s", sdp)
	}
	udp, tcp := strings.LastIndex(head, " udp "), strings.Index(head, " tcp ")
	if udp > tcp {
		t.Error("TCP stands before UDP")
	}
}
