package routing

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

// growth is what a network of one size costs.
type growth struct {
	shape                     string
	nodes, links, people      int
	join, change, leave, cut  cost
	routes, offers, heapBytes int // of a node, on the average
}

// cost is what one event costs all nodes together.
type cost struct {
	told, bytes int
	took        time.Duration
}

// TestGrowth measures how messages and state grow with the nodes and with who is
// on them. With a file's name it measures larger networks too, for a few
// minutes, and draws docs/backhaul-growth.svg; -v prints the table of
// docs/trunks.md:
//
//	go test -v -count=1 -run Growth ./internal/backhaul/routing -args ../../../docs/backhaul-growth.svg
func TestGrowth(t *testing.T) {
	shapes := map[string]func(w *world[*umbrellav1.TrunkParticipant]){
		"chain": (*world[*umbrellav1.TrunkParticipant]).chain, "star": (*world[*umbrellav1.TrunkParticipant]).star,
		"ring": (*world[*umbrellav1.TrunkParticipant]).ring, "mesh": (*world[*umbrellav1.TrunkParticipant]).mesh,
		"random": func(w *world[*umbrellav1.TrunkParticipant]) { w.randomly(4) },
	}
	type size struct {
		shape         string
		nodes, people int
	}
	sizes := []size{{"chain", 4, 10}, {"star", 5, 10}, {"ring", 4, 10}, {"mesh", 4, 10}, {"random", 10, 10}, {"random", 30, 10}}
	svg := flag.Arg(0)
	if svg != "" {
		sizes = append(sizes, size{"chain", 10, 100}, size{"star", 10, 100}, size{"ring", 10, 100}, size{"mesh", 10, 100}, size{"mesh", 30, 100},
			size{"random", 100, 10}, size{"random", 300, 10}, size{"random", 1000, 10},
			size{"random", 10, 100}, size{"random", 30, 100}, size{"random", 100, 100}, size{"random", 300, 100}, size{"random", 1000, 100},
			size{"random", 10, 1000}, size{"random", 30, 1000}, size{"random", 100, 1000})
	}
	// What protobuf keeps of its types is nobody's routes.
	_, _, _ = overTheWire(t, []Offer[*umbrellav1.TrunkParticipant]{{Info: person(0, false)}}, []Key{{}})
	var all []growth
	var table strings.Builder
	for _, s := range sizes {
		g := measureGrowth(t, s.shape, shapes[s.shape], s.nodes, s.people)
		all = append(all, g)
		fmt.Fprintf(&table, "| %s | %d | %d | %d | %s | %s | %s | %s | %d | %d | %d |\n", g.shape, g.nodes, g.links, g.people,
			g.join, g.change, g.leave, g.cut, g.routes, g.offers, (g.heapBytes+512)/1024)
		// One who joins is told to every node, over each link at most both ways,
		// and again where a shorter way follows a longer one.
		if g.join.told < g.nodes-1 || g.join.told > 4*g.links || g.change.told > 4*g.links || g.leave.told < g.nodes-1 {
			t.Errorf("%s of %d nodes, %d links: joining is told %d times, a change %d times, leaving %d times",
				g.shape, g.nodes, g.links, g.join.told, g.change.told, g.leave.told)
		}
		if want := (g.people*(g.nodes-1) + g.nodes/2) / g.nodes; g.routes != want {
			t.Errorf("%s of %d nodes: %d routes a node for %d participants, want %d", g.shape, g.nodes, g.routes, g.people, want)
		}
	}
	t.Log("\n| shape | nodes | trunks | participants | somebody joins | mutes | leaves | a trunk is cut | routes a node | offers a node | memory a node, KB |\n" +
		"|:--|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n" + table.String())
	if svg != "" {
		if err := os.WriteFile(svg, []byte(drawGrowth(all)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func (c cost) String() string {
	return fmt.Sprintf("%d (%.1f KB, %.1f s)", c.told, float64(c.bytes)/1024, c.took.Seconds())
}

// measureGrowth builds a network and has the same things happen in it several
// times at different places.
func measureGrowth(t *testing.T, shape string, build func(*world[*umbrellav1.TrunkParticipant]), nodes, people int) growth {
	const times = 5
	w := newWorld(t, nodes, 3, func(a, b *umbrellav1.TrunkParticipant) bool { return proto.Equal(a, b) })
	w.carry = func(offers []Offer[*umbrellav1.TrunkParticipant], withdrawn []Key) ([]Offer[*umbrellav1.TrunkParticipant], []Key, int) {
		return overTheWire(t, offers, withdrawn)
	}
	w.notice = time.Millisecond // what follows is counted, not the waiting
	build(w)
	w.settle()
	empty := heapInUse()
	for i := range people {
		w.join(i%nodes, fmt.Sprint("den/", i), "den", person(i, false))
	}
	w.settle()
	g := growth{shape: shape, nodes: nodes, links: len(w.links), people: people, heapBytes: (heapInUse() - empty) / nodes}
	for _, n := range w.nodes {
		g.routes += len(n.table.Routes())
		for _, trunk := range n.table.trunks {
			g.offers += len(trunk.offers)
		}
	}
	g.routes = (g.routes + nodes/2) / nodes
	g.offers = (g.offers + nodes/2) / nodes
	during := func(c *cost, change func()) {
		told, bytes := w.told, w.bytes
		change()
		c.took += w.settle() / times
		c.told += w.told - told
		c.bytes += w.bytes - bytes
	}
	for i := range times {
		at := i * nodes / times
		during(&g.join, func() { w.join(at, "den/new", "den", person(people, false)) })
		during(&g.change, func() { w.join(at, "den/new", "den", person(people, true)) })
		during(&g.leave, func() { w.leave(at, "den/new") })
		l := w.links[i*len(w.links)/times]
		during(&g.cut, func() { w.cut(l) })
		w.check()
		w.heal(l)
		w.settle()
	}
	w.check()
	for _, c := range []*cost{&g.join, &g.change, &g.leave, &g.cut} {
		c.told /= times
		c.bytes /= times
	}
	return g
}

// heapInUse is the bytes in use.
func heapInUse() int {
	runtime.GC()
	runtime.GC() // what pools hold goes with the second one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// person has a microphone, and a camera in three layers.
func person(i int, muted bool) *umbrellav1.TrunkParticipant {
	p := &umbrellav1.TrunkParticipant{
		Name: fmt.Sprint("Somebody ", i), Kind: umbrellav1.ParticipantKind_PARTICIPANT_KIND_PERSON,
		JoinedAtMs: 1_790_000_000_000, NodeName: "access point",
		Tracks: []*umbrellav1.TrunkTrack{
			{
				Id: "0123456789abcdef", Kind: umbrellav1.TrackKind_TRACK_KIND_AUDIO, Source: umbrellav1.TrackSource_TRACK_SOURCE_MICROPHONE,
				Muted: muted, MimeType: "audio/opus", ClockRate: 48000, Channels: 2, Fmtp: "minptime=10;useinbandfec=1",
				Layers: []*umbrellav1.TrunkLayer{{}},
			},
			{
				Id: "fedcba9876543210", Kind: umbrellav1.TrackKind_TRACK_KIND_VIDEO, Source: umbrellav1.TrackSource_TRACK_SOURCE_CAMERA,
				MimeType: "video/VP8", ClockRate: 90000,
			},
		},
	}
	for i, rid := range []string{"q", "h", "f"} {
		p.Tracks[1].Layers = append(p.Tracks[1].Layers, &umbrellav1.TrunkLayer{Rid: rid, Width: 320 << i, Height: 180 << i, Spatial: 1, Temporal: 3})
	}
	return p
}

// overTheWire makes of an update what comes out at the other end of a trunk, and
// says how long the message is.
func overTheWire(t *testing.T, offers []Offer[*umbrellav1.TrunkParticipant], withdrawn []Key) ([]Offer[*umbrellav1.TrunkParticipant], []Key, int) {
	u := &umbrellav1.TrunkUpdate{}
	for _, o := range offers {
		a := &umbrellav1.TrunkAnnouncement{
			Key:  &umbrellav1.TrunkKey{Origin: string(o.Key.Origin), ParticipantId: o.Key.Participant},
			Room: o.Room, RoundTripUs: uint32(o.RTT.Microseconds()), Participant: o.Info,
		}
		for _, n := range o.Path {
			a.Path = append(a.Path, string(n))
		}
		u.Announcements = append(u.Announcements, a)
	}
	for _, k := range withdrawn {
		u.Withdrawals = append(u.Withdrawals, &umbrellav1.TrunkKey{Origin: string(k.Origin), ParticipantId: k.Participant})
	}
	b, err := proto.Marshal(&umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Update{Update: u}})
	if err != nil {
		t.Fatal(err)
	}
	var m umbrellav1.TrunkMessage
	if err := proto.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	offers, withdrawn = nil, nil
	for _, a := range m.GetUpdate().GetAnnouncements() {
		o := Offer[*umbrellav1.TrunkParticipant]{
			Key: Key{NodeID(a.Key.Origin), a.Key.ParticipantId}, Room: a.Room,
			RTT: time.Duration(a.RoundTripUs) * time.Microsecond, Info: a.Participant,
		}
		for _, n := range a.Path {
			o.Path = append(o.Path, NodeID(n))
		}
		offers = append(offers, o)
	}
	for _, k := range m.GetUpdate().GetWithdrawals() {
		withdrawn = append(withdrawn, Key{NodeID(k.Origin), k.ParticipantId})
	}
	return offers, withdrawn, len(b)
}
