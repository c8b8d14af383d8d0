package backhaul

import (
	"context"
	"math/rand/v2"
	"net"
	"time"

	"umbrella/internal/crash"
	"umbrella/internal/inet"
)

// tryAgainAfter an attempt to connect that nobody answers, another one begins beside
// it: what was sent into a dead link is sent again by TCP after seconds only, and by
// a resolver of names later still.
const tryAgainAfter = time.Second

// dialContext connects to an address, whose name may be one of multicast DNS
// (RFC 6762): few systems on access points resolve those. It takes dialTimeout at
// most, also where the caller has gone and its context no longer says so.
func dialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return overlapping(ctx, func(ctx context.Context) (net.Conn, error) {
		d := &net.Dialer{
			KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
			Control:         inet.SmallSegments,
			// Its own: the common one would wait for the question that is on its way.
			Resolver: &net.Resolver{},
		}
		return inet.Dial(ctx, d, network, address)
	})
}

// overlapping attempts something again and again, beside what was begun before, and
// returns what ends first. All the rest has ended by then.
func overlapping(ctx context.Context, attempt func(context.Context) (net.Conn, error)) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	type result struct {
		conn net.Conn
		err  error
	}
	results := make(chan result)
	running := 0
	begin := func() {
		running++
		go func() {
			var r result
			defer func() { results <- r }()
			defer crash.Contain(crash.Trunk, "", &r.err)
			r.conn, r.err = attempt(ctx)
		}()
	}
	defer func() {
		cancel()
		for ; running > 0; running-- {
			if r := <-results; r.conn != nil {
				_ = r.conn.Close()
			}
		}
	}()
	for {
		begin()
		select {
		case r := <-results:
			running--
			return r.conn, r.err
		case <-time.After(tryAgainAfter - rand.N(tryAgainAfter/4)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
