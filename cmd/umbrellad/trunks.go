package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

// showTrunks prints the trunks of the daemon that runs by the settings.
func showTrunks(in *invocation) int { return in.ask(printTrunks, "trunks", "refusedTrunks") }

// printTrunks prints the trunks as a table, and below it why some are down.
func printTrunks(w io.Writer, st *umbrellav1.Status) error {
	if len(st.Trunks) == 0 && len(st.RefusedTrunks) == 0 {
		_, err := fmt.Fprintf(w, "%s has no trunks. See 'config backhaul' in the settings.\n", shown(st.NodeName))
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TRUNK\tSTATE\tNODE\tFOR\tROUND TRIP\tSENT\tRECEIVED\tROUTES\tMEDIA")
	for _, trunk := range st.Trunks {
		if len(trunk.Links) == 0 {
			fmt.Fprintf(t, "%s\t%s\t\t\t\t\t\t\t\n", shown(trunk.Name), stateOf(trunk))
		}
		for _, l := range trunk.Links {
			fmt.Fprintf(t, "%s\tconnected\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n",
				shown(trunk.Name), shown(l.NodeName), since(st.NowMs, l.SinceMs), milliseconds(l.RoundTripMs),
				flow(l.SentStreams, l.SentBitsPerSecond), flow(l.ReceivedStreams, l.ReceivedBitsPerSecond), l.Routes, shown(l.Media))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, trunk := range st.Trunks {
		for _, l := range trunk.Links {
			if l.Refused != "" {
				fmt.Fprintf(w, "\n%s: %s, of %s.\n", shown(trunk.Name), shown(l.Refused), shown(l.NodeName))
			}
		}
		if trunk.Problem != "" && len(trunk.Links) == 0 {
			fmt.Fprintf(w, "\n%s is down: %s.%s\n", shown(trunk.Name), shown(trunk.Problem), again(st.NowMs, max(1, trunk.RetryAtMs)))
		}
	}
	if len(st.RefusedTrunks) > 0 {
		fmt.Fprintln(w, "\nTurned down:")
	}
	for _, r := range st.RefusedTrunks {
		times := ""
		if r.Times > 1 {
			times = fmt.Sprintf(" (%d times)", r.Times)
		}
		fmt.Fprintf(w, "  %s  %s: %s%s\n", time.UnixMilli(r.AtMs).Format(time.DateTime), shown(r.Address), shown(r.Problem), times)
	}
	return nil
}

// stateOf tells in a word or two how a trunk without a link is.
func stateOf(t *umbrellav1.TrunkStatus) string {
	switch {
	case t.Problem != "":
		return "down"
	case t.Url == "":
		return "waiting for the other node"
	}
	return "connecting"
}

func flow(streams uint32, bits uint64) string {
	if streams == 0 {
		return "nothing"
	}
	word := "streams"
	if streams == 1 {
		word = "stream"
	}
	return fmt.Sprintf("%d %s %s", streams, word, rate(bits))
}

func rate(bits uint64) string {
	switch b := float64(bits); {
	case b >= 1e6:
		return fmt.Sprintf("%.1f Mbit/s", b/1e6)
	case b >= 1e3:
		return fmt.Sprintf("%.0f kbit/s", b/1e3)
	}
	return fmt.Sprintf("%d bit/s", bits)
}

func milliseconds(ms float64) string {
	if ms <= 0 {
		return "?"
	}
	return fmt.Sprintf("%.1f ms", ms)
}

func since(now, then int64) string {
	d := time.Duration(max(0, now-then)) * time.Millisecond
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d d", int(d.Hours())/24)
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}

// shown makes text of another node safe for a terminal, and one line of it.
func shown(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
	if s == "" {
		return "?"
	}
	return s
}
