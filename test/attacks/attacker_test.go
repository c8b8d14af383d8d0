package attacks

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// strike is what the attacker is told to do, all at once.
type strike struct {
	Names []string
	Lasts time.Duration
}

// result is how one attack went.
type result struct {
	Name string
	// Told is what the attacker saw, in words; Problem why it could not attack.
	Told, Problem string
	// Wrong is what the node should not have done.
	Wrong string
}

// wrong is an error of an attack that the node let do what it may not.
type wrong string

func (w wrong) Error() string { return string(w) }

// way is one way to attack. It ends when ctx does, or before.
type way struct {
	name  string
	lasts time.Duration
	do    func(ctx context.Context, a *attacker) (told string, err error)
	// apart is one that is not tried together with the others.
	apart bool
}

var ways = []way{
	{"offers of ICE-lite that name a victim", 6 * time.Second, nameVictims, false},
	{"ICE restarts that name a victim", 7 * time.Second, restartToVictims, false},
	{"requests that are forged in the name of a victim", 5 * time.Second, forgeRequests, false},
	{"candidates that are names or to be connected to", 6 * time.Second, nameAnything, false},
	{"messages that decode to much", 4 * time.Second, bombs, false},
	{"messages that decode to much before joining", 4 * time.Second, earlyBombs, false},
	{"offers with thousands of candidates", 6 * time.Second, manyCandidates, false},
	{"offers with thousands of lines", 6 * time.Second, manyLines, false},
	{"requests from 60,000 ports", 7 * time.Second, manyPorts, false},
	{"requests from 60,000 addresses", 7 * time.Second, manyAddresses, false},
	{"tracks that fall silent", 12 * time.Second, silentTracks, false},
	{"data channels", 7 * time.Second, manyChannels, false},
	{"m-lines of many participants", 8 * time.Second, manyMLines, false},
	{"ICE restarts by PATCH", 5 * time.Second, restartOften, true},
	{"joins from a /48", 7 * time.Second, manyPrefixes, true},
}

// attacker is one way to attack, with addresses that are for it alone.
type attacker struct {
	number byte // from 2 on
	// victim addresses never speak; what is forged comes from spoofed.
	victim4, spoofed netip.Addr
	victim6          netip.Addr
}

// attack does what a strike says.
func attack(s strike) ([]result, error) {
	ctx, done := context.WithTimeout(context.Background(), s.Lasts)
	defer done()
	results := make([]result, len(s.Names))
	var all sync.WaitGroup
	for i, name := range s.Names {
		results[i].Name = name
		for n, w := range ways {
			if w.name != name {
				continue
			}
			number := byte(2 + n)
			a := &attacker{
				number: number, victim6: netip.MustParseAddr(victim6),
				victim4: netip.MustParseAddr(fmt.Sprint(victims4, number)), spoofed: netip.MustParseAddr(fmt.Sprint(spoofed4, number)),
			}
			all.Go(func() {
				told, err := w.do(ctx, a)
				results[i].Told = told
				if bad, ok := err.(wrong); ok {
					results[i].Wrong = string(bad)
				} else if err != nil {
					results[i].Problem = err.Error()
				}
			})
		}
	}
	all.Wait()
	return results, nil
}

// address is the n-th of this attack, n from 0 to 65,535: networks of others do
// not overlap. IPv4 has 254 of them only.
func (a *attacker) address(n int) net.IP {
	return net.IPv4(10, 66, a.number, byte(1+n%254))
}

// prefix is an address in the n-th /64 of the attacker's /48.
func (a *attacker) prefix(n int) net.IP {
	ip := net.ParseIP("fd66::1")
	ip[6], ip[7], ip[15] = byte(n>>8), byte(n), a.number
	return ip
}
