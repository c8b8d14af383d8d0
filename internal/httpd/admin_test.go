package httpd

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"umbrella/internal/config"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// adminOf is a server with an admin page, over a settings file with that text;
// without a file where the text is "-".
type adminOf struct {
	t       *testing.T
	h       http.Handler
	admin   *Admin
	source  config.Source
	cfg     *config.Config
	reloads int
	fails   error
}

func newAdmin(t *testing.T, text string, environ ...string) *adminOf {
	t.Helper()
	a := &adminOf{t: t, source: config.Source{Dir: t.TempDir(), Environ: environ}}
	if text != "-" {
		if err := os.WriteFile(a.source.Path(), []byte(mainSection+text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if a.cfg, err = a.source.Load(); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, "/u", nil)
	s.Assets.(fstest.MapFS)["servers.html.gz"] = zipped(t, "<title>servers</title>")
	s.Status = func() *umbrellav1.Status {
		return &umbrellav1.Status{
			NodeName: "ap", NowMs: 9_000,
			Trunks: []*umbrellav1.TrunkStatus{{
				Name: "hub", Url: "wss://hub/wsb", Problem: "the secret is not that of any trunk here", FailedAtMs: 8_000, RetryAtMs: 10_000,
				Links: []*umbrellav1.TrunkLink{{NodeName: "hub1", SentBitsPerSecond: 1 << 40}},
			}},
			RefusedTrunks: []*umbrellav1.RefusedTrunk{{AtMs: 7_000, Address: "192.0.2.1:1", Problem: "wrong"}},
		}
	}
	s.Admin = &Admin{
		Config: func() *config.Config { return a.cfg }, Source: a.source,
		Reload: func(context.Context) error {
			a.reloads++
			var err error
			if a.cfg, err = a.source.Load(); err != nil {
				t.Error(err)
			}
			return a.fails
		},
	}
	a.admin = s.Admin
	a.h = handler(t, s)
	return a
}

func (a *adminOf) ask(method, path, body string, headers ...string) (int, string) {
	a.t.Helper()
	r := httptest.NewRequest(method, "/u"+path, strings.NewReader(body))
	r.Host, r.RemoteAddr = "localhost:8081", "127.0.0.1:5"
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		switch headers[i] {
		case "Host":
			r.Host = headers[i+1]
		case "Peer":
			r.RemoteAddr = headers[i+1]
		default:
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	a.h.ServeHTTP(w, r)
	checkHeaders(a.t, w.Header())
	return w.Code, strings.TrimSpace(w.Body.String())
}

func (a *adminOf) file() string {
	a.t.Helper()
	b, err := os.ReadFile(a.source.Path())
	if err != nil {
		a.t.Fatal(err)
	}
	return strings.TrimPrefix(string(b), mainSection)
}

// mainSection begins each settings file: without one the node takes none of it.
const mainSection = "config umbrella 'main'\n"

const hub = "config backhaul 'hub' # ours\n\toption url 'wss://hub/wsb'\n\toption secret 'hunter2-hunter2-hunter2'\n"

func TestServersTells(t *testing.T) {
	a := newAdmin(t, hub+"config backhaul 'off'\n\toption enabled 0\n\toption secret 'correct-horse-battery'\n\tlist room den\nconfig backhaul 'backhaul'\n")
	code, body := a.ask("GET", "/servers", "")
	if code != 200 || strings.Contains(body, "hunter2") || strings.Contains(body, "correct-horse") {
		t.Fatal(code, body)
	}
	var v struct {
		NodeName string
		NowMs    int64
		Settings settingsView
		Trunks   []struct {
			Name, URL          string
			Enabled, HasSecret bool
			Rooms, Variables   []string
			Status             *struct {
				Problem, RetryAtMs string
				Links              []struct{ NodeName, SentBitsPerSecond string }
			}
		}
		Refused []struct{ Address, Problem string }
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
	if v.NodeName != "ap" || v.NowMs != 9_000 || v.Settings.Problem != "" || v.Settings.File != a.source.Path() ||
		len(v.Refused) != 1 || v.Refused[0].Address != "192.0.2.1:1" || len(v.Trunks) != 2 {
		t.Fatal(body)
	}
	up, off := v.Trunks[0], v.Trunks[1]
	if up.Name != "hub" || !up.Enabled || !up.HasSecret || up.Status == nil || up.Status.RetryAtMs != "10000" || up.Status.Links[0].NodeName != "hub1" {
		t.Errorf("hub: %s", body)
	}
	if off.Enabled || off.Status != nil || len(off.Rooms) != 1 {
		t.Errorf("off: %s", body)
	}
	if code, body = a.ask("GET", "/servers", "", "Accept", "text/html"); code != 200 || body != "<title>servers</title>" {
		t.Error(code, body)
	}
	if code, body = a.ask("GET", "/servers", "", "Accept", "image/png"); code != 406 {
		t.Error(code, body)
	}
}

func TestServersChanges(t *testing.T) {
	a := newAdmin(t, hub)
	steps := []struct {
		method, path, body string
		code               int
		answer, file       string
	}{
		{"POST", "/servers/trunks", `{"name":"house","options":{"secret":"a-secret-of-the-house","room":["den","attic"]}}`,
			201, `{"name":"house"}`, hub + "\nconfig backhaul 'house'\n\toption enabled '1'\n\toption secret 'a-secret-of-the-house'\n\tlist room 'den'\n\tlist room 'attic'\n"},
		{"PATCH", "/servers/trunks/house", `{"options":{"room":"","enabled":"0"}}`,
			200, `{"name":"house"}`, hub + "\nconfig backhaul 'house'\n\toption enabled '0'\n\toption secret 'a-secret-of-the-house'\n"},
		{"DELETE", "/servers/trunks/house", "", 200, `{"name":"house"}`, hub},
		{"DELETE", "/servers/trunks/hub", "", 200, `{"name":"hub"}`, " # ours\n"},
	}
	for i, s := range steps {
		code, body := a.ask(s.method, s.path, s.body)
		if code != s.code || body != s.answer || a.file() != s.file || a.reloads != i+1 {
			t.Errorf("%s %s: %d %s, %d reloads:\n%s", s.method, s.path, code, body, a.reloads, a.file())
		}
	}
	if len(a.cfg.Backhauls) != 0 {
		t.Errorf("there are still %v", a.cfg.Backhauls)
	}
}

// A placeholder, as the example file has one, is a free name.
func TestServersFillsPlaceholder(t *testing.T) {
	a := newAdmin(t, "config backhaul 'backhaul'\n\t# how to\n")
	if code, body := a.ask("POST", "/servers/trunks", `{"name":"backhaul","options":{"secret":"a-secret-of-the-house"}}`); code != 201 ||
		a.file() != "config backhaul 'backhaul'\n\toption enabled '1'\n\toption secret 'a-secret-of-the-house'\n\t# how to\n" {
		t.Error(code, body, a.file())
	}
}

func TestServersRefuses(t *testing.T) {
	const json = "application/json"
	good := `{"name":"house","options":{"secret":"a-secret-of-the-house"}}`
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		code               int
		want               string
	}{
		"another machine":     {"POST", "/servers/trunks", good, []string{"Peer", "192.168.1.7:1"}, 401, "for admins"},
		"a proxy":             {"POST", "/servers/trunks", good, []string{"X-Forwarded-For", "127.0.0.1"}, 401, "for admins"},
		"reading by another":  {"GET", "/servers", "", []string{"Peer", "192.168.1.7:1"}, 401, "for admins"},
		"another site":        {"POST", "/servers/trunks", good, []string{"Origin", "https://evil.example"}, 403, "another site"},
		"another site's page": {"DELETE", "/servers/trunks/hub", "", []string{"Origin", "null"}, 403, "another site"},
		"another port":        {"PATCH", "/servers/trunks/hub", good, []string{"Origin", "http://localhost:1"}, 403, "another site"},
		"a rebound name":      {"POST", "/servers/trunks", good, []string{"Host", "evil.example:8081", "Origin", "http://evil.example:8081"}, 421, "does not answer to that name"},
		"a form":              {"POST", "/servers/trunks", good, []string{"Content-Type", "text/plain"}, 415, json},
		"no type":             {"PATCH", "/servers/trunks/hub", good, []string{"Content-Type", ""}, 415, json},
		"no JSON":             {"POST", "/servers/trunks", "name=x", nil, 400, "cannot be read"},
		"two of them":         {"POST", "/servers/trunks", good + good, nil, 400, "cannot be read"},
		"unknown field":       {"POST", "/servers/trunks", `{"nmae":"x"}`, nil, 400, "nmae"},
		"numbers":             {"POST", "/servers/trunks", `{"name":"x","options":{"url":7}}`, nil, 400, "a text, or a list of texts"},
		"too much":            {"POST", "/servers/trunks", `{"name":"` + strings.Repeat("x", maxAdminBody) + `"}`, nil, 413, "64 KiB"},
		"nothing":             {"POST", "/servers/trunks", `{"name":"x"}`, nil, 422, `"option":"url","text":"is missing, and a trunk that is enabled needs it, or a secret to accept one`},
		"no name":             {"POST", "/servers/trunks", `{"options":{"secret":"a-secret-of-the-house"}}`, nil, 422, `{"option":"name","text":"cannot be its name: 1 to 64 letters, digits and '_'"}`},
		"a bad url":           {"PATCH", "/servers/trunks/hub", `{"options":{"url":"http://u:hunter2@x"}}`, nil, 422, `{"error":"not saved","problems":[{"option":"url","text":"'http://…@x' is not allowed: wss`},
		"a bad secret":        {"PATCH", "/servers/trunks/hub", `{"options":{"secret":"hunter2"}}`, nil, 422, `"secret","text":"'…' is not allowed: 16`},
		"a name that is used": {"POST", "/servers/trunks", `{"name":"hub","options":{"secret":"a-secret-of-the-house"}}`, nil, 409, `{"error":"there is a trunk of that name","problems":[{"option":"name"`},
		"change nothing":      {"PATCH", "/servers/trunks/house", good, nil, 404, "there is no trunk of that name"},
		"remove nothing":      {"DELETE", "/servers/trunks/main", "", nil, 404, "there is no trunk of that name"},
		"of no kind":          {"POST", "/servers/umbrella", good, nil, 404, "there is nothing here"},
		"a method":            {"PUT", "/servers/trunks/hub", good, nil, 405, "nothing here to be changed"},
	} {
		a := newAdmin(t, hub)
		code, body := a.ask(c.method, c.path, c.body, c.headers...)
		if code != c.code || !strings.Contains(body, c.want) || strings.Contains(body, "hunter2") {
			t.Errorf("%s: %d %s", name, code, body)
		}
		if a.file() != hub || a.reloads != 0 {
			t.Errorf("%s: has changed something", name)
		}
	}
	a := newAdmin(t, hub)
	for _, host := range []string{"127.0.0.1", "[::1]:8081", "localhost", "192.168.1.1:8081"} {
		if code, body := a.ask("PATCH", "/servers/trunks/hub", `{}`, "Host", host, "Origin", "http://"+host); code != 200 {
			t.Errorf("%s: %d %s", host, code, body)
		}
	}
}

func TestServersCannotChange(t *testing.T) {
	post := `{"name":"house","options":{"secret":"a-secret-of-the-house"}}`
	a := newAdmin(t, "-", "UMBRELLA_BACKHAUL_URL=wss://hub/wsb")
	code, body := a.ask("POST", "/servers/trunks", post)
	if code != 409 || !strings.Contains(body, "there is no settings file "+a.source.Path()) {
		t.Error(code, body)
	}
	if _, body := a.ask("GET", "/servers", ""); !strings.Contains(body, `"problem":"there is no settings file`) || !strings.Contains(body, `"variables":["UMBRELLA_BACKHAUL_URL"]`) {
		t.Error(body)
	}
	a = newAdmin(t, hub, "UMBRELLA_BACKHAUL_SECRET=hunter2-hunter2-hunter2")
	for _, method := range []string{"PATCH", "DELETE"} {
		if code, body := a.ask(method, "/servers/trunks/backhaul", `{}`); code != 409 || !strings.Contains(body, "this trunk is set by UMBRELLA_BACKHAUL_SECRET: change it there") {
			t.Error(method, code, body)
		}
	}
	// Somebody has made a mistake by hand since.
	if err := os.WriteFile(a.source.Path(), []byte(mainSection+hub+"config camera c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, body := a.ask("POST", "/servers/trunks", post); code != 422 || !strings.Contains(body, "section 'c', option 'url' is missing") {
		t.Error(code, body)
	}
	// What is written and cannot be applied is told as just that.
	a = newAdmin(t, hub)
	a.fails = errors.New("option 'listen': it is taken")
	if code, body := a.ask("POST", "/servers/trunks", post); code != 201 || body != `{"name":"house","problem":"option 'listen': it is taken"}` {
		t.Error(code, body)
	}
	if err := os.Remove(filepath.Join(a.source.Dir, "umbrella")); err != nil {
		t.Fatal(err)
	}
	if code, body := a.ask("DELETE", "/servers/trunks/hub", ""); code != 409 {
		t.Error(code, body)
	}
}

// FuzzChange: whatever is sent is answered in words, and leaves valid settings.
func FuzzChange(f *testing.F) {
	f.Add(`{"name":"house","options":{"secret":"a-secret-of-the-house","room":["den"]}}`)
	f.Add(`{"options":{"url":null,"room":[null],"ca":""}}`)
	f.Add(`{"name":"door","options":{"url":"rtsp://…@x/"},"credentials":{"user":"\u0000","password":"%"}}`)
	f.Add(`{"options":{"name":"a-b","access":"password","password":"\u0000","max_participants":"1e9"}}`)
	f.Add(`{"name":"it's","options":{"secret":"\u0000"}}`)
	f.Fuzz(func(t *testing.T, body string) {
		a := newAdmin(t, hub)
		for _, r := range [][2]string{
			{"POST", "/servers/trunks"}, {"PATCH", "/servers/trunks/hub"}, {"POST", "/servers/cameras"}, {"POST", "/servers/rooms"},
		} {
			code, answer := a.ask(r[0], r[1], body)
			if code >= 500 || !json.Valid([]byte(answer)) {
				t.Fatalf("%s %q: %d %s", r[0], body, code, answer)
			}
			if _, err := a.source.Load(); err != nil {
				t.Fatalf("%s %q left %q: %v", r[0], body, a.file(), err)
			}
		}
	})
}
