package node

import (
	"net/netip"
	"slices"

	"umbrella/internal/bound"
	"umbrella/internal/memory"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// limits are all bounds of the node that are shown. A part that has another one names
// it in its Limits.
func (n *Node) limits() []bound.Limit {
	return slices.Concat(
		[]bound.Limit{{
			Name: "memory", Description: "Memory that the calls need, of what they may before nobody else can join", Unit: "bytes",
			Used: func() int64 { f, _ := n.Memory.State(); return int64(f.Needed) },
			Most: func() int64 { f, _ := n.Memory.State(); return int64(f.MostNeeded()) },
		}},
		n.sfu.Limits(), n.engine.Load().Limits(), n.gate.Limits(), n.relay.Limits(), n.trunks.Limits(),
		[]bound.Limit{n.large.Limit("large_messages", "Messages of more than 16 KiB that are read at once, four of one address")},
		bound.Limits(n.Log.Handler()),
	)
}

func (n *Node) limitsStatus() (list []*umbrellav1.LimitStatus) {
	for _, l := range n.limits() {
		st := &umbrellav1.LimitStatus{Name: l.Name, Description: l.Description, Unit: l.Unit}
		if l.Used != nil {
			st.Used = l.Used()
		}
		if l.Most != nil {
			st.Most = l.Most()
		}
		if l.Refused != nil {
			st.Refused = l.Refused()
		}
		list = append(list, st)
	}
	return list
}

const (
	// historyShare of what Umbrella may use is for the packets that are kept: 16 MiB of
	// a machine of 128 MiB. mostHistory is enough for 600 people in 720p; also where
	// there is no limit.
	historyShare = 4
	mostHistory  = 256 << 20
	// linesShare of it is for the m-lines that receivers are offered, each of which
	// takes lineBytes.
	linesShare = 4
	lineBytes  = 20 << 10
	mostLines  = 1 << 15
)

// setBudgets shares out the memory that Umbrella may use.
func (n *Node) setBudgets(m *memory.Admission) {
	history, lines := int64(mostHistory), int64(mostLines)
	if f, _ := m.State(); f.Limit > 0 {
		history = int64(min(f.Limit/historyShare, mostHistory))
		lines = int64(min(f.Limit/linesShare/lineBytes, mostLines))
	}
	n.sfu.Histories.Pool.SetMost(history)
	n.lines = &bound.Shares[netip.Prefix]{}
	n.lines.Pool.SetMost(lines)
}
