// Bench measures what a WebRTC server spends to forward media: it publishes and
// subscribes over WHIP and WHEP and reads the server's figures from /proc.
//
// Without flags it starts bin/umbrellad anew for each work and prints a table.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"umbrella/bench/internal/load"
	"umbrella/bench/internal/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	daemon             string
	codec              string
	works              []load.Work
	others             []other
	windows            int
	window             time.Duration
	json, svg, tableIn string
}

// other is another server: one that runs already, or is started for each work.
type other struct {
	name    string
	target  load.Target
	pid     int
	command string // that starts it; empty: it runs
}

func run(ctx context.Context) error {
	o, err := parse(os.Args[1:])
	if err != nil {
		return err
	}
	var rows []report.Row
	for _, work := range o.works {
		if o.daemon != "" {
			row, err := o.umbrella(ctx, work)
			if err != nil {
				return fmt.Errorf("umbrella, %s: %w", work.Name(), err)
			}
			rows = append(rows, row)
		}
		for _, v := range o.others {
			var row report.Row
			var err error
			if v.command != "" {
				row, err = v.anew(ctx, o, work)
			} else {
				row, err = o.measure(ctx, v.name, v.target, work, v.pid)
			}
			if err != nil {
				return fmt.Errorf("%s, %s: %w", v.name, work.Name(), err)
			}
			rows = append(rows, row)
		}
	}
	if err := report.Text(os.Stdout, rows); err != nil {
		return err
	}
	return o.save(rows)
}

func (o *options) save(rows []report.Row) error {
	if o.json != "" {
		b, err := json.MarshalIndent(rows, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.json, append(b, '\n'), 0o644); err != nil {
			return err
		}
	}
	if o.svg != "" {
		if err := os.WriteFile(o.svg, []byte(report.Chart(rows)), 0o644); err != nil {
			return err
		}
	}
	if o.tableIn != "" {
		b, err := os.ReadFile(o.tableIn)
		if err != nil {
			return err
		}
		text, err := report.Splice(string(b), machine()+"\n"+report.Markdown(rows))
		if err != nil {
			return fmt.Errorf("%s: %w", o.tableIn, err)
		}
		return os.WriteFile(o.tableIn, []byte(text), 0o644)
	}
	return nil
}

func parse(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	works := f.String("work", "1x10,1x50,1x100,8x8", "publishers `x` subscribers, each of whom gets every publisher")
	f.StringVar(&o.daemon, "daemon", "bin/umbrellad", "umbrellad to measure; empty for none")
	f.StringVar(&o.codec, "codec", "vp8", "vp8 or h264")
	f.IntVar(&o.windows, "windows", 3, "windows to measure for each work")
	f.DurationVar(&o.window, "window", 10*time.Second, "length of a window")
	f.StringVar(&o.json, "json", "", "write the rows to this `file`")
	f.StringVar(&o.svg, "svg", "", "write a chart to this `file`")
	f.StringVar(&o.tableIn, "table-in", "", "put the table between the marks of this Markdown `file`")
	f.Func("vs", "measure another server too: `NAME=WHIP,WHEP,PID`, with %d for a publisher's number; of Galene NAME=ws://HOST:PORT/ws,GROUP,PID", func(s string) error {
		v, rest, err := parseOther(s)
		if err == nil {
			if v.pid, err = strconv.Atoi(rest); err != nil {
				err = fmt.Errorf("process id %q: %w", rest, err)
			}
		}
		o.others = append(o.others, v)
		return err
	})
	f.Func("vs-run", "the same of a server that is started anew for each work, and ended after it: `NAME=WHIP,WHEP,COMMAND`; its output is hidden", func(s string) error {
		v, rest, err := parseOther(s)
		v.command = rest
		o.others = append(o.others, v)
		return err
	})
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	for i := range o.others {
		o.others[i].target.Codec = o.codec
	}
	for s := range strings.SplitSeq(*works, ",") {
		var w load.Work
		if n, err := fmt.Sscanf(s, "%dx%d", &w.Publishers, &w.Subscribers); err != nil || n != 2 || w.Publishers < 1 || w.Subscribers < 1 {
			return nil, fmt.Errorf("-work %q: want such as 1x100", s)
		}
		o.works = append(o.works, w)
	}
	if o.windows < 1 || o.window < time.Second {
		return nil, errors.New("at least one window of a second")
	}
	return o, nil
}

// parseOther reads NAME=WHIP,WHEP,REST. There may be commas in the rest.
func parseOther(s string) (v other, rest string, err error) {
	name, where, ok := strings.Cut(s, "=")
	parts := strings.SplitN(where, ",", 3)
	if !ok || name == "" || len(parts) != 3 || strings.TrimSpace(parts[2]) == "" {
		return v, "", errors.New("want NAME=WHIP,WHEP, and a process id or a command")
	}
	v.name, v.target = name, load.Target{WHIP: parts[0], WHEP: parts[1]}
	return v, parts[2], nil
}
