package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"umbrella/internal/camera"
	"umbrella/internal/config"
	"umbrella/internal/onvif"
	"umbrella/internal/usage"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// showCameras prints the cameras of the daemon that runs by the settings.
func showCameras(in *invocation) int { return in.ask(printCameras, "cameras") }

// printCameras prints the cameras as a table, and below it what is wrong with
// some, and what to do.
func printCameras(w io.Writer, st *umbrellav1.Status) error {
	if len(st.Cameras) == 0 {
		_, err := fmt.Fprintf(w, "%s has no cameras. See 'config camera' in the settings, and 'umbrellad cameras discover'.\n", shown(st.NodeName))
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CAMERA\tROOM\tSTREAM\tSTATE\tFOR\tBY\tPICTURE\tSOUND")
	for _, c := range st.Cameras {
		for _, s := range c.Streams {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", shown(c.Id), shown(c.Room), shown(s.Option), phaseOf(s.Phase),
				since(st.NowMs, s.SinceMs), dash(strings.ToUpper(s.Transport)), dash(s.Video), dash(s.Sound))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, c := range st.Cameras {
		if c.Trouble != nil && !troubleOfStream(c) {
			fmt.Fprintf(w, "\n%s: %s%s\n", shown(c.Id), sentence(c.Trouble), again(st.NowMs, c.RetryAtMs))
		}
		for _, s := range c.Streams {
			if s.Trouble != nil {
				fmt.Fprintf(w, "\n%s, %s: %s%s\n", shown(c.Id), shown(s.Option), sentence(s.Trouble), again(st.NowMs, s.RetryAtMs))
			}
			for _, n := range s.Notes {
				fmt.Fprintf(w, "\n%s, %s: %s\n", shown(c.Id), shown(s.Option), sentence(n))
			}
		}
	}
	return nil
}

// troubleOfStream tells whether one of the streams says the same.
func troubleOfStream(c *umbrellav1.CameraStatus) bool {
	for _, s := range c.Streams {
		if s.Trouble.GetReason() == c.Trouble.GetReason() {
			return true
		}
	}
	return false
}

func phaseOf(p umbrellav1.CameraPhase) string {
	switch p {
	case umbrellav1.CameraPhase_CAMERA_PHASE_CONNECTING:
		return "connecting"
	case umbrellav1.CameraPhase_CAMERA_PHASE_IDLE:
		return "not watched"
	case umbrellav1.CameraPhase_CAMERA_PHASE_LIVE:
		return "live"
	case umbrellav1.CameraPhase_CAMERA_PHASE_DOWN:
		return "down"
	}
	return "?"
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return shown(s)
}

// sentence tells a trouble and what to do.
func sentence(t *umbrellav1.CameraTrouble) string {
	if t.Advice == "" {
		return shown(t.Reason) + "."
	}
	return shown(t.Reason) + ": " + shown(t.Advice) + "."
}

// again tells when something is tried again.
func again(now, at int64) string {
	switch wait := time.Duration(at-now) * time.Millisecond; {
	case at == 0:
		return ""
	case wait <= 0:
		return " Tried again now."
	default:
		return fmt.Sprintf(" Tried again in %.0f s.", (wait + time.Second - 1).Truncate(time.Second).Seconds())
	}
}

// probeCamera tells what a camera sends.
func probeCamera(in *invocation) int {
	url := in.arguments[0]
	if !strings.Contains(url, "://") {
		cfg, err := in.source.Load()
		if err != nil {
			fmt.Fprintln(in.err, err)
			return usage.Settings
		}
		i := slices.IndexFunc(cfg.Cameras, func(c config.Camera) bool { return c.Section == url })
		if i < 0 {
			return in.wrong(fmt.Errorf("%q is neither a URL nor a section 'camera' of the settings", url))
		}
		url = cfg.Cameras[i].URL
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fmt.Fprintln(in.err, "Looking at it: this takes up to 20 seconds.")
	report := (&camera.Probe{URL: url, Record: in.report != ""}).Run(ctx)
	if err := in.printReport(report); err != nil {
		return in.fail(fmt.Errorf("-report: %w", err))
	}
	if !report.Plays && !report.Hears {
		return usage.Failure
	}
	return usage.OK
}

// printReport prints what was found, and writes the transcript where -report says.
func (in *invocation) printReport(r *camera.Report) error {
	switch in.report {
	case "":
		fmt.Fprint(in.out, r)
		return nil
	case "-":
		fmt.Fprint(in.err, r)
		_, err := io.WriteString(in.out, r.Transcript)
		return err
	}
	fmt.Fprint(in.out, r)
	return os.WriteFile(in.report, []byte(r.Transcript), 0o600)
}

// discoverCameras looks for cameras and asks those it finds for their streams.
func discoverCameras(in *invocation) int {
	password := ""
	if in.user != "" {
		var err error
		if password, err = readPassword(in, "Password of "+in.user+": "); err != nil {
			return in.fail(fmt.Errorf("reading the password of %q: %w", in.user, err))
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fmt.Fprintln(in.err, "Looking for cameras in the local network: this takes some seconds.")
	devices, err := onvif.Discover(ctx, onvif.Options{})
	if err != nil {
		return in.fail(err)
	}
	if err := onvif.Print(in.out, onvif.Ask(ctx, devices, in.user, password)); err != nil {
		return in.fail(err)
	}
	return usage.OK
}
