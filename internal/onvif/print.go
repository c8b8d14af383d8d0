package onvif

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"

	"umbrella/internal/bound"
	"umbrella/internal/crash"
	"umbrella/internal/credential"
)

// Result is what one camera said.
type Result struct {
	Device      Device
	Information Information
	Profiles    []Profile
	// Err is why there are no profiles. Nil where the camera was not asked.
	Err error
}

// Ask asks all devices for their make and their streams, some at a time, with
// the same user and password. The results are in the order of the devices.
func Ask(ctx context.Context, devices []Device, user, password string) []Result {
	const atATime = 8
	results := make([]Result, len(devices))
	var running sync.WaitGroup
	slots := make(chan struct{}, atATime)
	for i, d := range devices {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			r := &results[i]
			r.Device = d
			defer crash.Contain(crash.ONVIF, d.Address, &r.Err)
			// What is given here was not named with an address: each device gets digests
			// of it at most, where it answered from.
			login := credential.ForHost(user, password, d.host())
			if r.Profiles, r.Err = d.Streams(ctx, login); r.Err == nil {
				// A camera that keeps its make to itself still has its streams.
				r.Information, _ = d.Information(ctx, login)
			}
		})
	}
	running.Wait()
	return results
}

// Print writes what was found, for people. The URLs have no passwords in them,
// save where the camera puts one into a path.
func Print(w io.Writer, results []Result) error {
	t := &printer{w: w}
	switch len(results) {
	case 0:
		t.line("No camera answered. Is ONVIF switched on in the camera's settings, and is it in this network?")
	case 1:
		t.line("1 camera")
	default:
		t.line("%d cameras", len(results))
	}
	for _, r := range results {
		t.result(r)
	}
	return t.err
}

// maxLine is how long an error may be where it is printed, in bytes.
const maxLine = 1024

type printer struct {
	w   io.Writer
	err error
}

func (t *printer) line(format string, a ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format+"\n", a...)
	}
}

func (t *printer) result(r Result) {
	title := r.Device.Address
	if r.Device.Name != "" {
		title += "  " + r.Device.Name
	}
	t.line("\n%s", title)
	pairs := []struct{ name, value string }{
		{"hardware", r.Device.Hardware},
		{"make", join(r.Information.Manufacturer, r.Information.Model)},
		{"firmware", r.Information.Firmware},
		{"location", r.Device.Location},
		{"interface", r.Device.Interface},
		{"service", strings.Join(first(r.Device.Services, 1), "")},
		{"says", r.Device.Named},
	}
	for _, p := range pairs {
		if p.value != "" {
			t.line("  %-10s %s", p.name, p.value)
		}
	}
	if r.Err != nil {
		t.line("  %-10s %s", "no streams", bound.Text(r.Err.Error(), maxLine))
	}
	t.profiles(r.Profiles)
}

func (t *printer) profiles(profiles []Profile) {
	if t.err != nil || len(profiles) == 0 {
		return
	}
	several := false
	for _, p := range profiles {
		several = several || p.Source != profiles[0].Source
	}
	table := tabwriter.NewWriter(t.w, 0, 0, 2, ' ', 0)
	for _, p := range profiles {
		source := ""
		if several {
			source = p.Source + "\t"
		}
		fmt.Fprintf(table, "  %s\t%s%s\t%s\t%s\n", orDash(string(p.Role)), source, orDash(p.Name), orDash(p.picture()), p.URL)
	}
	t.err = table.Flush()
}

// picture is such as "H264 1920×1080, 25 frames/s, 4096 kbit/s, sound AAC".
func (p Profile) picture() string {
	parts := []string{join(p.Codec, p.Size())}
	if p.FrameRate > 0 {
		parts = append(parts, strconv.FormatFloat(p.FrameRate, 'f', -1, 64)+" frames/s")
	}
	if p.BitRate > 0 {
		parts = append(parts, strconv.Itoa(p.BitRate)+" kbit/s")
	}
	if p.AudioCodec != "" {
		parts = append(parts, "sound "+p.AudioCodec)
	}
	if parts[0] == "" {
		parts = parts[1:]
	}
	return strings.Join(parts, ", ")
}

func join(a, b string) string { return strings.TrimSpace(a + " " + b) }

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
