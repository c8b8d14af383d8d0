// Package node builds the parts of a node from its settings, and applies new
// settings to them while they run.
package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"umbrella/internal/access"
	"umbrella/internal/backhaul"
	"umbrella/internal/bound"
	"umbrella/internal/camera"
	"umbrella/internal/cause"
	"umbrella/internal/config"
	"umbrella/internal/forward"
	"umbrella/internal/httpd"
	"umbrella/internal/memory"
	"umbrella/internal/reach"
	"umbrella/internal/rtc"
	"umbrella/internal/sfu"
	"umbrella/internal/signal"
	"umbrella/internal/state"
	"umbrella/internal/turn"
	"umbrella/internal/whip"
	"umbrella/web"
)

// Node is a running node. Set the exported fields and Start.
type Node struct {
	// Version is what `umbrellad version` prints.
	Version string
	Log     *slog.Logger
	// Stderr is told the one thing that no log level may hide, the first password of
	// admins; nil: os.Stderr.
	Stderr io.Writer
	// Memory refuses those for whom there is too little memory; nil lets
	// everyone in.
	Memory *memory.Admission
	// Source is where the settings come from, and Reload reads them anew and
	// calls Apply, as the admin page asks for after it has changed them, and the
	// bus. It returns what is not valid or could not be applied. Nil lets that page
	// change nothing.
	Source config.Source
	Reload func(context.Context) error
	// Retry keeps the node on the bus after an error of Start, where it tells that
	// error: Start is to be called again, or Close.
	Retry bool
	// UbusPath is the socket of OpenWrt's bus; empty: where OpenWrt has it.
	UbusPath string

	cfg     atomic.Pointer[config.Config] // as applied
	started time.Time
	admin   *httpd.Admin

	publishLimit atomic.Int64 // kbit/s

	totals  forward.Totals
	sfu     *sfu.SFU
	lines   *bound.Shares[netip.Prefix] // that receivers are offered
	signal  *signal.Server
	whip    *whip.Server
	trunks  *backhaul.Backhaul
	cameras *camera.Manager
	gate    *access.Gate
	tokens  *access.Tokens
	admins  *access.Admins
	relay   *turn.Relay
	large   *bound.Large
	certs   *access.Certificates         // nil without TLS
	web     atomic.Pointer[httpd.Server] // nil if there was no going back to the one before
	bus     *bus
	// failure is why the node has not started; nil once it has.
	failure atomic.Pointer[string]
	reach   *reach.Watcher
	unwatch context.CancelFunc     // of the clock
	trouble atomic.Pointer[string] // why nobody reaches the web server, as it was logged
	looker  *looker

	// engine makes new connections. Those before it, on another port, carry on
	// the calls that were there when the port was changed.
	engine  atomic.Pointer[rtc.Engine]
	retired []*rtc.Engine
}

// Start brings up every part as cfg says. It returns once the node serves, or
// with the first thing that could not be started, all others stopped again.
func (n *Node) Start(cfg *config.Config) error {
	n.cfg.Store(cfg)
	if n.Retry && n.bus == nil {
		n.failure.Store(&stillStarting)
		n.bus = startBus(n)
	}
	if err := cause.Explain(n.startParts(cfg)); err != nil {
		words := err.Error()
		n.failure.Store(&words)
		return err
	}
	n.failure.Store(nil)
	if n.bus == nil {
		n.bus = startBus(n)
	}
	n.bus.follow()
	n.reach.Start()
	n.watchClock()
	n.logReach()
	n.tellPassword()
	return nil
}

// stillStarting is what the bus is told before the first attempt has ended.
var stillStarting = "it is still starting"

// startParts is Start without the bus.
func (n *Node) startParts(cfg *config.Config) error {
	n.started = time.Now()
	n.looker = newLooker(n.Log)
	n.admin = &httpd.Admin{Config: n.cfg.Load, Source: n.Source, Reload: n.Reload, Looker: n.looker}
	n.reach = n.newReach(cfg)
	n.sfu = &sfu.SFU{}
	n.setBudgets(n.Memory)
	n.startAccess(cfg)
	n.setRules(cfg)
	engine, err := n.startEngine(cfg)
	if err != nil {
		return err
	}
	n.engine.Store(engine)
	if err := n.startRelay(); err != nil {
		return errors.Join(err, engine.Close(context.Background()))
	}
	if err := n.startParticipants(); err != nil {
		return errors.Join(err, n.relay.Close(context.Background()), engine.Close(context.Background()))
	}
	n.trunks.Apply(cfg.Backhauls)
	n.cameras.Apply(cfg.Cameras)
	certs, web, err := n.startWeb(cfg)
	if err != nil {
		return errors.Join(err, n.closeParts(context.Background()))
	}
	n.certs = certs
	n.web.Store(web)
	return nil
}

// setRules makes the rooms' rules count for whoever comes from now on.
func (n *Node) setRules(cfg *config.Config) {
	limits := map[string]int{}
	for _, r := range cfg.Rooms {
		limits[r.Name] = r.MaxParticipants
	}
	n.sfu.SetLimit(func(room string) int { return limits[room] })
	n.sfu.SetMaxRooms(cfg.Main.MaxRooms, func(room string) bool {
		_, named := limits[room]
		return named
	})
	n.publishLimit.Store(int64(cfg.Main.PublishLimit))
	n.gate.SetRooms(cfg.Rooms, cfg.Main.Access)
	n.gate.SetTrustedProxies(cfg.Main.TrustedProxy)
	n.gate.SetCORS(cfg.Main.CORSOrigin)
	n.gate.SetHosts(slices.Concat(cfg.Main.PublicAddress, cfg.Main.ACME.Domains, []string{cfg.Main.Listen}))
}

func (n *Node) startEngine(cfg *config.Config) (*rtc.Engine, error) {
	e := &rtc.Engine{
		MediaPort: cfg.Main.MediaPort, PublicAddress: cfg.Main.PublicAddress, Totals: &n.totals, Lines: n.lines, Log: n.Log,
		PublishLimit: func() int { return int(n.publishLimit.Load()) }, Shared: n.gate.Shared,
	}
	if before := n.engine.Load(); before != nil {
		e.Identity = before.Identity
	}
	if err := e.Start(); err != nil {
		return nil, fmt.Errorf("option 'media_port': %w", err)
	}
	return e, nil
}

// startParticipants makes the parts through which people come in, and other
// nodes.
func (n *Node) startParticipants() error {
	n.large = bound.NewLarge()
	n.signal = &signal.Server{
		SFU: n.sfu, Engine: n.engine.Load, Admit: n.admit, Refusal: refusal, Offer: n.gate.Offer, Large: n.large,
		Address: n.gate.Address, IceServers: n.iceServers, Log: n.Log,
		AdmitModerator: n.gate.AdmitModerator, MayAsk: n.gate.MayAskToModerate, Invite: n.tokens.Mint,
	}
	n.signal.Start()
	n.whip = &whip.Server{
		SFU: n.sfu, Engine: n.engine.Load, Admit: n.admit, Status: refusalStatus, Offer: n.gate.Offer, Large: n.large,
		Address: n.gate.Address, IceServers: n.iceServers, CheckOrigin: n.gate.CheckOrigin, AllowOrigin: n.gate.AllowsOrigin, Log: n.Log,
	}
	n.whip.Start()
	n.cameras = &camera.Manager{SFU: n.sfu, Totals: &n.totals, Log: n.Log, KeepGroup: keepGroup(n.Memory)}
	n.trunks = &backhaul.Backhaul{
		SFU: n.sfu, Engine: n.engine.Load, Invited: n.gate.AdmitTrunk, Address: n.gate.Address, Origin: n.gate.Origin,
		Memory: n.Memory, Totals: &n.totals, Snapshot: n.snapshot, Log: n.Log,
	}
	return n.trunks.Start()
}

// keepGroup is how many bytes a camera's stream may keep for those who come: a
// 64th of the memory, no less than 10 s of what most cameras send.
func keepGroup(m *memory.Admission) int {
	figures, _ := m.State()
	return int(min(max(figures.Total()/64, forward.DefaultKeepGroup), forward.MaxKeepGroup))
}

// startWeb makes the web server, and the certificates that it needs.
func (n *Node) startWeb(cfg *config.Config) (*access.Certificates, *httpd.Server, error) {
	dist, err := fs.Sub(web.Dist, "dist")
	if err != nil {
		return nil, nil, fmt.Errorf("web client: %w", err)
	}
	var certs *access.Certificates
	if cfg.Main.TLS != config.TLSOff {
		certs = &access.Certificates{
			StateDir: cfg.Main.StateDir, PublicAddress: cfg.Main.PublicAddress, Log: n.Log,
		}
		switch cfg.Main.TLS {
		case config.TLSFiles:
			certs.CertFile, certs.KeyFile = cfg.Main.Cert, cfg.Main.Key
		case config.TLSACME:
			certs.ACME = n.acme(cfg)
		}
		if err := certs.Start(); err != nil {
			return nil, nil, fmt.Errorf("option 'tls': %w", err)
		}
		if sum := certs.Fingerprint(); sum != "" {
			n.Log.Info("this node's own CA; /trust on the web server tells how to trust it", "sha256", sum)
		}
	}
	s := &httpd.Server{
		Listen: cfg.Main.Listen, Prefix: cfg.Main.Prefix, Certificates: certs, Gate: n.gate,
		Public: func() []string { return n.cfg.Load().Main.PublicAddress }, Machine: n.reach.Machine,
		Signal: n.signal, Trunks: n.trunks, TrunkProtocol: backhaul.Subprotocol, TrunkDeclined: n.trunks.Declined,
		WHIP: n.whip, Status: n.status, Admin: n.admin,
		Kicks:     &httpd.Kicks{Do: n.remove, Status: kickStatus},
		Snapshots: &httpd.Snapshots{Find: n.findCamera, Status: snapshotStatus},
		Relay:     n.relayOf(cfg), Assets: dist, Log: n.Log,
	}
	if err := s.Start(); err != nil {
		if certs != nil {
			err = errors.Join(err, certs.Close(context.Background()))
		}
		return nil, nil, fmt.Errorf("option 'listen': %w", err)
	}
	return certs, s, nil
}

// acme is how a public CA certifies the node.
func (n *Node) acme(cfg *config.Config) *access.ACME {
	a := cfg.Main.ACME
	_, port, _ := net.SplitHostPort(cfg.Main.Listen) // it is valid
	return &access.ACME{
		Domains: a.Domains, Email: a.Email, Directory: a.Directory, Listen: a.HTTP, Port: port,
		Dir: filepath.Join(cfg.Main.StateDir, state.ACMEDir), Connect: n.gate.Connect, Log: n.Log,
	}
}

// Apply changes what runs into what cfg says, touching only what differs. No
// call is dropped. If something cannot be applied, the error names it, and
// everything stays as it was.
func (n *Node) Apply(cfg *config.Config) (err error) {
	defer func() { err = cause.Explain(err) }()
	was := n.cfg.Load()
	change := config.Diff(was, cfg).Main
	engine, made := n.retiredEngine(cfg.Main.MediaPort), false
	if change.MediaPort && engine == nil {
		e, err := n.startEngine(cfg)
		if err != nil {
			return err
		}
		engine, made = e, true
	}
	err = n.applyAccess(was, cfg)
	if err == nil && (change.Listen || change.Prefix || change.TLS || was.Main.TURN != cfg.Main.TURN || change.StateDir ||
		n.web.Load() == nil) {
		if err = n.replaceWeb(cfg); err != nil {
			err = errors.Join(err, n.applyAccess(cfg, was))
		}
	} else if err == nil && n.certs != nil {
		n.certs.Refresh()
	}
	if err != nil {
		if made {
			err = errors.Join(err, engine.Close(context.Background()))
		}
		return err
	}
	if change.MediaPort {
		n.retired = slices.DeleteFunc(n.retired, func(e *rtc.Engine) bool { return e == engine })
		n.retired = append(n.retired, n.engine.Swap(engine))
	}
	if change.PublicAddress || change.MediaPort && !made {
		n.engine.Load().SetPublicAddress(cfg.Main.PublicAddress)
	}
	if change.PublicAddress {
		if n.certs != nil {
			n.certs.SetPublicAddress(cfg.Main.PublicAddress)
		}
	}
	n.setRules(cfg)
	n.trunks.Apply(cfg.Backhauls)
	n.cameras.Apply(cfg.Cameras)
	n.cfg.Store(cfg)
	n.tellPassword()
	if change.Zones {
		n.reach.SetZones(cfg.Main.Zones)
	}
	n.logReach()
	return nil
}

// retiredEngine returns the one that still has the port, for the calls that were
// there when another became the port of new ones; or nil.
func (n *Node) retiredEngine(port int) *rtc.Engine {
	for _, e := range n.retired {
		if e.MediaPort == port {
			return e
		}
	}
	return nil
}

// replaceWeb makes a new web server in place of the present one. The sockets
// that came in through that stay.
func (n *Node) replaceWeb(cfg *config.Config) error {
	ctx, cancel := context.WithTimeout(context.Background(), replaceTimeout)
	defer cancel()
	// The new one may have to listen where the old one does.
	if err := n.closeWeb(ctx); err != nil {
		n.Log.Warn("requests were cut off by new settings", "error", err)
	}
	certs, s, problem := n.startWeb(cfg)
	if problem != nil {
		var err error
		if certs, s, err = n.startWeb(n.cfg.Load()); err != nil {
			return errors.Join(problem, fmt.Errorf("going back: %w", err))
		}
	}
	n.certs = certs
	n.web.Store(s)
	return problem
}

// replaceTimeout is how long requests have to end before the web server is
// replaced.
const replaceTimeout = 3 * time.Second

func (n *Node) closeWeb(ctx context.Context) error {
	var errs []error
	if s := n.web.Swap(nil); s != nil {
		errs = append(errs, s.Close(ctx))
	}
	if n.certs != nil {
		errs = append(errs, n.certs.Close(ctx))
	}
	n.certs = nil
	return errors.Join(errs...)
}

// Close ends all calls and stops. Participants are told that the node goes
// down; what has not ended when ctx is done is cut off.
func (n *Node) Close(ctx context.Context) error {
	var errs []error
	n.reach.Close()
	if n.unwatch != nil {
		n.unwatch()
	}
	if n.bus != nil {
		errs = append(errs, n.bus.close(ctx))
	}
	if n.failure.Load() == nil {
		errs = append(errs, n.closeParts(ctx))
	}
	return errors.Join(errs...)
}

func (n *Node) closeParts(ctx context.Context) error {
	n.cameras.Close()
	errs := []error{
		// People are told first, while the web server still carries it.
		n.signal.Close(ctx), n.whip.Close(ctx), n.trunks.Close(ctx), n.closeWeb(ctx), n.relay.Close(ctx), n.sfu.Close(ctx),
	}
	for _, e := range append(n.retired, n.engine.Load()) {
		errs = append(errs, e.Close(ctx))
	}
	return errors.Join(errs...)
}
