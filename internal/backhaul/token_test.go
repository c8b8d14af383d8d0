package backhaul

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"
	"time"

	"umbrella/internal/access"
	"umbrella/internal/config"
)

func (n *testNode) mint(t *testing.T, room string) string {
	t.Helper()
	token, err := n.tokens.Mint(access.Claims{Room: room, Rights: []string{access.RightTrunk}}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// dialBy makes the node dial another one, with a secret.
func (n *testNode) dialBy(url, secret string) {
	n.trunks = append(n.trunks, config.Backhaul{Section: "up", Enabled: true, URL: url, Secret: secret})
	n.Apply(n.trunks)
}

func (n *testNode) problem() string {
	trunks, _ := n.Status(time.Now())
	return trunks[0].Problem
}

func (n *testNode) connected() bool {
	trunks, _ := n.Status(time.Now())
	for _, s := range trunks {
		if len(s.Links) > 0 {
			return true
		}
	}
	return false
}

// Whoever stands between the nodes, as a proxy that ends TLS does, gets to know
// nothing by which it could pretend to be one of them.
func TestTokenDoesNotCross(t *testing.T) {
	a, b := newNode(t, "a"), newNode(t, "b")
	token := b.mint(t, "den")
	public, signature, _ := splitToken(token)
	var mu sync.Mutex
	var seen strings.Builder
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head, err := httputil.DumpRequest(r, false)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		seen.Write(head)
		mu.Unlock()
		b.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	a.dialBy("ws"+strings.TrimPrefix(proxy.URL, "http")+"/wsb", token)
	eventually(t, "the trunk is up", a.connected)
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(seen.String(), public) || strings.Contains(seen.String(), signature) {
		t.Errorf("seen: %s", seen.String())
	}
	a.Apply(nil) // before the proxy goes
	eventually(t, "the trunk is down", func() bool { return !b.connected() })
}

// Without its signature, or with that of another node, a token is worth nothing.
func TestTokenOfAnotherNode(t *testing.T) {
	a, b := newNode(t, "a"), newNode(t, "b")
	a.dialBy(b.url(), a.mint(t, "den"))
	eventually(t, "it is refused", func() bool { return strings.Contains(a.problem(), "made by another node") })
	if b.connected() {
		t.Error("the trunk is up")
	}
}

// While an invited node is connected, its token opens no more trunks by itself:
// whether it still holds is looked at for each.
func TestTokenIsLookedAtEachTime(t *testing.T) {
	a, b, c := newNode(t, "a"), newNode(t, "b"), newNode(t, "c")
	token := b.mint(t, "den")
	b.accept("a secret of other nodes")
	a.dialBy(b.url(), token)
	eventually(t, "the trunk is up", b.connected)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, s := range []string{token, sharedSecret(token)} {
		ws, err := dial(ctx, config.Backhaul{URL: b.url()})
		if err != nil {
			t.Fatal(err)
		}
		media := c.Engine().NewTrunk(true, c.Log)
		if _, _, err := shake(ctx, ws, partyOf(c, media, s)); err == nil || !strings.Contains(err.Error(), "same secret") {
			t.Errorf("%v", err)
		}
		_ = media.Close()
		_ = ws.CloseNow()
	}
	// Another key of the node, and the token does not hold any more.
	if err := b.tokens.Reload(t.TempDir(), ""); err != nil {
		t.Fatal(err)
	}
	c.dialBy(b.url(), token)
	eventually(t, "it is refused", func() bool { return c.problem() != "" })
	if trunks, _ := b.Status(time.Now()); len(trunks) != 2 || c.connected() {
		t.Errorf("%v", trunks)
	}
}
