package forward

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// chunk is how many streams are served between two flushes: enough to fill
	// a system call, few enough that the first does not wait for the last.
	chunk = 16
	// spreadFrom is the number of streams from which a burst is spread over the
	// cores. Waking a helper costs about what serving one stream does.
	spreadFrom = 2 * chunk
)

// Pool is goroutines that help layers with many subscribers, one for each core
// but the one that the layer itself runs on. nil is a pool of none.
type Pool struct {
	size int
	work chan *fanout
	stop chan struct{}
	done sync.WaitGroup
}

// NewPool starts the goroutines.
func NewPool() *Pool {
	p := &Pool{size: runtime.GOMAXPROCS(0) - 1, work: make(chan *fanout), stop: make(chan struct{})}
	for range p.size {
		p.done.Go(func() {
			for {
				select {
				case f := <-p.work:
					f.serve()
					f.helpers.Done()
				case <-p.stop:
					return
				}
			}
		})
	}
	return p
}

// Close ends them. Layers go on without help.
func (p *Pool) Close() {
	close(p.stop)
	p.done.Wait()
}

// fanout is one burst on its way to all streams of a layer.
type fanout struct {
	layer   *Layer
	burst   []Packet
	streams []*Stream
	next    atomic.Int32 // chunk to be served
	helpers sync.WaitGroup
}

// run serves all streams and returns when that is done.
func (f *fanout) run(p *Pool, l *Layer, burst []Packet, streams []*Stream) {
	f.layer, f.burst, f.streams = l, burst, streams
	f.next.Store(0)
	if p != nil && len(streams) >= spreadFrom {
		for range min(p.size, (len(streams)-1)/chunk) {
			f.helpers.Add(1)
			select {
			case p.work <- f:
			default: // all are busy
				f.helpers.Done()
			}
		}
	}
	f.serve()
	f.helpers.Wait()
	f.streams = nil
}

// serve takes chunk after chunk until none is left.
func (f *fanout) serve() {
	for {
		begin := int(f.next.Add(1)-1) * chunk
		if begin >= len(f.streams) {
			return
		}
		part := f.streams[begin:min(begin+chunk, len(f.streams))]
		now := time.Now()
		for _, s := range part {
			s.send(f.layer, f.burst, now)
		}
		for _, s := range part {
			s.flush()
		}
	}
}

// maxPad is how many bytes a packet may grow by to be as long as those beside
// it.
const maxPad = 24

// even has packets that are nearly of one length leave with one length: the
// kernel takes those in one piece (UDP_SEGMENT), of which only the last may be
// shorter. Browsers cut a frame into packets that differ by a byte.
func even(burst []Packet) {
	n := len(burst) - 1
	for i := range burst {
		burst[i].pad = 0
	}
	for i := n - 1; i >= 0; i-- { // up to the longer one that follows
		burst[i].padTo(&burst[i+1])
	}
	for i := 1; i < n; i++ { // up to the longer one before
		burst[i].padTo(&burst[i-1])
	}
}

func (p *Packet) padTo(other *Packet) {
	if len(p.Payload) == 0 {
		return
	}
	if d := len(other.Payload) + int(other.pad) - len(p.Payload); d > int(p.pad) && d <= maxPad {
		p.pad = uint8(d)
	}
}
