package prepare

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"umbrella/internal/config"
)

// say prints a line that logs something, once the init script evaluates it.
func (j *Job) say(level, text string) { Say(j.Out, level, text) }

// Say prints such a line. The level is one of syslog's.
func Say(to io.Writer, level, text string) { fmt.Fprintf(to, "say %s %s\n", level, quote(text)) }

// quote makes one word of a text for a shell, and one line of it for the log.
func quote(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// print prints what the init script registers with procd.
func (j *Job) print() {
	m := j.current.Main
	a := announcementOf(m)
	jail := ""
	if j.jailed() {
		jail = "1"
	}
	for _, v := range [][2]string{
		{"run", "1"}, {"again", string(j.next)}, {"state_dir", m.StateDir}, {"jail", jail},
		{"zones", a.zones}, {"tcp", a.tcp}, {"udp", a.udp}, {"mdns_port", a.mdnsPort}, {"mdns_path", m.Prefix + "/sfu"},
	} {
		fmt.Fprintf(j.Out, "%s=%s\n", v[0], quote(v[1]))
	}
}

// announcement is what others are told of the node: the firewall, of zones and of the
// ports that they may reach, with blanks between; and mDNS, of a port or of none.
type announcement struct{ zones, tcp, udp, mdnsPort string }

func announcementOf(m config.Main) announcement {
	a := announcement{zones: strings.Join(m.Zones, " "), udp: strconv.Itoa(m.MediaPort)}
	var tcp []string
	if isReached(m.Listen) {
		a.mdnsPort = strconv.Itoa(portOf(m.Listen))
		tcp = append(tcp, a.mdnsPort)
	}
	tcp = append(tcp, a.udp)
	// Where the public CA looks for proofs.
	if m.TLS == config.TLSACME && isReached(m.ACME.HTTP) {
		tcp = append(tcp, strconv.Itoa(portOf(m.ACME.HTTP)))
	}
	a.tcp = strings.Join(tcp, " ")
	return a
}

// isReached reports whether others may reach an address: a proxy on this machine is no
// other.
func isReached(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && host != "localhost" && !net.ParseIP(host).IsLoopback()
}

// portOf is the port of an address, or 0.
func portOf(address string) int {
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	port, _ := strconv.Atoi(text)
	return port
}
