// Package prepare does, as root, what the node needs before it starts on OpenWrt, where
// it runs as a user of its own and mostly in a jail. It checks the settings, copies them
// with the certificates and keys that they name to where the node reads them, gives the
// node its directory, and has a node that runs apply what is new. The init script
// evaluates what it prints.
package prepare

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"umbrella/internal/config"
)

// Job is one run. Its directory Run, which root alone writes to, holds:
//
//	umbrella  the settings that the node reads: a copy, as the file itself is for root
//	          only. It starts by these again after a crash.
//	original  the same as they were in Settings
//	lent/     copies of the certificates and keys that they name, by their sums
//	last/     the two files before, while it is not known whether the node can run by
//	          the new ones
//	firewall  a copy of the firewall's settings
//	refused   why Settings are others, for LuCI; not there if they are the same
//	etc/      the /etc of the jail
type Job struct {
	// Root is put before the paths of the system; empty but in tests.
	Root  string
	Owner Owner
	// Again says what is left to be done of the last run, as that printed it.
	Again Step
	Node  Node
	// Probe reports, as the owner, why the owner cannot use a directory.
	Probe func(dir string) error
	Out   io.Writer

	current *config.Config // what the node is to run by; nil: it is not to run
	next    Step
}

// Owner is the user that the node runs as.
type Owner struct {
	Name     string
	UID, GID int
}

// Step is what is left to be done once the node has started.
type Step string

// The steps.
const (
	// Try has the node apply new settings, which came while none ran.
	Try Step = "try"
	// Confirm waits for a node that was started by new settings, as it could not apply
	// them while it ran, and goes back to those before where it cannot run by them.
	Confirm Step = "confirm"
)

// Node is the node that runs, or none.
type Node interface {
	// State returns what it says of itself; false if none answers.
	State() (State, bool)
	// Reload has it apply the settings in Run, and returns why it cannot; false if none
	// answers.
	Reload() (problem string, ok bool)
	// Signal has it apply them without being asked on the bus.
	Signal()
	// Wait returns once it is on the bus, or after the time.
	Wait(time.Duration)
}

// State is what a node says of itself.
type State struct {
	Problem  string // why it cannot start; empty if it runs, or is starting
	Starting bool   // its first attempt to start has not ended
	StateDir string
}

// Refused is the file of Run that LuCI shows.
const Refused = "refused"

func (j *Job) settings() string { return j.Root + "/etc/config/umbrella" }
func (j *Job) run() string      { return j.Root + "/var/run/umbrella" }
func (j *Job) jailed() bool {
	info, err := os.Stat(j.Root + "/sbin/ujail")
	return err == nil && info.Mode()&0o111 != 0
}

// Do does it all and prints what the init script is to evaluate: lines that log
// something, and variables. It returns the exit code: 1 if there is nothing that the
// node could run by.
func (j *Job) Do() int {
	if err := j.makeRun(); err != nil {
		return j.leave(fmt.Sprintf("%s cannot be prepared: %v", j.run(), explain(err)))
	}
	// By its zones the node knows from where its addresses are reached.
	if firewall, err := config.Read(j.Root + "/etc/config/firewall"); err == nil {
		if err := j.put("firewall", firewall); err != nil {
			j.say("warn", fmt.Sprintf("the firewall's settings cannot be copied: %v", explain(err)))
		}
	}
	text, err := config.Read(j.settings())
	if err == nil && config.Disabled(text) {
		j.say("notice", "not enabled: uci set umbrella.main.enabled=1; uci commit umbrella; reload_config")
		j.forget()
		return 0
	}
	if !j.settled(text) && !j.take(text, err) {
		if !j.has("original") {
			j.say("err", "not started: put "+j.settings()+" right, and then: /etc/init.d/umbrella start")
			return 1
		}
		j.say("err", j.settings()+" is not taken: the node goes on by the last settings that it could run by")
		j.keep()
	}
	if j.current == nil {
		j.current = j.running()
	}
	if j.current == nil {
		j.say("err", "not started: the copy of the settings in "+j.run()+" cannot be read")
		return 1
	}
	if j.jailed() {
		if err := j.makeJail(j.current.Main.StateDir); err != nil {
			return j.leave(fmt.Sprintf("the jail in %s cannot be prepared: %v", j.run(), explain(err)))
		}
	}
	j.print()
	return 0
}

// leave has the init script leave what runs as it is. It returns the exit code.
func (j *Job) leave(why string) int {
	j.say("err", why)
	fmt.Fprintln(j.Out, "unchanged=1")
	return 1
}

// take makes the settings those that the node runs by. It returns false after it has
// said why not.
func (j *Job) take(text string, err error) bool {
	if errors.Is(err, fs.ErrNotExist) {
		return j.refuse(j.settings() + ": it is not there: put a copy of it back, or write the section config umbrella 'main'")
	}
	if err != nil {
		return j.refuse(fmt.Sprintf("%s: cannot be read: %v", j.settings(), explain(err)))
	}
	cfg, err := config.Parse(j.settings(), text, nil)
	if err != nil {
		return j.refuse(strings.Split(err.Error(), "\n")...)
	}
	if problem := j.giveStateDir(cfg.Main.StateDir); problem != "" {
		return j.refuse(fmt.Sprintf("%s: section 'main', option 'state_dir': '%s' %s", j.settings(), cfg.Main.StateDir, problem))
	}
	composed, problems := j.compose(text, cfg)
	if len(problems) > 0 {
		return j.refuse(problems...)
	}
	return j.handOver(text, composed, cfg)
}

// handOver gives the node its settings, in the way that suits what it does now.
func (j *Job) handOver(text, composed string, cfg *config.Config) bool {
	original, err := j.get("original")
	before := j.running()
	first := err != nil || before == nil
	if j.Again == Try {
		j.Node.Wait(waitTime)
	}
	state, answers := j.Node.State()
	moves := j.jailed() && before != nil && before.Main.StateDir != cfg.Main.StateDir
	// One that procd is about to replace says nothing of the settings that count.
	failing := answers && state.Problem != "" && before != nil && state.StateDir == before.Main.StateDir
	switch {
	case !first && !answers && j.Again != Try && text != original:
		// It starts by those before, and is asked then.
		j.next = Try
		return true
	case moves && failing:
		// procd makes another jail. There is nothing good to go back to.
		return j.install(text, composed, cfg)
	case moves:
		// The jail of the node that runs does not have the new directory.
		j.next = Confirm
		return j.keepLast() && j.install(text, composed, cfg)
	}
	if failing {
		// It cannot run by those before: there is nothing to go back to.
		first = true
	}
	if !first && !j.keepLast() {
		return false
	}
	if err := j.put("umbrella", composed); err != nil {
		j.dropLast()
		return j.refuseFile("umbrella", err)
	}
	problem := ""
	if answers {
		problem, answers = j.Node.Reload()
	}
	if !answers && !first {
		// It may run without being on the bus.
		j.Node.Signal()
	}
	if problem != "" {
		problem = "section 'main', " + j.nameHolder(problem, cfg)
		if !first {
			j.goBack()
			return j.refuse(j.settings() + ": " + problem)
		}
		j.say("err", j.settings()+": "+problem)
	}
	return j.install(text, composed, cfg)
}

// install makes the settings those that count, without asking.
func (j *Job) install(text, composed string, cfg *config.Config) bool {
	if err := j.put("umbrella", composed); err != nil {
		j.goBack()
		return j.refuseFile("umbrella", err)
	}
	if err := j.put("original", text); err != nil {
		j.goBack()
		return j.refuseFile("original", err)
	}
	if j.next != Confirm {
		j.dropLast()
		j.dropLent(composed)
	}
	j.remove(Refused)
	j.current = cfg
	return true
}

// waitTime is how long a node may take to be on the bus: the one before has 10 s to stop.
const waitTime = 20 * time.Second

// settled ends what a run with the step Confirm has begun, and reports whether there is
// nothing left to do: the node cannot run by the new settings, or they are still those.
func (j *Job) settled(text string) bool {
	if j.Again != Confirm || !j.has("last") {
		return false
	}
	cfg := j.running()
	if cfg == nil {
		return false
	}
	problem := "the node did not come up by these settings: its log tells why"
	for end := time.Now().Add(waitTime); time.Now().Before(end); time.Sleep(pollTime) {
		// The one before may still be there.
		state, answers := j.Node.State()
		if answers && state.StateDir == cfg.Main.StateDir && !state.Starting {
			problem = state.Problem
			break
		}
	}
	if problem == "" {
		j.dropLast()
		composed, _ := j.get("umbrella")
		j.dropLent(composed)
		original, _ := j.get("original")
		return original == text
	}
	j.goBack()
	j.refuse(j.settings() + ": section 'main', " + problem)
	j.say("err", j.settings()+" is not taken: the node goes on by the last settings that it could run by")
	return true
}

const pollTime = 200 * time.Millisecond

// keep lends anew what the last settings name: it may have been renewed.
func (j *Job) keep() {
	why, _ := j.get(Refused)
	defer func() {
		if err := j.put(Refused, why); err != nil {
			j.say("err", explain(err).Error())
		}
	}()
	text, err := j.get("original")
	if err != nil {
		return
	}
	cfg, err := config.Parse(j.settings(), text, nil)
	if err != nil {
		return // such as a certificate that is half renewed
	}
	composed, problems := j.compose(text, cfg)
	if present, err := j.get("umbrella"); len(problems) == 0 && (err != nil || present != composed) {
		j.handOver(text, composed, cfg)
	}
}

// running is what the node reads; nil if there is nothing that it could.
func (j *Job) running() *config.Config {
	text, err := j.get("umbrella")
	if err != nil {
		return nil
	}
	cfg, err := config.Parse(filepath.Join(j.run(), "umbrella"), text, nil)
	if err != nil {
		return nil
	}
	return cfg
}

// refuse tells the log and LuCI why the settings are not taken. It returns false.
func (j *Job) refuse(problems ...string) bool {
	for _, p := range problems {
		j.say("err", p)
	}
	if err := j.put(Refused, strings.Join(problems, "\n")+"\n"); err != nil {
		j.say("err", explain(err).Error())
	}
	return false
}

func (j *Job) refuseFile(name string, err error) bool {
	return j.refuse(fmt.Sprintf("%s: cannot be copied to %s: %v", j.settings(), filepath.Join(j.run(), name), explain(err)))
}

// forget removes what the node ran by: it is not to run.
func (j *Job) forget() {
	for _, name := range []string{"umbrella", "original", Refused} {
		j.remove(name)
	}
	j.dropLast()
}
