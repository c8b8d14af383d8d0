package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"umbrella/internal/config"
	"umbrella/test/peer"
)

// What the page /servers adds, changes and removes is one trunk: the link of the
// other one is the same all the while.
func TestServersTouchOneTrunk(t *testing.T) {
	const secret = "a-secret-of-all-these-nodes"
	accepting := "config backhaul 'in'\n\toption secret '" + secret + "'\n"
	far := []*config.Config{settings(t, accepting), settings(t, accepting)}
	for _, cfg := range far {
		startNode(t, cfg)
	}
	url := func(i int) string { return "wss://" + far[i].Main.Listen + "/wsb" }
	ca := func(i int) string { return filepath.Join(far[i].Main.StateDir, "ca.crt") }
	dir := t.TempDir()
	cfg := load(t, dir, fmt.Sprintf("# ours\nconfig umbrella main\n\toption listen '127.0.0.1:%d'\n\toption media_port '%d'\n\toption state_dir '%s'\n"+
		"config backhaul 'kept'\n\toption url '%s'\n\toption ca '%s'\n\toption secret '%s'\n", peer.FreePort(t), peer.FreePort(t), t.TempDir(), url(0), ca(0), secret))
	n := &Node{Log: slog.New(slog.DiscardHandler), Source: config.Source{Dir: dir}}
	n.Reload = func(context.Context) error {
		cfg, err := n.Source.Load()
		if err != nil {
			return err
		}
		return n.Apply(cfg)
	}
	if err := n.Start(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close(soon(t)) })
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	ask := func(method, path, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(soon(t), method, "https://"+cfg.Main.Listen+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if b, _ := io.ReadAll(answer.Body); answer.StatusCode >= 300 {
			t.Fatalf("%s %s: %s %s", method, path, answer.Status, b)
		}
	}
	// since is when the link of a trunk came up, 0 while there is none.
	since := func(trunk string) int64 {
		for _, s := range n.status().Trunks {
			if s.Name == trunk && len(s.Links) == 1 {
				return s.Links[0].SinceMs
			}
		}
		return 0
	}
	until := func(what string, cond func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !cond(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("not within 20 s: ", what)
			}
		}
	}
	until("the trunk is up", func() bool { return since("kept") != 0 })
	kept, other := since("kept"), int64(0)
	for _, step := range []struct {
		what, method, path, body string
		cond                     func() bool
	}{
		{"one is added", "POST", "/servers/trunks", fmt.Sprintf(`{"name":"other","options":{"url":%q,"secret":%q,"ca":%q}}`, url(1), secret, ca(1)),
			func() bool { other = since("other"); return other != 0 }},
		{"it is changed", "PATCH", "/servers/trunks/other", `{"options":{"room":["den"]}}`,
			func() bool { s := since("other"); return s != 0 && s != other }},
		{"it is removed", "DELETE", "/servers/trunks/other", "", func() bool { return since("other") == 0 && len(n.status().Trunks) == 1 }},
	} {
		ask(step.method, step.path, step.body)
		until(step.what, step.cond)
		if since("kept") != kept {
			t.Fatalf("%s: the other trunk was connected anew", step.what)
		}
	}
}

// A node that does not take the certificate says so, and the other one tells of it;
// of somebody with a browser who does not it does not.
func TestCertificateIsDeclined(t *testing.T) {
	cfg := settings(t, "config backhaul 'in'\n\toption secret 'a-secret-of-all-these-nodes'\n")
	n := startNode(t, cfg)
	if conn, err := tls.Dial("tcp", cfg.Main.Listen, &tls.Config{RootCAs: x509.NewCertPool(), NextProtos: []string{"http/1.1"}}); err == nil {
		t.Error("the certificate is taken")
		_ = conn.Close()
	}
	startNode(t, settings(t, "config backhaul 'up'\n\toption url 'wss://"+cfg.Main.Listen+"/wsb'\n\toption secret 'a-secret-of-all-these-nodes'\n"+
		"\toption fingerprint '"+strings.Repeat("ab", 32)+"'\n"))
	end := time.Now().Add(20 * time.Second)
	for len(n.status().RefusedTrunks) == 0 {
		if time.Now().After(end) {
			t.Fatal("nothing is told of it")
		}
		time.Sleep(20 * time.Millisecond)
	}
	for _, r := range n.status().RefusedTrunks {
		if !strings.Contains(r.Problem, "does not take the certificate") || !strings.Contains(r.Problem, "bad certificate") {
			t.Errorf("%v", r)
		}
	}
	if len(n.status().RefusedTrunks) != 1 {
		t.Errorf("%v", n.status().RefusedTrunks)
	}
}
