package main

import (
	"flag"
	"fmt"
	"net"
	"strings"
	"time"

	"umbrella/internal/access"
	"umbrella/internal/config"
)

// tokenFlags say what a token is to be.
type tokenFlags struct {
	room, name, rights string
	holds              time.Duration
	once               bool
}

func (t *tokenFlags) define(flags *flag.FlagSet) {
	flags.StringVar(&t.room, "room", "", "")
	flags.StringVar(&t.name, "name", "", "")
	flags.StringVar(&t.rights, "rights", "", "")
	flags.DurationVar(&t.holds, "for", 24*time.Hour, "")
	flags.BoolVar(&t.once, "once", false, "")
}

// makeToken prints a token and, for one that a browser can use, the link to it.
func makeToken(in *invocation) int {
	text, err := in.mint()
	if err != nil {
		fmt.Fprintf(in.err, "umbrellad: token: %v\n", err)
		return exitFailure
	}
	if in.token.room != access.AnyRoom && !strings.Contains(in.token.rights, access.RightTrunk) {
		fmt.Fprintf(in.err, "Link, for %v from now on:\n", in.token.holds)
		fmt.Fprintln(in.out, origin(in.cfg.Main)+"/sfu/"+in.token.room+"#token="+text)
		return exitOK
	}
	fmt.Fprintln(in.out, text)
	return exitOK
}

func (in *invocation) mint() (string, error) {
	f := in.token
	if f.room == "" {
		return "", fmt.Errorf("-room says which room it is for; '%s' is all of them", access.AnyRoom)
	}
	claims := access.Claims{Room: f.room, Name: f.name, Once: f.once}
	if f.rights != "" {
		claims.Rights = strings.Split(f.rights, ",")
	}
	tokens := &access.Tokens{StateDir: in.cfg.Main.StateDir}
	if err := tokens.Start(); err != nil {
		return "", fmt.Errorf("option 'state_dir': %w", err)
	}
	return tokens.Mint(claims, f.holds)
}

// origin is the address that people most likely reach the node by: its first name
// or address from outside, or else the one that it listens on.
func origin(m config.Main) string {
	scheme, usual := "https", "443"
	host, port, _ := net.SplitHostPort(m.Listen) // it is valid
	if m.TLS == config.TLSOff {
		// A proxy is in front: people reach that.
		port = usual
	}
	switch {
	case len(m.PublicAddress) > 0:
		host = m.PublicAddress[0]
		for _, a := range m.PublicAddress {
			if net.ParseIP(a) == nil {
				host = a
				break
			}
		}
	case host == "" || net.ParseIP(host) != nil && net.ParseIP(host).IsUnspecified():
		host = "localhost"
		if addrs, err := net.InterfaceAddrs(); err == nil {
			for _, a := range addrs {
				if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsPrivate() {
					host = n.IP.String()
					break
				}
			}
		}
	}
	at := net.JoinHostPort(host, port)
	if port == usual {
		at = strings.TrimSuffix(at, ":"+usual)
	}
	return scheme + "://" + at + m.Prefix
}
