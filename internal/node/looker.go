package node

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"umbrella/internal/camera"
	"umbrella/internal/onvif"
)

// looker looks at cameras that need not be in the settings, for the admin page
// and for the bus. It implements httpd.Looker.
type looker struct {
	log *slog.Logger
	// slots bounds how many looks are under way.
	slots chan struct{}
}

const (
	maxLooks = 2
	// How long one camera is looked at, how long cameras are looked for, and how long all
	// of them together are asked: a recorder takes some hundred questions. With what it
	// takes besides, rpcd's 30 s have to be enough.
	probeTime    = 25 * time.Second
	discoverTime = 3 * time.Second
	askTime      = 20 * time.Second
)

var errLooking = errors.New("cameras are being looked at already: try again in a moment")

func newLooker(log *slog.Logger) *looker {
	return &looker{log: log, slots: make(chan struct{}, maxLooks)}
}

func (l *looker) begin() bool {
	select {
	case l.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

func (l *looker) end() { <-l.slots }

// Probe implements httpd.Looker.
func (l *looker) Probe(ctx context.Context, url string) (any, error) {
	if !l.begin() {
		return nil, errLooking
	}
	defer l.end()
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	report := (&camera.Probe{URL: url}).Run(ctx)
	answer := map[string]any{"text": report.String(), "plays": report.Plays, "hears": report.Hears}
	if t := cmp.Or(report.Trouble, report.Blind); t != nil {
		answer["trouble"] = map[string]any{"reason": t.Reason, "advice": t.Advice}
	}
	return answer, nil
}

// Discover implements httpd.Looker.
func (l *looker) Discover(ctx context.Context, user, password string) (any, error) {
	if !l.begin() {
		return nil, errLooking
	}
	defer l.end()
	devices, err := onvif.Discover(ctx, onvif.Options{Wait: discoverTime, Log: l.log})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	cameras := []any{}
	for _, r := range onvif.Ask(ctx, devices, user, password) {
		cameras = append(cameras, foundCamera(r))
	}
	return map[string]any{"cameras": cameras}, nil
}

func foundCamera(r onvif.Result) map[string]any {
	problem := ""
	if r.Err != nil {
		problem = r.Err.Error()
	}
	profiles := []any{}
	for _, p := range r.Profiles {
		profiles = append(profiles, map[string]any{
			"name": p.Name, "url": p.URL, "codec": p.Codec, "width": p.Width, "height": p.Height, "role": string(p.Role),
		})
	}
	return map[string]any{
		"address": r.Device.Address, "name": r.Device.Name, "manufacturer": r.Information.Manufacturer,
		"model": r.Information.Model, "problem": problem, "profiles": profiles,
	}
}
