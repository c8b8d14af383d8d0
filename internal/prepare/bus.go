package prepare

import (
	"context"
	"encoding/json"
	"os/exec"
	"strconv"
	"time"
)

// Bus is the node on OpenWrt's bus, by the command ubus.
type Bus struct{}

const (
	// stateTime and reloadTime are how long the node may take to answer.
	stateTime  = 5 * time.Second
	reloadTime = 30 * time.Second
)

// call runs ubus, which gives up after the time, and decodes its answer; false if there
// is none.
func (Bus) call(timeout time.Duration, answer any, arguments ...string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), timeout+5*time.Second)
	defer cancel()
	seconds := strconv.Itoa(int(timeout / time.Second))
	out, err := exec.CommandContext(ctx, "ubus", append([]string{"-t", seconds}, arguments...)...).Output()
	return err == nil && (answer == nil || json.Unmarshal(out, answer) == nil)
}

// State implements Node.
func (b Bus) State() (State, bool) {
	var answer struct {
		Problem, StateDir string
		Starting          bool
	}
	ok := b.call(stateTime, &answer, "call", "umbrella", "status")
	return State{answer.Problem, answer.Starting, answer.StateDir}, ok
}

// Reload implements Node.
func (b Bus) Reload() (string, bool) {
	var answer struct{ Problem string }
	ok := b.call(reloadTime, &answer, "call", "umbrella", "reload")
	return answer.Problem, ok
}

// Signal implements Node.
func (b Bus) Signal() {
	b.call(stateTime, nil, "call", "service", "signal", `{ "name": "umbrella", "signal": 1 }`)
}

// Wait implements Node.
func (b Bus) Wait(timeout time.Duration) { b.call(timeout, nil, "wait_for", "umbrella") }
