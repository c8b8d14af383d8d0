package camera

import (
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"umbrella/internal/config"
	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

// Manager has all cameras of a node. Set the exported fields and Apply.
type Manager struct {
	SFU *sfu.SFU
	Log *slog.Logger
	// Totals counts for the node; nil counts for nobody.
	Totals *forward.Totals
	// KeepGroup is how many bytes of its present group of pictures each stream of
	// a camera may keep, so that who comes sees a picture at once; 0 is
	// forward.DefaultKeepGroup.
	KeepGroup int
	// OnChange is told when a State is not what it was. It must not block, nor
	// call the Manager. May be nil.
	OnChange func()
	// Times are for tests; zero values are as the package's users expect them.
	Times Times

	dial dialer                  // nil: the network
	tap  func(net.Conn) net.Conn // sees what cameras say; may be nil

	mu      sync.Mutex
	cameras map[string]*Camera // by section
}

// Times says how long is waited for what.
type Times struct {
	// RetryLeast is the wait after a first failure, which doubles with each
	// further one up to RetryMost: 1 s and 30 s.
	RetryLeast, RetryMost time.Duration
	// Stall is how long nothing may come before the camera is dialled anew: 5 s.
	Stall time.Duration
	// UDPWait is how long the first packet may take by UDP: 3 s.
	UDPWait time.Duration
	// Linger is how long a camera on demand is kept after its last viewer: 10 s.
	Linger time.Duration
	// Look is how long a probe looks at least at what comes: 3 s.
	Look time.Duration
}

func (t Times) withDefaults() Times {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&t.RetryLeast, time.Second)
	set(&t.RetryMost, 30*time.Second)
	set(&t.Stall, 5*time.Second)
	set(&t.UDPWait, 3*time.Second)
	set(&t.Linger, 10*time.Second)
	set(&t.Look, 3*time.Second)
	return t
}

func (m *Manager) keepGroup() int {
	if m.KeepGroup > 0 {
		return m.KeepGroup
	}
	return forward.DefaultKeepGroup
}

// Apply makes the cameras be those of list. It touches only those that differ,
// and returns when those that ended have left their rooms.
func (m *Manager) Apply(list []config.Camera) {
	m.mu.Lock()
	defer m.mu.Unlock()
	wanted := map[string]config.Camera{}
	for _, c := range list {
		if c.Enabled {
			wanted[c.Section] = c
		}
	}
	var ended sync.WaitGroup
	for section, c := range m.cameras {
		if cfg, ok := wanted[section]; !ok || cfg != c.cfg {
			delete(m.cameras, section)
			ended.Go(c.stop)
		}
	}
	ended.Wait()
	if m.cameras == nil {
		m.cameras = map[string]*Camera{}
	}
	for section, cfg := range wanted {
		if m.cameras[section] == nil {
			c := m.newCamera(cfg)
			m.cameras[section] = c
			c.start()
		}
	}
}

// States tells where each camera stands, by section.
func (m *Manager) States() []State {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []State
	for _, c := range m.cameras {
		list = append(list, c.State())
	}
	slices.SortFunc(list, func(a, b State) int { return strings.Compare(a.Section, b.Section) })
	return list
}

// Close takes all cameras out of their rooms and waits until all has ended.
func (m *Manager) Close() { m.Apply(nil) }
