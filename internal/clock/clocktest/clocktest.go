// Package clocktest makes times of a machine whose wall clock was set.
package clocktest

import (
	"time"
	"unsafe"
)

// Set returns t, which has to be of time.Now, as it would be if the wall clock was ahead by
// so much, in whole seconds. Its monotonic part stays.
func Set(t time.Time, ahead time.Duration) time.Time {
	const nanosecondBits = 30
	// The first word holds, from the highest bit on: whether there is a monotonic part,
	// seconds since 1885 in 33 bits, nanoseconds (see package time).
	wall := (*uint64)(unsafe.Pointer(&t))
	if *wall>>63 == 0 {
		panic("the time has no monotonic part")
	}
	*wall += uint64(int64(ahead/time.Second)) << nanosecondBits
	return t
}
