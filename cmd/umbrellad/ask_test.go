package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/protobuf/proto"

	"umbrella/internal/usage"
	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/peer"
)

// Whatever answers wrongly, a command that prints JSON for programs prints no JSON at all:
// nothing on the standard output, words on the other, and code 1.
func TestNoAnswerIsNoJSON(t *testing.T) {
	status, err := proto.Marshal(&umbrellav1.Status{NodeId: "0123456789abcdef", NodeName: "ap"})
	if err != nil {
		t.Fatal(err)
	}
	var handler http.HandlerFunc
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler(w, r) }))
	defer other.Close()
	says := func(code int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
	}
	const protobuf = "application/protobuf"
	environ := []string{"UMBRELLA_TLS=off", "UMBRELLA_LISTEN=" + other.Listener.Addr().String(), "UMBRELLA_STATE_DIR=" + t.TempDir()}
	ask := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := run(args, environ, stdio{strings.NewReader(""), &out, &errs}, nil)
		return code, out.String(), errs.String()
	}
	commands := []string{"status", "rooms", "cameras", "trunks"}
	where := map[string][]string{"local": {"-config", settings(t, "")}, "remote": {"-url", other.URL + "/sfu"}}
	for what, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"nothing":      {says(200, protobuf, ""), "is no umbrellad"},
		"a bit":        {says(200, protobuf, "\x08"), "is no umbrellad"},
		"another's":    {says(200, protobuf, "\x0a\x03abc"), "is no umbrellad"},
		"a page":       {says(200, "text/html", "<h1>router</h1>"), "is no umbrellad"},
		"JSON":         {says(200, "application/json", "{}"), "is no umbrellad"},
		"a login page": {says(403, "text/html", "<h1>log in</h1>"), "is no umbrellad"},
		"a redirect":   {says(302, "text/html", ""), "is no umbrellad"},
		"no path":      {says(404, "text/plain", "404 page not found"), "404 Not Found"},
		"a refusal":    {says(403, "text/plain", "this is for admins\x1b[2J"), "does not tell: this is for admins?[2J"},
		"another host": {says(421, "text/plain", "this is not the host"), "this is not the host (421)"},
		"too often":    {says(429, "text/plain", "try again in 3 s"), "try again in 3 s (429)"},
		"its fault":    {says(500, "text/plain", "it is broken"), "it is broken (500)"},
		"half": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", protobuf)
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write(status)
		}, "unexpected EOF"},
	} {
		handler = c.answer
		for _, command := range commands {
			for at, more := range where {
				code, out, errs := ask(append(more, command, "-json")...)
				if code != usage.Failure || out != "" || !strings.HasPrefix(errs, "umbrellad: ") || !strings.Contains(errs, c.want) || strings.Contains(errs, "\x1b") {
					t.Errorf("%s, %s %s: code %d, %q, %q", what, at, command, code, out, errs)
				}
			}
		}
	}
	handler = says(401, "text/plain", "this is for admins")
	if code, out, errs := ask("cameras", "-json", "-url", other.URL); code != usage.Failure || out != "" || !strings.Contains(errs, "tells admins only: make a token there") {
		t.Errorf("without a token: code %d, %q, %q", code, out, errs)
	}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("wrong\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := ask("cameras", "-json", "-url", other.URL, "-token", token); code != usage.Failure || out != "" || !strings.Contains(errs, "does not tell: this is for admins") {
		t.Errorf("with a wrong token: code %d, %q, %q", code, out, errs)
	}

	// What is right is printed, also where there is nothing: JSON that says so.
	handler = says(200, protobuf, string(status))
	for at, more := range where {
		code, out, errs := ask(append(more, "cameras", "-json")...)
		var st struct {
			NodeID  string
			Cameras []any
			Rooms   []any
		}
		if err := json.Unmarshal([]byte(out), &st); err != nil || code != usage.OK || st.Rooms != nil || errs != "" || st.Cameras == nil || len(st.Cameras) > 0 || st.NodeID == "" {
			t.Errorf("%s: code %d, %v, %q, %q", at, code, err, out, errs)
		}
	}
	// Output that cannot be written is a failure, too.
	for _, command := range [][]string{{"cameras", "-json"}, {"cameras"}, {"status"}, {"rooms"}, {"trunks"}, {"help"}, {"version"}, {"health"}} {
		if command[0] == "health" {
			handler = says(200, "text/plain", "ok\n")
		}
		var errs bytes.Buffer
		in := append([]string{"-config", where["local"][1]}, command...)
		if code := run(in, environ, stdio{nil, full{}, &errs}, nil); code != usage.Failure || !strings.Contains(errs.String(), "no space") {
			t.Errorf("%q: code %d, %s", command, code, &errs)
		}
	}
}

// full is a file on a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// status, rooms and kick on a daemon that runs, from the machine itself and, with a token
// and its CA, as from another one.
func TestStatusRoomsAndKick(t *testing.T) {
	p := start(t, "config umbrella main\nconfig camera door\n\toption room den\n\toption url 'rtsp://127.0.0.1:1/x'\n")
	p.expect("is running.")
	if code, out, errs := p.command("rooms"); code != usage.OK || !strings.Contains(out, "door") {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
	main := p.load().Main
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	join := func(name string) *peer.Peer {
		t.Helper()
		someone := &peer.Peer{URL: "wss://" + main.Listen + "/wsb", Room: "den", Name: name}
		if err := someone.Join(ctx); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(someone.Close)
		return someone
	}
	goes := func(someone *peer.Peer) {
		t.Helper()
		if err := someone.Wait(ctx, func() bool { return someone.Goodbye() != nil }); err != nil {
			t.Errorf("%s is not sent away: %v", someone.Name, err)
		}
	}
	ada, _, cyd, twin := join("Ada Łovelace"), join("Bob"), join("Çelik/50%"), join("Bob")

	code, out, errs := p.command("status")
	for _, want := range []string{"Node ", "Umbrella " + version, "1 room: 4 people, 1 camera, 0 streams", "Memory", "MiB of ", "Trunks   0 of 0 connected", "Cameras"} {
		if code != usage.OK || !strings.Contains(out, want) {
			t.Errorf("status does not say %q: code %d\n%s%s", want, code, out, errs)
		}
	}
	code, out, errs = p.command("rooms")
	table := strings.Join(strings.Fields(out), " ")
	for _, want := range []string{"ROOM NAME KIND ID ADDRESS FOR QUALITY", "den Ada Łovelace person " + ada.ID() + " 127.0.0.1:", "den door camera door -"} {
		if code != usage.OK || !strings.Contains(table, want) {
			t.Errorf("rooms does not say %q: code %d\n%s%s", want, code, out, errs)
		}
	}
	var st struct {
		Rooms []struct {
			Participants []struct{ ID, Name string }
		}
		Cameras []any
		Process struct{ MemoryLimitBytes string }
	}
	code, out, _ = p.command("rooms", "-json")
	if err := json.Unmarshal([]byte(out), &st); err != nil || code != usage.OK || len(st.Rooms) != 1 || len(st.Rooms[0].Participants) != 5 || len(st.Cameras) > 0 {
		t.Errorf("code %d, %v: %s", code, err, out)
	}
	code, out, _ = p.command("status", "-json")
	if err := json.Unmarshal([]byte(out), &st); err != nil || code != usage.OK || len(st.Cameras) != 1 || st.Process.MemoryLimitBytes == "" {
		t.Errorf("code %d, %v: %s", code, err, out)
	}

	for _, c := range []struct{ room, who, want string }{
		{"den", "nobody", "nobody of that id or name"}, {"nowhere", "Bob", "no room of that name is open here"}, {"den", "door", "removed in the settings"},
	} {
		if code, out, errs := p.command("kick", c.room, c.who, "-json"); code != usage.Failure || out != "" || !strings.Contains(errs, c.want) || strings.Contains(errs, "(4") {
			t.Errorf("kick %s %s: code %d, %q, %q", c.room, c.who, code, out, errs)
		}
	}
	if code, out, errs := p.command("kick", "den", ada.Name); code != usage.OK || out != "Ada Łovelace ("+ada.ID()+") was sent away from the room den.\n" {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
	goes(ada)
	code, out, errs = p.command("kick", "-json", "den", twin.ID())
	if code != usage.OK || strings.TrimSpace(out) != `{"room":"den","id":"`+twin.ID()+`","name":"Bob (2)"}` {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
	goes(twin)

	// As from another machine.
	_, token, _ := p.command("token", "-room", "*", "-rights", "admin", "-for", "1d")
	remote := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		args = append(args, "-url", "https://"+main.Listen+"/", "-ca", filepath.Join(main.StateDir, "ca.crt"), "-token", "-")
		// No settings are needed, nor valid ones.
		code := run(append(args, "-config", settings(t, "nonsense")), nil, stdio{strings.NewReader(token), &out, &errs}, nil)
		return code, out.String(), errs.String()
	}
	if code, out, errs := remote("rooms"); code != usage.OK || !strings.Contains(out, "Çelik/50%") {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
	if code, out, errs := remote("kick", "den", cyd.Name); code != usage.OK {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
	goes(cyd)
	var none, why bytes.Buffer
	if code := run([]string{"rooms", "-url", "https://" + main.Listen}, nil, stdio{nil, &none, &why}, nil); code != usage.Failure ||
		!strings.Contains(why.String(), "signed by nobody whom this machine knows: get its /ca.crt") {
		t.Errorf("code %d: %s", code, &why)
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != usage.OK {
		t.Errorf("it ended with %d", code)
	}
}

func TestPrintStatus(t *testing.T) {
	var b bytes.Buffer
	err := printStatus(&b, &umbrellav1.Status{
		NodeName: "ap\x1b[2J", NodeId: "0123456789abcdef", Version: "1.2", NowMs: 100_000_000, StartedAtMs: 99_000_000,
		Process: &umbrellav1.ProcessStatus{
			MemoryNeededBytes: 36 << 20, MemoryMostNeededBytes: 35 << 20, MemoryLimitBytes: 64 << 20, MemoryLimitedBy: "the cgroup's memory",
			MemoryAvailableBytes: 40 << 20, MemoryTotalBytes: 128 << 20, ShortOfMemory: true, ShortOfMemoryReason: "it is short of memory",
			Crashes: 1, LastCrashReason: "a bug",
		},
		Trunks:  []*umbrellav1.TrunkStatus{{Name: "up", Links: []*umbrellav1.TrunkLink{{SentBitsPerSecond: 1000}}}, {Name: "gone", Problem: "no answer"}},
		Cameras: []*umbrellav1.CameraStatus{{Id: "door", Phase: umbrellav1.CameraPhase_CAMERA_PHASE_DOWN}},
		Limits:  []*umbrellav1.LimitStatus{{Description: "Rooms that are open", Used: 3, Most: 3, Refused: 2}},
	})
	for _, line := range []string{
		"Node     ap?[2J (0123456789abcdef), Umbrella 1.2, running for 16 min 40 s",
		"Memory   36 MiB of 35 MiB, then nobody else can join; limit 64 MiB, by the cgroup's memory; 40 MiB of 128 MiB free",
		"Trunks   1 of 2 connected; down: gone", "Cameras  0 of 1 work; down: door",
		"Nobody else can join: it is short of memory.", "It has crashed 1 time; the last time: a bug.", "2 times refused: Rooms that are open (3 of 3 in use).",
	} {
		if !strings.Contains(b.String(), line) {
			t.Errorf("%q is not in\n%s", line, b.String())
		}
	}
	if err != nil || strings.ContainsRune(b.String(), '\x1b') {
		t.Errorf("%v: %q", err, b.String())
	}
}
