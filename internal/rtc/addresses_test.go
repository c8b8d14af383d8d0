package rtc

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"umbrella/internal/inet"
)

func TestRank(t *testing.T) {
	parse := func(list string) (ips []netip.Addr) {
		for f := range strings.FieldsSeq(list) {
			ips = append(ips, netip.MustParseAddr(f))
		}
		return ips
	}
	// In the order in which the kernel has them.
	router := "lo 127.0.0.1/8 lo ::1/128 docker0 172.17.0.1/16 br-0123456789ab 172.18.0.1/16 wg0 10.0.0.1/24 br-guest 192.168.9.1/24 " +
		"wan 203.0.113.9/24 wan 2001:db8::1/64 wan fe80::1/64 br-iot 192.168.3.1/24 br-lan 192.168.1.1/24 br-lan fd00::1/64"
	const others = "192.168.3.1 192.168.1.1 fd00::1 203.0.113.9 2001:db8::1 172.17.0.1 172.18.0.1 10.0.0.1 192.168.9.1 127.0.0.1 ::1"
	for _, c := range []struct{ name, from, at, public, first string }{
		{"of nobody", "", "", "", "192.168.3.1"},
		{"FFmpeg in the LAN", "192.168.1.50", "192.168.1.1", "", "192.168.1.1"},
		{"a guest", "192.168.9.7", "192.168.9.1", "", "192.168.9.1"},
		{"from the LAN to another address of the node", "192.168.1.50", "192.168.3.1", "", "192.168.3.1 192.168.1.1"},
		{"from the LAN through a proxy", "192.168.1.50", "", "", "192.168.1.1"},
		{"by IPv6 in the LAN", "fd00::50", "fd00::1", "", "fd00::1"},
		{"a container of the node", "172.17.0.2", "172.17.0.1", "", "172.17.0.1"},
		{"by VPN", "10.0.0.2", "10.0.0.1", "", "10.0.0.1"},
		{"from the Internet", "198.51.100.7", "203.0.113.9", "", "203.0.113.9"},
		{"from the Internet by a port that is forwarded", "198.51.100.7", "192.168.1.1", "203.0.113.70", "203.0.113.70"},
		{"on the node itself", "127.0.0.1", "127.0.0.1", "", "192.168.3.1"},
	} {
		var list []inet.Address
		for words := strings.Fields(router); len(words) > 0; words = words[2:] {
			list = append(list, inet.Address{Prefix: netip.MustParsePrefix(words[1]), Interface: words[0]})
		}
		var caller Caller
		if c.from != "" {
			caller.From = netip.MustParseAddr(c.from)
		}
		if c.at != "" {
			caller.At = netip.MustParseAddr(c.at)
		}
		want := parse(c.first)
		for _, ip := range parse(others) {
			if !slices.Contains(want, ip) {
				want = append(want, ip)
			}
		}
		if got := rank(list, parse(c.public), caller); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", c.name, got, want)
		}
	}
	got := rank([]inet.Address{{Prefix: netip.MustParsePrefix("192.168.1.1/24"), Interface: "lan"}}, parse("203.0.113.7 192.168.1.1 0.0.0.0"), Caller{})
	if want := parse("192.168.1.1 203.0.113.7"); !slices.Equal(got, want) {
		t.Errorf("with public addresses: got %v, want %v", got, want)
	}
	// A LAN with IPv6 alone, with addresses that change: only one that was reached counts.
	six := []inet.Address{
		{Prefix: netip.MustParsePrefix("2001:db8::7/64"), Interface: "lan", Temporary: true}, {Prefix: netip.MustParsePrefix("2001:db8:1::1/64"), Interface: "lan", Deprecated: true},
		{Prefix: netip.MustParsePrefix("2001:db8::1/64"), Interface: "lan"}, {Prefix: netip.MustParsePrefix("fd00::1/64"), Interface: "lan"},
	}
	if got, want := rank(six, nil, Caller{}), parse("fd00::1 2001:db8::1"); !slices.Equal(got, want) {
		t.Errorf("IPv6 alone: got %v, want %v", got, want)
	}
	if got, want := rank(six, nil, Caller{At: six[0].Addr()}), parse("2001:db8::7 fd00::1 2001:db8::1"); !slices.Equal(got, want) {
		t.Errorf("reached at a temporary address: got %v, want %v", got, want)
	}
}

func TestCandidates(t *testing.T) {
	a := newAddresses(8082, nil, nil)
	a.resolved = []netip.Addr{netip.MustParseAddr("203.0.113.7")}
	sdp := a.offer("v=0\r\nm=audio 9 X 1\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\na=end-of-candidates\r\na=mid:0\r\nm=video 9 X 2\r\na=mid:1\r\n", Caller{})
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
