package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

// showStatus prints how the node is.
func showStatus(in *invocation) int { return in.ask(printStatus) }

// printStatus prints what people look at first, a line each, and below it what is wrong.
func printStatus(w io.Writer, st *umbrellav1.Status) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	people, cameras, streams, in, out := counts(st)
	p := st.Process
	line("Node", "%s (%s), Umbrella %s, running for %s", shown(st.NodeName), shown(st.NodeId), shown(st.Version), since(st.NowMs, st.StartedAtMs))
	line("Calls", "%s: %s, %s, %s", plural(len(st.Rooms), "room"), plural(people, "person", "people"), plural(cameras, "camera"), plural(streams, "stream"))
	line("Media", "%s in, %s out", rate(in), rate(out))
	line("Memory", "%s", memoryOf(p))
	up, down := 0, []string{}
	for _, trunk := range st.Trunks {
		if len(trunk.Links) > 0 {
			up++
		} else if trunk.Problem != "" {
			down = append(down, shown(trunk.Name))
		}
	}
	line("Trunks", "%d of %d connected%s", up, len(st.Trunks), listed("; down: ", down))
	live, broken := 0, []string{}
	for _, c := range st.Cameras {
		if c.Phase == umbrellav1.CameraPhase_CAMERA_PHASE_DOWN {
			broken = append(broken, shown(c.Id))
		} else if c.Phase == umbrellav1.CameraPhase_CAMERA_PHASE_LIVE || c.Phase == umbrellav1.CameraPhase_CAMERA_PHASE_IDLE {
			live++
		}
	}
	line("Cameras", "%d of %d work%s", live, len(st.Cameras), listed("; down: ", broken))
	if err := t.Flush(); err != nil {
		return err
	}
	if p.GetShortOfMemory() {
		fmt.Fprintf(w, "\nNobody else can join: %s.\n", shown(p.GetShortOfMemoryReason()))
	}
	if p.GetCrashes() > 0 {
		fmt.Fprintf(w, "\nIt has crashed %s; the last time: %s.\n", plural(int(p.GetCrashes()), "time"), shown(p.GetLastCrashReason()))
	}
	for _, l := range st.Limits {
		if l.Refused > 0 {
			fmt.Fprintf(w, "\nLimit reached, %s refused: %s (%d of %d in use).\n", plural(int(l.Refused), "time"), shown(l.Description), l.Used, l.Most)
		}
	}
	return nil
}

// counts are those in the rooms, and the bits per second that come and go.
func counts(st *umbrellav1.Status) (people, cameras, streams int, in, out uint64) {
	for _, r := range st.Rooms {
		for _, p := range r.Participants {
			switch p.Kind {
			case umbrellav1.ParticipantKind_PARTICIPANT_KIND_CAMERA:
				cameras++
			case umbrellav1.ParticipantKind_PARTICIPANT_KIND_STREAM:
				streams++
			default:
				people++
			}
			for _, track := range p.Tracks {
				for _, l := range track.Layers {
					in += l.BitsPerSecond
				}
			}
			for _, s := range p.Subscriptions {
				out += s.BitsPerSecond
			}
		}
	}
	for _, trunk := range st.Trunks {
		for _, l := range trunk.Links {
			out += l.SentBitsPerSecond
		}
	}
	return people, cameras, streams, in, out
}

// memoryOf tells of the memory against the limits that hold.
func memoryOf(p *umbrellav1.ProcessStatus) string {
	text := mebibytes(p.GetMemoryNeededBytes())
	if p.GetMemoryLimitBytes() > 0 {
		text += fmt.Sprintf(" of %s, then nobody else can join; limit %s", mebibytes(p.GetMemoryMostNeededBytes()), mebibytes(p.GetMemoryLimitBytes()))
		if p.GetMemoryLimitedBy() != "" {
			text += ", by " + shown(p.GetMemoryLimitedBy())
		}
	} else {
		text += ", no limit"
	}
	if p.GetMemoryTotalBytes() > 0 {
		text += fmt.Sprintf("; %s of %s free", mebibytes(p.GetMemoryAvailableBytes()), mebibytes(p.GetMemoryTotalBytes()))
	}
	return text
}

func mebibytes(n uint64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }

// plural is a number with its word, which has an s where no other plural is given.
func plural(n int, one string, more ...string) string {
	if n == 1 {
		return "1 " + one
	}
	if len(more) == 0 {
		more = []string{one + "s"}
	}
	return fmt.Sprintf("%d %s", n, more[0])
}

func listed(before string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return before + strings.Join(names, ", ")
}

// showRooms prints who is in the rooms.
func showRooms(in *invocation) int { return in.ask(printRooms, "rooms") }

// printRooms prints everybody in a table.
func printRooms(w io.Writer, st *umbrellav1.Status) error {
	if len(st.Rooms) == 0 {
		_, err := fmt.Fprintf(w, "No room is open at %s: one opens when somebody joins.\n", shown(st.NodeName))
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ROOM\tNAME\tKIND\tID\tADDRESS\tFOR\tQUALITY")
	for _, r := range st.Rooms {
		for _, p := range r.Participants {
			where := cmp.Or(p.Address, "-")
			if p.NodeName != "" || p.NodeId != "" {
				where = "at " + cmp.Or(p.NodeName, p.NodeId)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", shown(r.Name), dash(p.Name), kindWord(p), shown(p.Id), shown(where),
				since(st.NowMs, p.JoinedAtMs), qualityWord(p.Quality))
		}
	}
	return t.Flush()
}

func kindWord(p *umbrellav1.ParticipantStatus) string {
	word := strings.ToLower(strings.TrimPrefix(p.Kind.String(), "PARTICIPANT_KIND_"))
	if p.ViewOnly {
		return word + ", watching"
	}
	return word
}

func qualityWord(q umbrellav1.QualityLevel) string {
	word := strings.ToLower(strings.TrimPrefix(q.String(), "QUALITY_LEVEL_"))
	if word == "unspecified" {
		return "-"
	}
	return word
}
