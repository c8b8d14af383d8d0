package httpd

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

const door = "config camera 'door' # ours\n\toption url 'rtsp://eve:hunter2@192.0.2.7/one'\n\toption room 'den'\n"

func TestCamerasAreChanged(t *testing.T) {
	a := newAdmin(t, door)
	code, body := a.ask("GET", "/servers", "")
	var v struct{ Cameras []cameraView }
	if err := json.Unmarshal([]byte(body), &v); err != nil || code != 200 || strings.Contains(body, "hunter2") {
		t.Fatal(code, err, body)
	}
	if len(v.Cameras) != 1 || v.Cameras[0].Name != "door" || v.Cameras[0].URL != "rtsp://192.0.2.7/one" || v.Cameras[0].User != "eve" || !v.Cameras[0].HasPassword || v.Cameras[0].Room != "den" || !v.Cameras[0].OnDemand {
		t.Errorf("%+v", v.Cameras)
	}
	for _, c := range []struct{ url, want string }{
		{"rtsp://…@192.0.2.7/one", "rtsp://eve:hunter2@192.0.2.7/one"},
		{"rtsp://…@192.0.2.7/two", "rtsp://eve:hunter2@192.0.2.7/two"},
		{"rtsp://ann:new@192.0.2.8/two", "rtsp://ann:new@192.0.2.8/two"},
	} {
		body, _ := json.Marshal(map[string]any{"options": map[string]string{"url": c.url}})
		if code, got := a.ask("PATCH", "/servers/cameras/door", string(body)); code != 200 || !strings.Contains(a.file(), "option url '"+c.want+"'") || !strings.Contains(a.file(), "# ours") {
			t.Errorf("%s: %d %s\n%s", c.url, code, got, a.file())
		}
	}
	// A password goes to no other host than its own.
	for _, url := range []string{"rtsp://…@192.0.2.9/two", "rtsp://…@192.0.2.8@192.0.2.9/two", "rtsp://…@192.0.2.8/two?…", "rtsp://…", "http://…@192.0.2.8/two"} {
		body, _ := json.Marshal(map[string]any{"options": map[string]string{"url": url}})
		code, got := a.ask("PATCH", "/servers/cameras/door", string(body))
		if code != 422 || !strings.Contains(got, "anew") || strings.Contains(got, "new@") {
			t.Errorf("%s: %d %s", url, code, got)
		}
	}
	if code, got := a.ask("POST", "/servers/cameras", `{"name":"gate","options":{"url":"rtsp://192.0.2.9/"}}`); code != 201 {
		t.Errorf("%d %s", code, got)
	}
	if code, got := a.ask("POST", "/servers/cameras", `{"name":"gate","options":{"url":"rtsp://192.0.2.9/"}}`); code != 409 || !strings.Contains(got, "another camera") {
		t.Errorf("%d %s", code, got)
	}
	if code, got := a.ask("POST", "/servers/cameras", `{"name":"tree","options":{"url":"http://192.0.2.9/"}}`); code != 422 || !strings.Contains(got, `"option":"url"`) {
		t.Errorf("%d %s", code, got)
	}
	if code, got := a.ask("DELETE", "/servers/cameras/gate", ""); code != 200 || strings.Contains(a.file(), "gate") || a.reloads != 5 {
		t.Errorf("%d %s, %d reloads\n%s", code, got, a.reloads, a.file())
	}
}

// The user and the password of a camera are apart from its addresses: they are escaped
// where they are put in, the password stays where it is not typed, goes to no other host,
// and is removed only when that is asked for.
func TestUserAndPasswordOfACamera(t *testing.T) {
	const two = "config camera 'door'\n\toption url 'rtsp://eve:p%40ss%2Fw@192.0.2.7/one'\n\toption substream 'rtsp://eve:p%40ss%2Fw@192.0.2.7/two'\n"
	for name, c := range map[string]struct {
		text, body string
		code       int
		want       []string // in the file, or in the answer
	}{
		"kept": {two, `{"options":{"url":"rtsp://192.0.2.7/three"},"credentials":{"user":"eve","password":null}}`, 200,
			[]string{"'rtsp://eve:p%40ss%2Fw@192.0.2.7/three'"}},
		"another user": {two, `{"options":{"url":"rtsp://192.0.2.7/one"},"credentials":{"user":"a:b"}}`, 200,
			[]string{"'rtsp://a%3Ab:p%40ss%2Fw@192.0.2.7/one'"}},
		"another password": {two, `{"options":{"url":"rtsp://192.0.2.7/one","substream":"rtsp://192.0.2.7/two"},"credentials":{"user":"eve","password":"ä#?@:/%"}}`, 200,
			[]string{"'rtsp://eve:%C3%A4%23%3F%40%3A%2F%25@192.0.2.7/one'", "'rtsp://eve:%C3%A4%23%3F%40%3A%2F%25@192.0.2.7/two'"}},
		"removed": {two, `{"options":{"url":"rtsp://192.0.2.7/one","substream":"rtsp://192.0.2.7/two"},"credentials":{"user":"","password":""}}`, 200,
			[]string{"'rtsp://192.0.2.7/one'", "'rtsp://192.0.2.7/two'"}},
		"another host": {two, `{"options":{"url":"rtsp://192.0.2.8/one"},"credentials":{"user":"eve"}}`, 422,
			[]string{`{"option":"password","text":"type it again`}},
		"another port": {two, `{"options":{"url":"rtsp://192.0.2.7:8554/one"},"credentials":{"user":"eve"}}`, 422,
			[]string{`{"option":"password","text":"type it again`}},
		"no more encryption": {strings.ReplaceAll(two, "rtsp:", "rtsps:"), `{"options":{"url":"rtsp://192.0.2.7/one"},"credentials":{"user":"eve"}}`, 422,
			[]string{`{"option":"password","text":"type it again`}},
		"another host with a password": {two, `{"options":{"url":"rtsp://192.0.2.8/one"},"credentials":{"user":"eve","password":"new"}}`, 200,
			[]string{"'rtsp://eve:new@192.0.2.8/one'"}},
		"a password of nobody": {two, `{"options":{"url":"rtsp://192.0.2.7/one"},"credentials":{"user":"","password":"new"}}`, 422,
			[]string{`{"option":"user","text":"a password belongs to a user`}},
		"an address with others in it": {two, `{"options":{"substream":"rtsp://ann:x@192.0.2.9/two"},"credentials":{"user":"eve"}}`, 200,
			[]string{"'rtsp://eve:p%40ss%2Fw@192.0.2.7/one'", "'rtsp://ann:x@192.0.2.9/two'"}},
		"a small picture without any": {"config camera 'door'\n\toption url 'rtsp://eve:x@192.0.2.7/one'\n\toption substream 'rtsp://192.0.2.8/two'\n",
			`{"options":{"url":"rtsp://192.0.2.7/one","substream":"rtsp://192.0.2.8/two","room":"den"},"credentials":{"user":"eve"}}`, 200,
			[]string{"'rtsp://eve:x@192.0.2.7/one'", "'rtsp://192.0.2.8/two'", "'den'"}},
	} {
		a := newAdmin(t, c.text)
		code, answer := a.ask("PATCH", "/servers/cameras/door", c.body)
		in := a.file()
		if c.code != 200 {
			in = answer
		}
		for _, want := range c.want {
			if code != c.code || !strings.Contains(in, want) || strings.Contains(answer, "p%40ss") || strings.Contains(answer, "p@ss") {
				t.Errorf("%s: %d %s\n%s", name, code, answer, a.file())
			}
		}
		if c.code != 200 && a.file() != c.text {
			t.Errorf("%s: has changed\n%s", name, a.file())
		}
	}
	// One that is for the small picture alone is shown to be there, and kept.
	a := newAdmin(t, "config camera 'door'\n\toption url 'rtsp://eve:x@192.0.2.7/one'\n\toption substream 'rtsp://ann:y@192.0.2.8/two'\n")
	if _, body := a.ask("GET", "/servers", ""); !strings.Contains(body, `"substream":"rtsp://…@192.0.2.8/two"`) || !strings.Contains(body, `"url":"rtsp://192.0.2.7/one"`) {
		t.Error(body)
	}
	if code, body := a.ask("PATCH", "/servers/cameras/door", `{"options":{"substream":"rtsp://…@192.0.2.8/three"},"credentials":{"user":"eve"}}`); code != 200 || !strings.Contains(a.file(), "'rtsp://ann:y@192.0.2.8/three'") {
		t.Errorf("%d %s\n%s", code, body, a.file())
	}
}

// A refused change says all that is wrong with it, each at its option, and a change that
// is only looked at changes nothing.
func TestAllProblemsAtOnce(t *testing.T) {
	for _, c := range []struct{ method, path, body, options string }{
		{"POST", "/servers/cameras", `{"name":"a b","options":{"url":"http://x","room":"a b","transport":"pigeon"}}`, "room section transport url"},
		{"POST", "/servers/cameras", `{"name":"door","options":{"url":"","room":"a b"}}`, "room section url"},
		{"POST", "/servers/cameras", `{"name":"tree","options":{"url":"rtsp://…@x/","substream":"rtsp://…@y/","room":"a b"}}`, "room substream url"},
		{"PATCH", "/servers/cameras/door", `{"options":{"url":"rtsp://192.0.2.9/","room":"a b"},"credentials":{"user":""}}`, "password room"},
		{"POST", "/servers/trunks", `{"name":"-","options":{"url":"https://x","secret":"short","room":["a/b"]}}`, "name room secret url"},
		{"POST", "/servers/rooms", `{"options":{"name":"a b","access":"password","max_participants":"many"}}`, "max_participants name password"},
		{"PATCH", "/servers/rooms/den", `{"options":{"name":"","access":"nobody","max_participants":"-1"}}`, "access max_participants name"},
	} {
		a := newAdmin(t, door+"\nconfig room\n\toption name 'den'\n")
		before := a.file()
		code, body := a.ask(c.method, c.path, c.body)
		var v complaint
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatal(err, body)
		}
		var got []string
		for _, p := range v.Problems {
			got = append(got, p.Option)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != c.options || code < 400 || a.file() != before {
			t.Errorf("%s %s: %d %s", c.path, c.body, code, body)
		}
		if code, again := a.ask(c.method, c.path, strings.Replace(c.body, "{", `{"check":true,`, 1)); code < 400 || again != body {
			t.Errorf("only looked at, %s %s: %d %s", c.path, c.body, code, again)
		}
	}
	a := newAdmin(t, door)
	if code, body := a.ask("POST", "/servers/cameras", `{"check":true,"name":"tree","options":{"url":"rtsp://x/"}}`); code >= 400 || a.file() != door || a.reloads > 0 {
		t.Errorf("%d %s", code, body)
	}
}

// Rooms are added, changed and removed by their own names, with or without a name of
// their sections. Their passwords are stored as hashes, and shown to nobody.
func TestRoomsAreChanged(t *testing.T) {
	a := newAdmin(t, "config room\n\toption name 'den' # ours\n\toption password 'hunter2'\n\nconfig room 'attic'\n\toption access 'token'\n\toption max_participants '4'\n")
	rooms := func() []roomView {
		code, body := a.ask("GET", "/servers", "")
		var v struct{ Rooms []roomView }
		if err := json.Unmarshal([]byte(body), &v); err != nil || code != 200 || strings.Contains(body, "hunter") || strings.Contains(body, "argon") {
			t.Fatal(code, err, body)
		}
		return v.Rooms
	}
	want := []roomView{{Name: "den", Access: "password", HasPassword: true}, {Name: "attic", Access: "token", MaxParticipants: 4}}
	if got := rooms(); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	for _, s := range []struct {
		method, path, body string
		want               []roomView
		file               string
	}{
		{"POST", "/servers/rooms", `{"options":{"name":"my-room.1","access":"password","password":"hunter3"}}`,
			append(slices.Clone(want), roomView{Name: "my-room.1", Access: "password", HasPassword: true}), "config room 'my_room_1'\n\toption name 'my-room.1'\n\toption password '$argon2id$"},
		{"PATCH", "/servers/rooms/den", `{"options":{"max_participants":"9","access":"password"}}`,
			[]roomView{{Name: "den", Access: "password", HasPassword: true, MaxParticipants: 9}, want[1], {Name: "my-room.1", Access: "password", HasPassword: true}}, "'den' # ours\n\toption password 'hunter2'"},
		{"PATCH", "/servers/rooms/den", `{"options":{"name":"hall","access":"open"}}`,
			[]roomView{{Name: "hall", Access: "open", MaxParticipants: 9}, want[1], {Name: "my-room.1", Access: "password", HasPassword: true}}, "'hall' # ours"},
		{"DELETE", "/servers/rooms/hall", ``, []roomView{want[1], {Name: "my-room.1", Access: "password", HasPassword: true}}, "config room 'attic'"},
		{"DELETE", "/servers/rooms/attic", ``, []roomView{{Name: "my-room.1", Access: "password", HasPassword: true}}, "my_room_1"},
	} {
		code, body := a.ask(s.method, s.path, s.body)
		if got := rooms(); code >= 300 || !slices.Equal(got, s.want) || !strings.Contains(a.file(), s.file) {
			t.Errorf("%s %s %s: %d %s, %+v\n%s", s.method, s.path, s.body, code, body, got, a.file())
		}
	}
	if strings.Contains(a.file(), "hunter") {
		t.Error(a.file())
	}
	for _, c := range []struct {
		method, path, body string
		code               int
	}{
		{"POST", "/servers/rooms", `{"options":{"name":"my-room.1"}}`, 422},
		{"PATCH", "/servers/rooms/attic", `{"options":{}}`, 404},
		{"PATCH", "/servers/rooms/my-room.1", `{"options":{"access":"open","password":"x"}}`, 422},
		{"DELETE", "/servers/rooms/@room%5B0%5D", ``, 404},
	} {
		if code, body := a.ask(c.method, c.path, c.body); code != c.code {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, code, body)
		}
	}
}

// Some cameras have the password in the path.
func TestPasswordInAPathIsKeptAndNotShown(t *testing.T) {
	const stored = "rtsp://192.0.2.7/user=eve&password=hunter2&channel=1"
	a := newAdmin(t, "config camera 'door'\n\toption url '"+stored+"'\n\toption substream '"+stored+"2'\n")
	_, body := a.ask("GET", "/servers", "")
	var v struct{ Cameras []cameraView }
	if err := json.Unmarshal([]byte(body), &v); err != nil || strings.Contains(body, "hunter2") || len(v.Cameras) != 1 {
		t.Fatal(err, body)
	}
	change, err := json.Marshal(map[string]any{"options": map[string]string{"url": v.Cameras[0].URL, "name": "Door"}})
	if err != nil {
		t.Fatal(err)
	}
	if code, got := a.ask("PATCH", "/servers/cameras/door", string(change)); code != 200 || !strings.Contains(a.file(), "option url '"+stored+"'") {
		t.Errorf("%d %s\n%s", code, got, a.file())
	}
	moved := strings.Replace(string(change), "192.0.2.7", "192.0.2.9", 1)
	if code, got := a.ask("PATCH", "/servers/cameras/door", moved); code != 422 || strings.Contains(a.file(), "192.0.2.9") {
		t.Errorf("%d %s\n%s", code, got, a.file())
	}
}

// looked notes what it is asked to look at.
type looked struct{ url, user, password string }

func (l *looked) Probe(_ context.Context, url string) (any, error) {
	l.url = url
	return map[string]string{"text": "good"}, nil
}

func (l *looked) Discover(_ context.Context, user, password string) (any, error) {
	l.user, l.password = user, password
	return map[string]any{"cameras": []any{}}, nil
}

func TestCamerasAreLookedAt(t *testing.T) {
	a := newAdmin(t, door)
	l := &looked{}
	a.admin.Looker = l
	if code, body := a.ask("POST", "/servers/cameras/probe", `{"name":"door","option":"url","url":"rtsp://…@192.0.2.7/sub"}`); code != 200 || body != `{"text":"good"}` || l.url != "rtsp://eve:hunter2@192.0.2.7/sub" {
		t.Errorf("%d %s %q", code, body, l.url)
	}
	if code, body := a.ask("POST", "/servers/cameras/probe", `{"name":"door","option":"url","url":"rtsp://192.0.2.7/sub","credentials":{"user":"ann"}}`); code != 200 || l.url != "rtsp://ann:hunter2@192.0.2.7/sub" {
		t.Errorf("%d %s %q", code, body, l.url)
	}
	for _, body := range []string{`{"url":"http://192.0.2.7/"}`, `{"name":"door","option":"url","url":"rtsp://192.0.2.70/","credentials":{"user":"eve"}}`, `{"url":"rtsp://…@192.0.2.7/"}`, `{"name":"door","option":"url","url":"rtsp://…@192.0.2.70/"}`} {
		l.url = ""
		if code, got := a.ask("POST", "/servers/cameras/probe", body); code != 422 || l.url != "" {
			t.Errorf("%s: %d %s %q", body, code, got, l.url)
		}
	}
	if code, body := a.ask("POST", "/servers/cameras/discover", `{"user":"eve","password":"x"}`); code != 200 || body != `{"cameras":[]}` || l.user != "eve" || l.password != "x" {
		t.Errorf("%d %s %+v", code, body, l)
	}
	if code, _ := a.ask("POST", "/servers/cameras/discover", `{}`, "Peer", "192.0.2.1:5"); code != 401 {
		t.Errorf("a stranger may look: %d", code)
	}
}
