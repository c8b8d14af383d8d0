package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"umbrella/internal/bound"
	"umbrella/internal/cause"
	"umbrella/internal/config"
	"umbrella/internal/crash"
	"umbrella/internal/usage"
)

// runner is a *node.Node, or what a test has in its place.
type runner interface {
	Start(*config.Config) error
	Apply(*config.Config) error
	URLs() []string
	Close(context.Context) error
}

// daemon runs a node until a signal ends it.
type daemon struct {
	Version string
	// Load reads the settings anew.
	Load func() (*config.Config, error)
	// NewNode makes the node. What runs in it may call reload, to have the
	// settings read anew and applied, and to know what could not be.
	NewNode        func(log *slog.Logger, reload func(context.Context) error) runner
	Stdout, Stderr io.Writer
	// StopTimeout is how long the node has to stop. The last fifth of it is
	// for cutting off what has not ended by itself.
	StopTimeout time.Duration
	// Pause is how long Run waits before it starts a node again that could not be
	// started; a reload makes it try at once. 0: Run returns after the first attempt.
	Pause time.Duration

	warned map[string]bool // the warnings of the last settings
	node   runner
	log    *slog.Logger
	level  slog.LevelVar
	// applied gets the result of the Apply that is under way, by the settings
	// applying; nil if none is.
	applied  chan error
	applying *config.Config
	// again is set by a SIGHUP that came during an Apply.
	again bool
	// asked gets whom to tell how a reload went. waiting are those whom the Apply
	// under way is for, next those who asked during it.
	asked         chan chan<- error
	waiting, next []chan<- error
}

// Run starts the node and returns its exit code once it has ended.
func (d *daemon) Run(cfg *config.Config, signals <-chan os.Signal) int {
	d.level.Set(cfg.Main.LogLevel)
	d.log = slog.New(slog.NewTextHandler(d.Stderr, &slog.HandlerOptions{Level: &d.level}))
	d.warn(cfg)
	if !cfg.Main.Enabled {
		d.sayDisabled()
		return usage.OK
	}
	d.recordCrashes(cfg.Main.StateDir)
	d.asked = make(chan chan<- error)
	// What the node says may be caused by anybody; what is said here is not.
	d.node = d.NewNode(slog.New(bound.NewLog(d.log.Handler())), d.ask)
	cfg, code := d.bringUp(cfg, signals)
	if cfg == nil {
		return code
	}
	fmt.Fprintf(d.Stdout, "Umbrella %s is running.\n", d.Version)
	for _, u := range d.node.URLs() {
		fmt.Fprintf(d.Stdout, "Open %s\n", u)
	}
	for {
		select {
		case sig := <-signals:
			switch {
			case sig != syscall.SIGHUP:
				d.log.Info("stopping", "signal", sig.String())
				return d.stop(signals)
			case d.applied != nil:
				d.again = true
			case !d.reload():
				return d.stop(signals)
			}
		case tell := <-d.asked:
			d.next = append(d.next, tell)
			if d.applied != nil {
				d.again = true
			} else if !d.reload() {
				return d.stop(signals)
			}
		case err := <-d.applied:
			d.applied = nil
			if err != nil {
				d.log.Error("the settings could not be applied, so the ones that run stay", "error", err)
			} else {
				d.level.Set(d.applying.Main.LogLevel)
				d.log.Info("settings applied")
			}
			d.tell(err)
			if d.again {
				d.again = false
				if !d.reload() {
					return d.stop(signals)
				}
			}
		}
	}
}

// bringUp starts the node, and tries again after each Pause, or at once when it is
// asked to reload, by the settings as they are then. It returns those that the node
// started by, or nil and the exit code.
func (d *daemon) bringUp(cfg *config.Config, signals <-chan os.Signal) (*config.Config, int) {
	for {
		err := d.node.Start(cfg)
		d.tell(err)
		if err == nil {
			d.level.Set(cfg.Main.LogLevel)
			return cfg, usage.OK
		}
		d.log.Error("could not start", "error", err)
		if d.Pause == 0 {
			return nil, usage.Failure
		}
		select {
		case sig := <-signals:
			if sig != syscall.SIGHUP {
				d.stop(signals)
				return nil, usage.Failure
			}
		case tell := <-d.asked:
			d.waiting = append(d.waiting, tell)
		case <-time.After(d.Pause):
		}
		next, err := d.Load()
		if err != nil {
			d.complain(err)
			d.tell(fmt.Errorf("the settings are not valid: %w", err))
			continue
		}
		d.warn(next)
		if cfg = next; !cfg.Main.Enabled {
			d.sayDisabled()
			return nil, d.stop(signals)
		}
	}
}

// complain logs why settings are not valid.
func (d *daemon) complain(err error) {
	problems, ok := errors.AsType[config.Problems](err)
	if !ok {
		d.log.Error("settings not readable", "error", err)
	}
	for _, p := range problems {
		d.log.Error("setting not valid", "problem", p.Error())
	}
}

// recordCrashes has crashes written to the directory of the state, and tells of one
// that the process before this one has ended by.
func (d *daemon) recordCrashes(dir string) {
	crash.LogTo(d.log)
	last, err := crash.Record(dir, time.Now())
	if err != nil {
		d.log.Warn("crashes are told to standard error only", "error", cause.Explain(err))
	}
	if last.Fresh {
		d.log.Error("started again after a crash", "at", last.At.Format(time.RFC3339), "reason", last.Reason,
			"crashes", last.Count, "more", filepath.Join(dir, crash.LastFile))
	}
}

// ask has the settings read anew and applied, as a SIGHUP does, and waits until
// that is done or ctx is. It may be called from anywhere but Apply.
func (d *daemon) ask(ctx context.Context) error {
	done := make(chan error, 1)
	select {
	case d.asked <- done:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tell lets those know how it went who wait for that.
func (d *daemon) tell(err error) {
	for _, done := range d.waiting {
		done <- err
	}
	d.waiting = nil
}

// reload reads the settings and begins to apply them. It returns false if they
// say that the node is not to run.
func (d *daemon) reload() bool {
	d.waiting, d.next = d.next, nil
	cfg, err := d.Load()
	if err != nil {
		d.complain(err)
		d.log.Error("the settings are not valid, so the ones that run stay")
		d.tell(fmt.Errorf("the settings are not valid, so the ones that run stay: %w", err))
		return true
	}
	d.warn(cfg)
	if !cfg.Main.Enabled {
		d.sayDisabled()
		return false
	}
	d.applied, d.applying = make(chan error, 1), cfg
	go func(applied chan<- error) { applied <- d.node.Apply(cfg) }(d.applied)
	return true
}

// stop closes the node. A second signal, or a node that takes too long, ends
// the waiting.
func (d *daemon) stop(signals <-chan os.Signal) int {
	deadline := time.NewTimer(d.StopTimeout)
	defer deadline.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), d.StopTimeout*4/5)
	defer cancel()
	closed := make(chan error, 1)
	go func() {
		if d.applied != nil {
			select {
			case <-d.applied:
			case <-ctx.Done():
			}
		}
		closed <- d.node.Close(ctx)
	}()
	for {
		select {
		case err := <-closed:
			if err != nil {
				d.log.Error("could not stop cleanly", "error", err)
				return usage.Failure
			}
			d.log.Info("stopped")
			return usage.OK
		case sig := <-signals:
			if sig != syscall.SIGHUP {
				d.log.Warn("stopped at once, by a second signal", "signal", sig.String())
				return usage.Failure
			}
		case <-deadline.C:
			d.log.Error("could not stop in time", "limit", d.StopTimeout)
			return usage.Failure
		}
	}
}

// warn logs the warnings of settings, without those that the settings before had too:
// each stands in the log once for as long as it holds.
func (d *daemon) warn(cfg *config.Config) {
	warned := map[string]bool{}
	for _, w := range cfg.Warnings {
		if !d.warned[w] {
			d.log.Warn("settings", "warning", w)
		}
		warned[w] = true
	}
	d.warned = warned
}

func (d *daemon) sayDisabled() {
	fmt.Fprintln(d.Stdout, "Umbrella is not enabled: the option enabled of the section 'main' (or UMBRELLA_ENABLED) is 0.")
}
