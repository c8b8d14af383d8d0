package peer

import (
	"encoding/binary"
	"sync"
	"time"
)

// Ledger follows every frame of a call whose peers are all in one process, from
// the peer that sends it to each of the others. It is safe for concurrent use.
type Ledger struct {
	mu    sync.Mutex
	names []string
	sent  map[stream][]time.Time // by frame
	came  map[path][]arrival     // by frame
}

// stream is what one peer sends of one kind, and path one on which a peer gets it.
type (
	stream struct {
		from  uint16 // index of its name
		video bool
	}
	path struct {
		stream
		to uint16
	}
	// arrival is which packets of a frame have come, and when the last of them did.
	arrival struct {
		parts byte
		at    time.Time
	}
)

const (
	// The mark stands behind all that a payload says of its picture: the index of
	// the sender, the kind, which packet of the frame it is, and the frame's number.
	markAt, markSize = 20, 8
	// Pictures are of two packets, sounds of one.
	wholePicture, wholeSound = 0b11, 0b1
)

func (s stream) whole() byte {
	if s.video {
		return wholePicture
	}
	return wholeSound
}

// enter gives a peer its index.
func (l *Ledger) enter(name string) uint16 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.names = append(l.names, name)
	return uint16(len(l.names) - 1)
}

// mark writes which packet it is into a payload.
func (s stream) mark(payload []byte, part int, frame uint32) {
	b := payload[markAt:]
	binary.BigEndian.PutUint16(b, s.from)
	b[2], b[3] = 0, byte(part)
	if s.video {
		b[2] = 1
	}
	binary.BigEndian.PutUint32(b[4:], frame)
}

// left notes that the next frame of a stream is sent now, and returns its number.
func (l *Ledger) left(s stream) uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sent == nil {
		l.sent = map[stream][]time.Time{}
	}
	l.sent[s] = append(l.sent[s], time.Now())
	return uint32(len(l.sent[s]) - 1)
}

// arrived notes a packet that a peer got.
func (l *Ledger) arrived(to uint16, payload []byte) {
	if len(payload) < markAt+markSize {
		return
	}
	b, now := payload[markAt:], time.Now()
	p := path{stream{binary.BigEndian.Uint16(b), b[2] == 1}, to}
	frame := int(binary.BigEndian.Uint32(b[4:]))
	l.mu.Lock()
	defer l.mu.Unlock()
	if frame >= len(l.sent[p.stream]) || b[3] > 1 {
		return // not one of ours
	}
	if l.came == nil {
		l.came = map[path][]arrival{}
	}
	list := l.came[p]
	for len(list) <= frame {
		list = append(list, arrival{})
	}
	a := &list[frame]
	if part := byte(1) << b[3]; a.parts&part == 0 {
		a.parts |= part
		a.at = now
	}
	l.came[p] = list
}

// Account is how a call went for a while.
type Account struct {
	// Due is how many frames there were, each counted once for each peer that was to get it.
	Due int
	// Lost is how many of them did not come whole in time.
	Lost int
	// Slowest is how long the last packet of a frame took that came in time.
	Slowest time.Duration
	// By is the lost frames of each path, such as "Ada to Bob, pictures".
	By map[string]int
}

// Account counts the frames that were sent from one time to another. A frame is
// lost that is not whole within patience.
func (l *Ledger) Account(from, to time.Time, patience time.Duration) Account {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := Account{By: map[string]int{}}
	for s, list := range l.sent {
		for who := range l.names {
			if uint16(who) == s.from {
				continue
			}
			came := l.came[path{s, uint16(who)}]
			for frame, at := range list {
				if at.Before(from) || !at.Before(to) {
					continue
				}
				a.Due++
				if frame < len(came) && came[frame].parts == s.whole() && came[frame].at.Sub(at) <= patience {
					a.Slowest = max(a.Slowest, came[frame].at.Sub(at))
					continue
				}
				a.Lost++
				kind := "sounds"
				if s.video {
					kind = "pictures"
				}
				a.By[l.names[s.from]+" to "+l.names[who]+", "+kind]++
			}
		}
	}
	return a
}
