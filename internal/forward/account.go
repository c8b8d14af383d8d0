package forward

import (
	"sync"
	"time"

	"umbrella/internal/bound"
)

// Histories is the memory that all layers of a node keep packets in. Its Pool
// bounds the bytes: payloads, and what goes with them. By the clock, every
// tidyInterval, each layer gives back what it does not need any more, whether
// packets come or not. The zero value has no bound; it is safe for concurrent use.
type Histories struct {
	Pool bound.Pool

	mu     sync.Mutex
	layers map[*Layer]struct{} // that keep something
	timer  *time.Timer         // while there are any
}

// tidyInterval is how often the layers give back what they do not need.
const tidyInterval = 500 * time.Millisecond

// Account is what the layers of one publisher keep together. It may keep as much as
// is left free of the node's memory for histories (see bound.Share), so that one
// publisher that sends a lot shortens its own history before that of others.
type Account struct {
	histories *Histories
	share     bound.Share
}

// Account makes one for another publisher. It has to be given back by nobody: it is
// empty when the publisher's layers are closed.
func (h *Histories) Account() *Account {
	return &Account{histories: h, share: bound.Share{Pool: &h.Pool}}
}

// Bytes is how much the layers of the account keep.
func (a *Account) Bytes() int64 { return a.share.Used() }

// watch has a layer tidied from now on, until unwatch.
func (h *Histories) watch(l *Layer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.layers == nil {
		h.layers = map[*Layer]struct{}{}
	}
	h.layers[l] = struct{}{}
	if h.timer == nil {
		h.timer = time.AfterFunc(tidyInterval, h.tidy)
	}
}

func (h *Histories) unwatch(l *Layer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.layers, l)
}

func (h *Histories) tidy() {
	h.mu.Lock()
	list := make([]*Layer, 0, len(h.layers))
	for l := range h.layers {
		list = append(list, l)
	}
	h.mu.Unlock()
	now := time.Now()
	for _, l := range list {
		l.tidy(now)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.layers) == 0 {
		h.timer = nil // until a layer keeps something again
		return
	}
	h.timer.Reset(tidyInterval)
}
