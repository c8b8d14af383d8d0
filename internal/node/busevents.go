package node

import (
	"context"
	"maps"
	"net/netip"
	"time"

	"umbrella/internal/camera"
	"umbrella/internal/sfu"
	"umbrella/internal/ubus"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// eventInterval is how soon the bus is told of what happened. Who comes and goes
// within it is not told of.
const eventInterval = time.Second

// happenings is what events tell of, by what it is that they tell.
type happenings struct {
	people, trunks, cameras map[string]happening
}

// happening is the state of one participant, trunk or camera.
type happening struct {
	state string // an event tells of it when it is another one
	data  map[string]any
}

// tell sends events as long as ctx lasts.
func (b *bus) tell(ctx context.Context) {
	tick := time.NewTicker(eventInterval)
	defer tick.Stop()
	news := news{was: &happenings{}}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, e := range news.next(b.client.Connected(), b.node.happenings) {
			if err := b.client.Event(e.name, e.data); err != nil {
				b.node.Log.Debug("an event is not sent", "event", e.name, "error", err)
			}
		}
	}
}

// news is what the bus has not been told of yet. At its start nothing has happened:
// who comes before the first connection is told of in it.
type news struct {
	was       *happenings // nil: what there was when the connection was lost is not known
	connected bool
}

// next returns what has happened since the last time that it was asked. What happens
// while a connection is lost is not told of.
func (n *news) next(connected bool, happenings func() *happenings) []busEvent {
	if !connected {
		if n.connected {
			n.was = nil
		}
		n.connected = false
		return nil
	}
	n.connected = true
	is := happenings()
	was := n.was
	n.was = is
	if was == nil {
		return nil
	}
	return changes(was, is)
}

type busEvent struct {
	name string
	data map[string]any
}

// changes are the events that lead from one state to another.
func changes(was, is *happenings) (list []busEvent) {
	for id, p := range was.people {
		if _, stays := is.people[id]; !stays {
			list = append(list, busEvent{"umbrella.leave", p.data})
		}
	}
	for id, p := range is.people {
		if _, was := was.people[id]; !was {
			list = append(list, busEvent{"umbrella.join", p.data})
		}
	}
	other := func(name string, was, is map[string]happening) {
		for id, now := range is {
			if before, known := was[id]; !known || before.state != now.state {
				list = append(list, busEvent{name, now.data})
			}
		}
		for id, before := range was {
			if _, stays := is[id]; !stays {
				gone := maps.Clone(before.data)
				gone["state"] = "removed"
				delete(gone, "reason")
				list = append(list, busEvent{name, gone})
			}
		}
	}
	other("umbrella.trunk", was.trunks, is.trunks)
	other("umbrella.camera", was.cameras, is.cameras)
	return list
}

// happenings is the state that events tell changes of.
func (n *Node) happenings() *happenings {
	h := &happenings{people: map[string]happening{}, trunks: map[string]happening{}, cameras: map[string]happening{}}
	for _, r := range n.sfu.Rooms() {
		for _, p := range r.Participants() {
			h.people[r.Name+"/"+p.ID+"/"+p.JoinedAt.String()] = happening{data: map[string]any{
				"room": r.Name, "id": p.ID, "name": p.Name, "kind": kindName(p.Kind), "node": p.Node,
			}}
		}
	}
	trunks, _ := n.trunks.Status(time.Now())
	for _, t := range trunks {
		state := "down"
		nodes := []string{}
		for _, l := range t.Links {
			state = "up"
			nodes = append(nodes, l.NodeName)
		}
		data := map[string]any{"name": t.Name, "state": state, "nodes": nodes}
		if state == "down" && t.Problem != "" {
			data["reason"] = t.Problem
		}
		h.trunks[t.Name] = happening{state, data}
	}
	for _, c := range n.cameras.States() {
		data := map[string]any{"id": c.Section, "name": c.Name, "room": c.Room, "state": string(c.Phase)}
		state := string(c.Phase)
		if c.Phase == camera.Down && c.Trouble != nil {
			data["reason"] = c.Trouble.Reason
			state += c.Trouble.Reason
		}
		h.cameras[c.Section] = happening{state, data}
	}
	return h
}

func kindName(k sfu.Kind) string {
	return map[sfu.Kind]string{sfu.Person: "person", sfu.Camera: "camera", sfu.Stream: "stream"}[k]
}

// station is how a participant reaches this access point; nil where that is not
// known, or not by Wi-Fi.
func (b *bus) station(p *sfu.Participant) *umbrellav1.StationStatus {
	if b == nil || p.Origin != "" || !b.client.Connected() {
		return nil
	}
	address, err := netip.ParseAddrPort(p.Address)
	if err != nil {
		return nil
	}
	s, ok := b.stations.Find(address.Addr())
	if !ok {
		return nil
	}
	return stationStatus(s)
}

func stationStatus(s ubus.Station) *umbrellav1.StationStatus {
	return &umbrellav1.StationStatus{
		Interface: s.Interface, FrequencyMhz: uint32(s.Frequency), SignalDbm: int32(s.Signal),
		ReceiveBitsPerSecond: s.ReceiveRate, TransmitBitsPerSecond: s.TransmitRate,
	}
}
