package ubus

import (
	"context"
	"errors"
	"strings"
	"testing"

	"umbrella/internal/crash"
)

// A call on which its handler panics is answered with an error, as often as it comes;
// the object stays on the bus.
func TestPanicEndsOneCall(t *testing.T) {
	_, _, asker, _ := pair(t, map[string]Method{
		"bad":  {Handler: func(context.Context, *Call) (any, error) { panic("of one call") }},
		"echo": {Handler: echo},
	})
	before := crash.Count(crash.Ubus)
	const times = 3 * maxPeerCalls
	for range times {
		err := asker.Invoke(within(t), "umbrella", "bad", map[string]any{}, nil)
		if !errors.Is(err, StatusUnknownError) || !strings.Contains(err.Error(), "an internal error") {
			t.Fatalf("the call: %v", err)
		}
	}
	if n := crash.Count(crash.Ubus) - before; n != times {
		t.Errorf("%d panics are counted", n)
	}
	if err := asker.Invoke(within(t), "umbrella", "echo", map[string]any{}, nil); err != nil {
		t.Error(err)
	}
}
