package main

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"umbrella/internal/access"
	"umbrella/internal/config"
	"umbrella/internal/duration"
	"umbrella/internal/reach"
	"umbrella/internal/usage"
)

// tokenFlags say what a token is to be.
type tokenFlags struct {
	room, name, rights string
	holds              time.Duration
	once               bool
	list               bool
	revoke             string
}

func (t *tokenFlags) define(flags *flag.FlagSet) {
	flags.StringVar(&t.room, "room", "", "")
	flags.StringVar(&t.name, "name", "", "")
	flags.StringVar(&t.rights, "rights", "", "")
	t.holds = 24 * time.Hour
	flags.Var((*duration.Value)(&t.holds), "for", "")
	flags.BoolVar(&t.once, "once", false, "")
	flags.BoolVar(&t.list, "list", false, "")
	flags.StringVar(&t.revoke, "revoke", "", "")
}

// makeToken prints a token and, for one that a browser can use, the link to it.
func makeToken(in *invocation) int {
	if in.token.list || in.token.revoke != "" {
		if err := in.invitations(); err != nil {
			return in.fail(fmt.Errorf("token: %w", err))
		}
		return usage.OK
	}
	claims, err := in.token.claims()
	if err != nil {
		return in.wrong(fmt.Errorf("token: %w", err))
	}
	text, err := in.mint(claims)
	if err != nil {
		return in.fail(fmt.Errorf("token: %w", err))
	}
	if claims.Room != access.AnyRoom && !claims.Has(access.RightTrunk) {
		fmt.Fprintf(in.err, "Link, for %s from now on:\n", duration.String(in.token.holds))
		text = in.origin() + "/sfu/" + url.PathEscape(claims.Room) + "#token=" + text
	}
	return in.print(text + "\n")
}

// claims are those of the token; the error says what is wrong with the flags.
func (t *tokenFlags) claims() (access.Claims, error) {
	if t.room == "" {
		return access.Claims{}, fmt.Errorf("-room says which room it is for; '%s' is all of them", access.AnyRoom)
	}
	claims := access.Claims{Room: t.room, Name: t.name, Once: t.once, By: "umbrellad token"}
	if t.rights != "" {
		claims.Rights = strings.Split(t.rights, ",")
	}
	if err := access.CheckHolds(t.holds); err != nil {
		return claims, err
	}
	err := claims.Check()
	return claims, err
}

func (in *invocation) mint(claims access.Claims) (string, error) {
	tokens, err := in.tokens()
	if err != nil {
		return "", err
	}
	text, err := tokens.Mint(claims, in.token.holds)
	if err == nil {
		in.warnNotKept(tokens)
	}
	return text, err
}

func (in *invocation) tokens() (*access.Tokens, error) {
	tokens := &access.Tokens{StateDir: in.cfg.Main.StateDir}
	if in.token.revoke != "" {
		tokens.KeyFile = in.cfg.Main.TokenKey // it may be a token by that key
	}
	if err := tokens.Start(); err != nil {
		return nil, fmt.Errorf("option 'state_dir': %w", err)
	}
	return tokens, nil
}

// warnNotKept says that the list of invitations could not be written.
func (in *invocation) warnNotKept(tokens *access.Tokens) {
	if err := tokens.NotKept(); err != nil {
		fmt.Fprintf(in.err, "umbrellad: token: the list of invitations is not kept: %v\n", err)
	}
}

// invitations lists those that hold, or revokes one. The daemon sees it at once.
func (in *invocation) invitations() error {
	tokens, err := in.tokens()
	if err != nil {
		return err
	}
	if in.token.revoke != "" {
		i, err := tokens.Revoke(in.token.revoke)
		if err != nil {
			return err
		}
		if err := tokens.NotKept(); err != nil {
			return fmt.Errorf("nothing is revoked: %w", err)
		}
		fmt.Fprintf(in.err, "Revoked: %s. Those who are in the room stay in it.\n", i.ID)
		return nil
	}
	var b bytes.Buffer
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tROOM\tNAME\tRIGHTS\tMADE BY\tENDS\tSTATE")
	for _, i := range tokens.Invitations() {
		rights := strings.Join(i.Rights, ",")
		if rights == "" {
			rights = access.RightPublish + "," + access.RightSubscribe
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", i.ID, i.Room, cmp.Or(i.Name, "-"), rights, i.By, i.Ends.Local().Format("2006-01-02 15:04"), invitationState(i))
	}
	_ = table.Flush() // to memory
	_, err = in.out.Write(b.Bytes())
	return err
}

// invitationState says how an invitation is.
func invitationState(i access.Invitation) string {
	switch {
	case !i.Revoked.IsZero():
		return "revoked"
	case i.Once && !i.Used.IsZero():
		return "one guest, used"
	case i.Once:
		return "one guest"
	}
	return "holds"
}

// origin is the address that people most likely reach the node by, without a path behind
// its prefix: its first name or address from outside, or else one of the local network.
func (in *invocation) origin() string {
	m := in.cfg.Main
	host, text, _ := net.SplitHostPort(m.Listen) // it is valid
	port, _ := strconv.ParseUint(text, 10, 16)
	server := reach.Server{TLS: m.TLS != config.TLSOff, Proxied: m.TLS == config.TLSOff, Prefix: m.Prefix, Public: m.PublicAddress}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "":
		ip = netip.IPv6Unspecified()
	case err != nil && len(server.Public) == 0: // a name
		server.Public = []string{host}
	}
	server.Listen = netip.AddrPortFrom(ip, uint16(port))
	var machine reach.Machine
	if len(server.Public) == 0 {
		machine = reach.Look(in.source.Dir, m.Zones)
	}
	if urls := reach.URLs(server, machine); len(urls) > 0 {
		return strings.TrimSuffix(urls[0], "/sfu")
	}
	return reach.Origin(server.TLS, host, int(port)) + m.Prefix
}
