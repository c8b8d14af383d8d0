// Package bandwidth finds out what the path to a receiver carries, and shares
// that among what the receiver wants to see and hear.
//
// It is made of state machines that are told the time: no goroutine, no socket.
// An [Estimator] watches one path, [Allocate] shares it.
//
// # What the path carries
//
// Receivers report when each packet arrived (transport-wide congestion control,
// draft-holmer-rmcat-transport-wide-cc-extensions-01). As in Google's congestion
// control (draft-ietf-rmcat-gcc-02) an estimate is led by two signals, the delay
// and the loss, of which the more careful one decides.
//
// Delay. Packets that leave within 5 ms form a group. The draft assumes a pacer
// at the sender; an SFU has none and sends a frame as one burst, which queues
// behind itself wherever the path is slower than Ethernet. So of each group only
// the packet that was delayed least counts: it has waited for what was there
// before it. Over a window of 250 ms of such groups two things are taken: the
// least time waited above the least one in 15 to 30 s (the queue), and by how
// much a straight line through the window rises. The path is overused when there
// is a queue that grows by more than a limit, or one of 60 ms that does not
// shrink. That the least counts is what keeps Wi-Fi, which lets packets wait for
// up to 80 ms and then go at once, from being taken for a full path; a keyframe
// that made a queue is told from a full path by that the queue shrinks. The limit
// of the rise follows what is usual on the path, as the draft's adaptive
// threshold does, so that other flows that probe for bandwidth do not starve
// this one.
//
// Overused, the estimate falls to 0.85 of what arrived in the last 250 ms, and
// not again before the change can have shown. If the queue stays although less
// is sent, others keep it up or the route is another one, and it is accepted.
// Otherwise, when no queue is left, the estimate rises by 8 % a second, or a
// packet per response time close to where the path was full the last time, up to
// 1.15 times what arrived in the last second: an SFU often sends far less than
// the path carries, and that says nothing about the path, so the estimate then
// neither falls nor rises.
//
// Loss. Below 10 % it does not lower the estimate, as radio loses packets on a
// path that is not full. From 10 % on, by more than chance would have it, the
// estimate falls: up to 20 % to what was sent less half the loss, as in the
// draft, above that to 0.85 of what arrived. Below 10 % it keeps the estimate
// from rising when it is more than what is usual on this path.
//
// Silence. While a receiver that reported is not heard for a second although
// packets are sent to it, the estimate is halved each second. When it is heard
// again, the loss of that time is not counted, and it is probed whether what was
// possible before is possible again.
//
// Probes. When more is wanted than the estimate, and the path is quiet, up to
// twice the estimate is sent for 50 to 100 ms, and it is looked at whether that
// arrives as fast as it was sent. If it does, a next probe goes up to three times
// as far, else it is tried again after one, two, then each three seconds. Beyond
// where the path was found full before, a probe must succeed twice, since
// shapers let a bucket of packets pass at once after a pause; and where what it
// promised did not hold, later ones are longer. A probe adds no more than 64 kB,
// and a queue of its own making does not lower the estimate. Where there is
// nothing to probe with, as no picture is sent at all, the estimate is raised to
// try, more and more seldom if that goes wrong.
//
// Receivers that send receiver reports only are led by the loss in them.
//
// # Who gets what
//
// See [Allocate].
package bandwidth
