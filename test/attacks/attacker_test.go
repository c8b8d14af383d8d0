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
}

// attacks are the ways there are. Each ends when ctx does, or before.
var attacks = []struct {
	name  string
	lasts time.Duration
	do    func(ctx context.Context, a *attacker) (string, error)
}{
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
		for n, way := range attacks {
			if way.name != name {
				continue
			}
			number := byte(2 + n)
			a := &attacker{
				number: number, victim6: netip.MustParseAddr(victim6),
				victim4: netip.MustParseAddr(fmt.Sprint(victims4, number)), spoofed: netip.MustParseAddr(fmt.Sprint(spoofed4, number)),
			}
			all.Go(func() {
				told, err := way.do(ctx, a)
				results[i].Told = told
				if err != nil {
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
