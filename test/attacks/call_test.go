package attacks

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"umbrella/test/peer"
)

// order is what the test asks of the members, who are a child of it.
type order struct {
	// Call has four people leave, if they are there, and meet anew.
	Call bool
	// From and To have them account for the frames that were sent between them.
	From, To time.Time
	// Newcomer has somebody join and leave again.
	Newcomer bool
}

// report is what the members answer.
type report struct {
	Problem string
	peer.Account
	// Held is for how long the members' process was kept from running at most since
	// From: what is lost then is not the node's fault.
	Held time.Duration
}

const (
	room = "den"
	// patience is when a frame that has not come is lost: nobody waits longer.
	patience = time.Second
	// frames of 1,200 bytes, thirty times a second: 290 kbit/s for each picture.
	interval = time.Second / 30
)

var people = []string{"Ada", "Bob", "Cleo", "Dan"}

// members are those who call.
type members struct {
	ledger *peer.Ledger
	here   []*peer.Peer
	hang   context.CancelFunc
	// held is what report.Held is of, in nanoseconds.
	held atomic.Int64
}

func newMembers() *members {
	m := &members{}
	go m.watch()
	return m
}

// watch finds out for how long this process does not run.
func (m *members) watch() {
	const nap = 5 * time.Millisecond
	for {
		start := time.Now()
		time.Sleep(nap)
		if late := int64(time.Since(start) - nap); late > m.held.Load() {
			m.held.Store(late)
		}
	}
}

func (m *members) do(o order) (r report, err error) {
	switch {
	case o.Call:
		if err := m.call(); err != nil {
			r.Problem = err.Error()
		}
	case o.Newcomer:
		if err := newcomer(); err != nil {
			r.Problem = err.Error()
		}
	default:
		r.Account = m.ledger.Account(o.From, o.To, patience)
		r.Held = time.Duration(m.held.Swap(0))
		if r.Problem = m.told(); r.Problem == "" && r.Due == 0 {
			r.Problem = "nothing was sent"
		}
	}
	return r, nil
}

func member(name string) *peer.Peer {
	return &peer.Peer{URL: "wss://" + apAddress + ":8081/wsb", Room: room, Name: name}
}

// call has four people meet, and waits until each gets all the others.
func (m *members) call() error {
	if m.hang != nil {
		m.hang()
		for _, p := range m.here {
			p.Close()
		}
	}
	m.ledger, m.here = &peer.Ledger{}, nil
	ctx, done := context.WithTimeout(context.Background(), 20*time.Second)
	defer done()
	var playing context.Context
	playing, m.hang = context.WithCancel(context.Background())
	for _, name := range people {
		p := member(name)
		p.Ledger = m.ledger
		if err := p.Join(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		m.here = append(m.here, p)
		p.Play(playing, interval)
	}
	for _, p := range m.here {
		for _, from := range m.here {
			if p == from {
				continue
			}
			if err := p.Gets(ctx, from); err != nil {
				return err
			}
		}
	}
	// From here on everything comes.
	for {
		is := time.Now()
		time.Sleep(patience)
		if m.ledger.Account(is, is.Add(patience/2), patience/2).Lost == 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("the call loses frames from the start: %w", err)
		}
	}
}

// told is what the members were told that they should not be.
func (m *members) told() (problem string) {
	for _, p := range m.here {
		ctx, done := context.WithTimeout(context.Background(), time.Second)
		_ = p.Wait(ctx, func() bool { // with its lock
			if g := p.Goodbye(); g != nil {
				problem = p.Name + " is told to go: " + g.Message
			}
			if e := p.Errors(); len(e) > 0 {
				problem = p.Name + " is told: " + e[0].Message
			}
			return true
		})
		done()
	}
	return problem
}

func newcomer() error {
	ctx, done := context.WithTimeout(context.Background(), 5*time.Second)
	defer done()
	p := member("Eve")
	p.ViewOnly = true
	defer p.Close()
	return p.Join(ctx)
}

// losses names the paths on which frames were lost, for a message.
func losses(by map[string]int) (text string) {
	for i, path := range slices.Sorted(maps.Keys(by)) {
		if i == 4 {
			return text + fmt.Sprintf(" and on %d others", len(by)-i)
		}
		text += fmt.Sprintf(" %s: %d;", path, by[path])
	}
	return text
}
