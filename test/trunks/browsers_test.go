package trunks

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"umbrella/test/netns"
)

// browsers is a process that has Chromium do things.
type browsers struct {
	t     *testing.T
	child *netns.Child
}

// act is one of browsers.mjs, with what it is about.
type act map[string]any

func newBrowsers(t *testing.T) *browsers {
	t.Helper()
	chromium := os.Getenv("CHROMIUM")
	if chromium == "" {
		chromium = "/usr/bin/chromium"
	}
	for _, needed := range []string{chromium, "../browser/node_modules"} {
		if _, err := os.Stat(needed); err != nil {
			t.Skipf("needed for Chromium: %v", err)
		}
	}
	within, err := filepath.Abs("../network/lib/chromium-in")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "browsers.mjs")
	cmd.Env = append(os.Environ(), "CHROMIUM_BINARY="+chromium, "CHROMIUM="+within)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return &browsers{t: t, child: netns.StartChild(t, cmd)}
}

func (b *browsers) do(a act) {
	b.t.Helper()
	var r struct{ Problem string }
	b.child.Ask(a, &r)
	if r.Problem != "" {
		b.t.Fatalf("%v: %s", a, r.Problem)
	}
}

// Two people with Chromium on both sides of a trunk by TLS see and hear each
// other and talk, are apart while the link is cut, and meet again.
func TestChromium(t *testing.T) {
	w := newNetwork(t, 2)
	w.secure, w.both = true, true
	wan := w.link(0, 1)
	w.start()
	b := newBrowsers(t)
	names := []string{"Ada", "Bob"}
	for i, who := range names {
		b.do(act{"act": "join", "who": who, "namespace": w.nodes[i].name, "ca": w.nodes[i].caFile()})
	}
	meet := func() {
		t.Helper()
		for i, who := range names {
			b.do(act{"act": "meets", "who": who, "names": names[1-i : 2-i], "within": 30_000})
		}
	}
	meet()
	b.do(act{"act": "say", "who": "Ada", "text": "Over the trunk"})
	b.do(act{"act": "read", "who": "Bob", "text": "Over the trunk", "within": 5000})
	wan.cut()
	for _, who := range names {
		b.do(act{"act": "alone", "who": who, "within": 15_000})
	}
	wan.unblock()
	began := time.Now()
	meet()
	t.Logf("they see and hear each other again after %v", time.Since(began))
	b.do(act{"act": "say", "who": "Bob", "text": "And back"})
	b.do(act{"act": "read", "who": "Ada", "text": "And back", "within": 5000})
	for _, who := range names {
		b.do(act{"act": "complaints", "who": who})
	}
}
