package httpd

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
)

const door = "config camera 'door' # ours\n\toption url 'rtsp://eve:hunter2@192.0.2.7/one'\n\toption room 'den'\n"

func TestCamerasAreChanged(t *testing.T) {
	a := newAdmin(t, door)
	code, body := a.ask("GET", "/servers", "")
	var v struct{ Cameras []cameraView }
	if err := json.Unmarshal([]byte(body), &v); err != nil || code != 200 || strings.Contains(body, "hunter2") || strings.Contains(body, "eve") {
		t.Fatal(code, err, body)
	}
	if len(v.Cameras) != 1 || v.Cameras[0].Name != "door" || v.Cameras[0].URL != "rtsp://…@192.0.2.7/one" || v.Cameras[0].Room != "den" || !v.Cameras[0].OnDemand {
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
	for _, body := range []string{`{"url":"http://192.0.2.7/"}`, `{"url":"rtsp://…@192.0.2.7/"}`, `{"name":"door","option":"url","url":"rtsp://…@192.0.2.70/"}`} {
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
