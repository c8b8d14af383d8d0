package node

import (
	"context"
	"time"

	"umbrella/internal/access"
	"umbrella/internal/clock"
	"umbrella/internal/config"
	"umbrella/internal/reach"
)

// newReach makes what watches the addresses of this machine.
func (n *Node) newReach(cfg *config.Config) *reach.Watcher {
	return &reach.Watcher{
		Dir: n.Source.Dir, Zones: cfg.Main.Zones, Names: access.LocalNames, Changed: n.addressesChanged,
		Networks: func(ctx context.Context) (map[string][]string, error) { return n.bus.client.Networks(ctx) },
	}
}

// addressesChanged has those look again that go by the addresses of this machine.
func (n *Node) addressesChanged() {
	n.engine.Load().ResolveAgain()
	if s := n.web.Load(); s != nil && s.Certificates != nil {
		s.Certificates.Refresh()
	}
	n.logReach()
}

// watchClock has certificates looked at again when the machine's clock is set. Nothing else
// goes by what that shows: see package clock.
func (n *Node) watchClock() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	n.unwatch = func() { cancel(); <-done }
	go func() {
		defer close(done)
		clock.Machine.Watch(ctx, func(by time.Duration) {
			n.Log.Info("the clock of this machine was set", "by", by.Round(time.Second))
			if s := n.web.Load(); s != nil && s.Certificates != nil {
				s.Certificates.ClockSet()
			}
		})
	}()
}

// URLs returns the addresses of the web client that people can open, the best one first;
// none while nobody can.
func (n *Node) URLs() []string {
	if s := n.web.Load(); s != nil {
		return s.URLs()
	}
	return nil
}

// problems are why people do not reach the node, although it runs.
func (n *Node) problems() []string {
	s := n.web.Load()
	if s == nil {
		return []string{"the web server is down: the log tells why"}
	}
	if p := s.Problem(); p != "" {
		return []string{p}
	}
	return nil
}

// logReach logs a problem once, and that it is gone.
func (n *Node) logReach() {
	now := ""
	if p := n.problems(); len(p) > 0 {
		now = p[0]
	}
	before := n.trouble.Swap(&now)
	switch {
	case before != nil && *before == now || before == nil && now == "":
	case now != "":
		n.Log.Warn("nobody reaches the web server", "problem", now)
	default:
		n.Log.Info("the web server is reached again", "urls", n.URLs())
	}
}
