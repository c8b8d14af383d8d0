package reach

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"umbrella/internal/config"
	"umbrella/internal/inet"
)

// addresses reads "INTERFACE ADDRESS", each with 't' for temporary or 'd' for deprecated
// behind the address.
func addresses(t *testing.T, text string) (list []inet.Address) {
	t.Helper()
	for words := strings.Fields(text); len(words) > 0; words = words[2:] {
		prefix, mark := words[1], ""
		if at := strings.IndexAny(prefix, "!"); at >= 0 {
			prefix, mark = prefix[:at], prefix[at+1:]
		}
		list = append(list, inet.Address{
			Prefix: netip.MustParsePrefix(prefix), Interface: words[0], Temporary: mark == "t", Deprecated: mark == "d",
		})
	}
	return list
}

// Which addresses people are shown, in which order.
func TestURLs(t *testing.T) {
	// In the order in which the kernel has them: the WAN first, of a double NAT.
	router := "lo 127.0.0.1/8 lo ::1/128 wan 192.168.0.23/24 wan 2001:db8:1::23/64 wan fe80::2/64 docker0 172.17.0.1/16 wg0 10.9.0.1/24 " +
		"br-lan 192.168.1.1/24 br-lan 2001:db8:2::1/60 br-lan fd00::1/60 br-lan fd00::aaaa/60!t br-lan fd00:1::1/60!d br-lan fe80::1/64 br-guest 192.168.9.1/24"
	lan := []Name{{"ap.lan", []netip.Addr{netip.MustParseAddr("192.168.1.1")}}}
	for _, c := range []struct {
		name           string
		listen, public string
		server         Server
		machine        Machine
		want           string
	}{
		{"a router whose WAN is closed", "[::]:8081", "", Server{TLS: true}, Machine{Addresses: addresses(t, router), Closed: map[string]bool{"wan": true, "br-guest": true}},
			"https://192.168.1.1:8081/sfu https://[fd00::1]:8081/sfu https://[2001:db8:2::1]:8081/sfu https://10.9.0.1:8081/sfu"},
		{"by its name", "[::]:8081", "", Server{TLS: true}, Machine{Addresses: addresses(t, "br-lan 192.168.1.1/24"), Names: lan},
			"https://ap.lan:8081/sfu https://192.168.1.1:8081/sfu"},
		{"a name of another machine", "[::]:8081", "", Server{TLS: true}, Machine{Addresses: addresses(t, "br-lan 192.168.1.2/24"), Names: lan}, "https://192.168.1.2:8081/sfu"},
		{"a name that leads to the closed WAN", "[::]:8081", "", Server{TLS: true},
			Machine{Addresses: addresses(t, "wan 192.168.1.1/24 br-lan 10.0.0.1/24"), Names: lan, Closed: map[string]bool{"wan": true}}, "https://10.0.0.1:8081/sfu"},
		{"the usual port of HTTPS", "[::]:443", "", Server{TLS: true, Prefix: "/u"}, Machine{Addresses: addresses(t, "br-lan 192.168.1.1/24 br-lan fd00::1/60"), Names: lan},
			"https://ap.lan/u/sfu https://192.168.1.1/u/sfu https://[fd00::1]/u/sfu"},
		{"the usual port of HTTP", "[::]:80", "", Server{}, Machine{Addresses: addresses(t, "br-lan 192.168.1.1/24")}, "http://192.168.1.1/sfu"},
		{"the other scheme's port", "[::]:80", "", Server{TLS: true}, Machine{Addresses: addresses(t, "br-lan 192.168.1.1/24")}, "https://192.168.1.1:80/sfu"},
		{"IPv6 alone", "[::]:8081", "", Server{TLS: true}, Machine{Addresses: addresses(t, "br-lan 2001:db8:2::1/64 br-lan fd00::1/64 br-lan fe80::1/64")},
			"https://[fd00::1]:8081/sfu https://[2001:db8:2::1]:8081/sfu"},
		{"global IPv6 alone", "[::]:8081", "", Server{TLS: true}, Machine{Addresses: addresses(t, "br-lan 2001:db8:2::1/64 br-lan 2001:db8:2::7/64!t br-lan fe80::1/64")},
			"https://[2001:db8:2::1]:8081/sfu"},
		{"from outside: the LAN first, names before numbers", "[::]:8081", "203.0.113.7 call.example.org", Server{TLS: true},
			Machine{Addresses: addresses(t, "wan 203.0.113.7/24 br-lan 192.168.1.1/24")},
			"https://192.168.1.1:8081/sfu https://call.example.org:8081/sfu https://203.0.113.7:8081/sfu"},
		{"certified: that name first, and once", "[::]:443", "call.example.org", Server{TLS: true, Sites: []string{"call.example.org"}},
			Machine{Addresses: addresses(t, "br-lan 192.168.1.1/24")}, "https://call.example.org/sfu https://192.168.1.1/sfu"},
		{"behind a proxy", "[::]:8081", "192.0.2.1 call.example.org 2001:db8::1", Server{Proxied: true, Prefix: "/u"}, Machine{Addresses: addresses(t, "eth0 10.0.0.1/24")},
			"https://call.example.org/u/sfu https://192.0.2.1/u/sfu https://[2001:db8::1]/u/sfu http://10.0.0.1:8081/u/sfu"},
		{"one address", "192.168.1.1:8081", "", Server{TLS: true}, Machine{Addresses: addresses(t, router), Names: lan}, "https://ap.lan:8081/sfu https://192.168.1.1:8081/sfu"},
		{"one address that is not there", "192.168.7.1:8081", "", Server{TLS: true}, Machine{Addresses: addresses(t, router)}, ""},
		{"one that is closed", "192.168.0.23:8081", "", Server{TLS: true}, Machine{Addresses: addresses(t, router), Closed: map[string]bool{"wan": true}}, ""},
		{"this machine alone", "127.0.0.1:8081", "", Server{}, Machine{Addresses: addresses(t, router)}, "http://127.0.0.1:8081/sfu"},
		{"no network", "[::]:8081", "", Server{TLS: true}, Machine{Addresses: addresses(t, "lo 127.0.0.1/8")}, "https://localhost:8081/sfu"},
		{"nowhere", "", "", Server{TLS: true}, Machine{Addresses: addresses(t, router)}, ""},
	} {
		if c.listen != "" {
			c.server.Listen = netip.MustParseAddrPort(c.listen)
		}
		c.server.Public = strings.Fields(c.public)
		if got := URLs(c.server, c.machine); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, strings.Fields(c.want))
		}
	}
}

// Which interfaces the firewall keeps closed.
func TestClosed(t *testing.T) {
	zones := []config.Zone{
		{Name: "lan", Networks: []string{"lan"}, Open: true}, {Name: "wan", Networks: []string{"wan", "wan6"}},
		{Name: "guest", Networks: []string{"guest"}}, {Name: "iot", Devices: []string{"br-iot"}}, {Name: "both", Devices: []string{"br-lan"}},
	}
	devices := map[string][]string{"lan": {"br-lan"}, "wan": {"pppoe-wan"}, "wan6": {"pppoe-wan"}, "guest": {"phy0-ap1"}}
	for _, c := range []struct {
		wanted  string
		devices map[string][]string
		want    string
	}{
		{"lan", devices, "br-iot phy0-ap1 pppoe-wan"},
		{"lan guest", devices, "br-iot pppoe-wan"},
		{"lan wan iot", devices, "phy0-ap1"},
		{"guest iot wan", nil, ""},
		{"lan iot", nil, "br-guest br-wan br-wan6 guest pppoe-guest pppoe-wan pppoe-wan6 wan wan6"},
	} {
		var got []string
		for name := range closed(zones, strings.Fields(c.wanted), c.devices) {
			got = append(got, name)
		}
		slices.Sort(got)
		if !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s: got %q, want %q", c.wanted, got, c.want)
		}
	}
}
