package node

import (
	"context"
	"errors"
	"time"

	"umbrella/internal/clock"
	"umbrella/internal/ubus"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// bus is the node on OpenWrt's ubus: the object `umbrella`, events of the same
// name, and the Wi-Fi stations that participants are. Where there is no ubus it
// does nothing.
type bus struct {
	node     *Node
	client   *ubus.Client
	stations *ubus.Stations
	stop     context.CancelFunc
	done     chan struct{}
}

const busObject = "umbrella"

func startBus(n *Node) *bus {
	b := &bus{node: n}
	b.client = &ubus.Client{Path: n.UbusPath, Object: busObject, Methods: b.methods(), Log: n.Log}
	b.stations = &ubus.Stations{Client: b.client}
	b.client.Start()
	return b
}

// follow begins to tell what happens at the node, which has started.
func (b *bus) follow() {
	ctx, cancel := context.WithCancel(context.Background())
	b.stop, b.done = cancel, make(chan struct{})
	go func() {
		defer close(b.done)
		b.tell(ctx)
	}()
}

func (b *bus) close(ctx context.Context) error {
	if b.stop != nil {
		b.stop()
		<-b.done
	}
	return b.client.Close(ctx)
}

// methods are those of a node that may not have started yet: until then, status tells
// why, reload has it try again, and the others fail with the reason.
func (b *bus) methods() map[string]ubus.Method {
	all := b.startedMethods()
	for name, m := range all {
		if name == "reload" {
			continue
		}
		started := m.Handler
		m.Handler = func(ctx context.Context, call *ubus.Call) (any, error) {
			switch why := b.node.failure.Load(); {
			case why == nil:
				return started(ctx, call)
			case name == "status":
				return b.notStarted(*why), nil
			default:
				return nil, ubus.Errorf(ubus.StatusNotFound, "the node has not started: %s", *why)
			}
		}
		all[name] = m
	}
	return all
}

func (b *bus) startedMethods() map[string]ubus.Method {
	show := func(what func(*umbrellav1.Status) any) ubus.Method {
		return ubus.Method{Handler: func(context.Context, *ubus.Call) (any, error) { return what(b.node.status()), nil }}
	}
	return map[string]ubus.Method{
		"status": show(b.status),
		"rooms":  show(func(st *umbrellav1.Status) any { return map[string]any{"rooms": plainList(st.Rooms)} }),
		"trunks": show(func(st *umbrellav1.Status) any {
			return map[string]any{"trunks": plainList(st.Trunks), "refused": plainList(st.RefusedTrunks)}
		}),
		"cameras": show(func(st *umbrellav1.Status) any { return map[string]any{"cameras": plainList(st.Cameras)} }),
		"probe": {
			Policy:  map[string]ubus.Type{"url": ubus.String, "camera": ubus.String},
			Handler: b.probe, Timeout: probeTime + 4*time.Second,
		},
		"discover": {
			Policy:  map[string]ubus.Type{"user": ubus.String, "password": ubus.String},
			Handler: b.discover, Timeout: discoverTime + askTime + 4*time.Second,
		},
		"reload": {Handler: b.reload, Timeout: reloadTime},
		"kick": {
			Policy:  map[string]ubus.Type{"room": ubus.String, "participant": ubus.String},
			Handler: b.kick,
		},
	}
}

func (b *bus) status(st *umbrellav1.Status) any {
	all := plain(st)
	all["problem"] = ""
	all["stateDir"] = b.node.cfg.Load().Main.StateDir
	return all
}

// notStarted is the status of a node that has not started, and why.
func (b *bus) notStarted(problem string) any {
	all := plain(&umbrellav1.Status{Version: b.node.Version, NowMs: clock.Shown(time.Now(), time.Now())})
	all["starting"] = problem == stillStarting
	all["problem"] = problem
	if problem == stillStarting {
		all["problem"] = ""
	}
	all["stateDir"] = b.node.cfg.Load().Main.StateDir
	return all
}

// probe tells what a camera sends.
func (b *bus) probe(ctx context.Context, call *ubus.Call) (any, error) {
	var arguments struct{ URL, Camera string }
	if err := call.Decode(&arguments); err != nil {
		return nil, err
	}
	url := arguments.URL
	if arguments.Camera != "" {
		for _, c := range b.node.cfg.Load().Cameras {
			if c.Section == arguments.Camera {
				url = c.URL
			}
		}
	}
	if url == "" {
		return nil, ubus.Errorf(ubus.StatusInvalidArgument, "probe needs the url of a camera, or the name of one in the settings as camera")
	}
	return looked(b.node.looker.Probe(ctx, url))
}

// discover looks for cameras on the local network.
func (b *bus) discover(ctx context.Context, call *ubus.Call) (any, error) {
	var arguments struct{ User, Password string }
	if err := call.Decode(&arguments); err != nil {
		return nil, err
	}
	return looked(b.node.looker.Discover(ctx, arguments.User, arguments.Password))
}

func looked(answer any, err error) (any, error) {
	if errors.Is(err, errLooking) {
		return nil, ubus.Errorf(ubus.StatusSystemError, "%v", err)
	}
	return answer, err
}

// reloadTime is how long settings may take to be applied.
const reloadTime = 25 * time.Second

// reload has the settings read anew, as SIGHUP does, and tells why they are not
// what the node runs by.
func (b *bus) reload(ctx context.Context, _ *ubus.Call) (any, error) {
	if b.node.Reload == nil {
		return nil, ubus.StatusNotSupported
	}
	err := b.node.Reload(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	problem := ""
	if err != nil {
		problem = err.Error()
	}
	return map[string]any{"problem": problem}, nil
}

// kick sends somebody away.
func (b *bus) kick(_ context.Context, call *ubus.Call) (any, error) {
	var arguments struct{ Room, Participant string }
	if err := call.Decode(&arguments); err != nil {
		return nil, err
	}
	if _, err := b.node.remove(arguments.Room, arguments.Participant); err != nil {
		return nil, ubus.Errorf(ubus.StatusNotFound, "%v", err)
	}
	return map[string]any{}, nil
}
