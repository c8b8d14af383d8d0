package node

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"umbrella/test/peer"
)

// A node that is to listen at an address that no interface has says so on the bus, and
// offers no address; the call that is there goes on, and the page is back with the address.
func TestListenWhereNobodyIs(t *testing.T) {
	cfg := settings(t, "")
	n := startNode(t, cfg)
	a := join(t, cfg, &peer.Peer{Name: "Ada"})
	b := join(t, cfg, &peer.Peer{Name: "Bob"})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	a.Play(ctx, 10*time.Millisecond)
	gets(t, b, a)

	away := *cfg
	away.Main.Listen = fmt.Sprintf("192.0.2.77:%d", peer.FreePort(t)) // of nobody (RFC 5737)
	if err := n.Apply(&away); err != nil {
		t.Fatal(err)
	}
	status, err := ask(t, n, "status", "{}")
	if err != nil {
		t.Fatal(err)
	}
	problems, urls := status["problems"].([]any), status["urls"].([]any)
	if len(problems) != 1 || !strings.HasPrefix(problems[0].(string), "option 'listen': no interface has the address 192.0.2.77 now") || len(urls) != 0 {
		t.Errorf("problems %q, urls %q", problems, urls)
	}
	gets(t, b, a)

	if err := n.Apply(cfg); err != nil {
		t.Fatal(err)
	}
	if status, err = ask(t, n, "status", "{}"); err != nil || len(status["problems"].([]any)) != 0 || len(status["urls"].([]any)) != 1 {
		t.Errorf("back: %v, %v, %v", status["problems"], status["urls"], err)
	}
	if code, _ := get(t, status["urls"].([]any)[0].(string)); code != 200 {
		t.Errorf("the page answers %d", code)
	}
	gets(t, b, a)
}

// Warnings of the settings are on the bus, too, for LuCI to show.
func TestWarningsOnTheBus(t *testing.T) {
	n := startNode(t, settings(t, "\toption acme_email 'a@b.org'\n"))
	status, err := ask(t, n, "status", "{}")
	if problems := status["problems"].([]any); err != nil || len(problems) != 1 || !strings.Contains(problems[0].(string), "'acme_email' is not used") {
		t.Errorf("got %q, %v", problems, err)
	}
}
