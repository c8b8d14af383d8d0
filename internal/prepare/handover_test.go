package prepare

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// node answers as the node's bus does. reload gets what it is to apply.
type node struct {
	state   State
	answers bool
	reload  func(text string) string
	job     *Job
	asked   []string
}

func (n *node) State() (State, bool) { return n.state, n.answers }
func (n *node) Signal()              { n.asked = append(n.asked, "signal") }
func (n *node) Wait(time.Duration)   { n.asked = append(n.asked, "wait") }
func (n *node) Reload() (string, bool) {
	n.asked = append(n.asked, "reload")
	text, _ := n.job.get("umbrella")
	return n.reload(text), n.answers
}

// running puts a job where a node runs by settings with media_port 1000.
func running(t *testing.T) (j *Job, n *node, settings func(port string) string) {
	t.Helper()
	j, out := newJob(t)
	n = &node{job: j, reload: func(string) string { return "" }}
	j.Node = n
	settings = func(port string) string {
		t.Helper()
		text := "config umbrella 'main'\n\toption state_dir '" + j.Root + "/state'\n\toption media_port '" + port + "'\n"
		if err := os.WriteFile(j.settings(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out.Reset()
		j.current, j.next = nil, ""
		if code := j.Do(); code != 0 {
			t.Fatalf("%d: %s", code, out)
		}
		return out.String()
	}
	settings("1000")
	n.answers, n.state, n.asked = true, State{StateDir: j.Root + "/state"}, nil
	return j, n, settings
}

// Settings that a running node cannot apply are taken back. Those of a node that could
// not start by its own are not what to go back to: the new ones stay, whatever comes of
// them.
func TestNothingToGoBackTo(t *testing.T) {
	j, n, settings := running(t)
	n.reload = func(text string) string {
		if strings.Contains(text, "'3000'") {
			return ""
		}
		return "option 'media_port': taken"
	}
	if out := settings("2000"); !strings.Contains(out, "udp='1000'") || !strings.Contains(out, "is not taken: the node goes on") {
		t.Errorf("of a node that runs: %s", out)
	}
	if text, _ := j.get(Refused); text != j.settings()+": section 'main', option 'media_port': taken\n" {
		t.Errorf("LuCI is told %q", text)
	}
	n.state.Problem = "option 'media_port': taken"
	if out := settings("2000"); !strings.Contains(out, "udp='2000'") || !strings.Contains(out, "option '\\''media_port'\\'': taken") || j.has(Refused) {
		t.Errorf("of a node that could not start: %s", out)
	}
	if out := settings("3000"); !strings.Contains(out, "udp='3000'") || strings.Contains(out, "say err") {
		t.Errorf("by what is right: %s", out)
	}
}

// A node that still waits by settings that were taken back says nothing of those before:
// they are kept to go back to.
func TestFailureOfOtherSettings(t *testing.T) {
	j, n, settings := running(t)
	n.reload = func(string) string { return "option 'media_port': taken" }
	for _, state := range []State{{Problem: "it is full", StateDir: "/mnt/usb"}, {Starting: true, StateDir: j.Root + "/state"}} {
		n.state = state
		if out := settings("2000"); !strings.Contains(out, "udp='1000'") || !j.has(Refused) {
			t.Errorf("%v: %s", state, out)
		}
	}
}

// What the node ran by may be of no use to a newer program: then it starts by the new
// settings.
func TestLastSettingsOfNoUse(t *testing.T) {
	j, n, settings := running(t)
	n.answers = false
	if err := j.put("umbrella", "config umbrella 'main'\n\toption gone '1'\n"); err != nil {
		t.Fatal(err)
	}
	if out := settings("2000"); !strings.Contains(out, "udp='2000'") {
		t.Errorf("%s", out)
	}
}

// Who has a port is told with the reason: root sees it where the node does not.
func TestPortIsNamedWithItsHolder(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	j, n, settings := running(t)
	port := l.Addr().(*net.TCPAddr).Port
	n.reload = func(string) string {
		return fmt.Sprintf("option 'media_port': listen tcp :%d: bind: address already in use: another program listens there: `netstat` shows which; stop that", port)
	}
	settings(fmt.Sprint(port))
	if text, _ := j.get(Refused); !strings.Contains(text, fmt.Sprintf("in use: the process prepare.test (pid %d) listens there: stop that", os.Getpid())) {
		t.Errorf("LuCI is told %q", text)
	}
}

// A node that does not answer starts by the settings before, and is asked then.
func TestNewSettingsWhileNoneRuns(t *testing.T) {
	j, n, settings := running(t)
	n.answers = false
	if out := settings("2000"); !strings.Contains(out, "udp='1000'") || !strings.Contains(out, "again='try'") || len(n.asked) > 0 {
		t.Errorf("%s, asked: %q", out, n.asked)
	}
	n.answers, j.Again = true, Try
	if out := settings("2000"); !strings.Contains(out, "udp='2000'") || !strings.Contains(out, "again=''") || strings.Join(n.asked, " ") != "wait reload" {
		t.Errorf("%s, asked: %q", out, n.asked)
	}
}
