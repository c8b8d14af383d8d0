package httpd

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"umbrella/internal/access"
	"umbrella/internal/config"
)

// snapshotServer has the cameras door and gate, of which gate gives no picture. asked
// counts how often a camera has to work.
func snapshotServer(t *testing.T) (h http.Handler, asked *int) {
	t.Helper()
	s, asked := newServer(t, "/u", nil), new(int)
	s.Gate.SetRooms([]config.Room{{Name: "den", Access: config.AccessPassword, Password: "sesame"}}, config.AccessLAN)
	s.Snapshots = &Snapshots{
		Find: func(camera string) *Camera {
			if camera != "door" && camera != "gate" {
				return nil
			}
			return &Camera{Room: "den", Take: func(context.Context) ([]byte, error) {
				*asked++
				if camera == "gate" {
					return nil, errors.New("the camera offers no snapshots over ONVIF")
				}
				return []byte("\xff\xd8\xff"), nil
			}}
		},
		Status: func(error) int { return http.StatusBadGateway },
	}
	return handler(t, s), asked
}

// snapshot asks for one; headers are names and values in turn.
func snapshot(h http.Handler, peer, file string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "http://127.0.0.1/u/snapshot/"+file, nil)
	r.RemoteAddr = peer
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestSnapshot(t *testing.T) {
	h, _ := snapshotServer(t)
	for _, c := range []struct {
		file, bearer, peer string
		status             int
		body               string
	}{
		{"door.jpg", "Bearer sesame", "192.0.2.1:5", 200, "\xff\xd8\xff"},
		{"door.jpg", "", "127.0.0.1:5", 200, "\xff\xd8\xff"}, // an admin
		{"gate.jpg", "Bearer sesame", "192.0.2.1:5", 502, "offers no snapshots"},
		{"door.jpg", "", "192.0.2.1:5", 404, access.ErrNoCamera.Error()},
		{"tree.jpg", "Bearer sesame", "192.0.2.1:5", 404, access.ErrNoCamera.Error()},
		{"tree.jpg", "", "127.0.0.1:5", 404, access.ErrNoCamera.Error()},
		{"door", "Bearer sesame", "192.0.2.1:5", 404, access.ErrNoCamera.Error()},
	} {
		w := snapshot(h, c.peer, c.file, "Authorization", c.bearer)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s by %q: %d %s", c.file, c.bearer, w.Code, w.Body)
		}
		if (w.Header().Get("Content-Type") == "image/jpeg") != (c.status == 200) {
			t.Errorf("%s: %v", c.file, w.Header())
		}
	}
}

// Whoever may not see a camera does not learn whether it is there, and makes none work.
func TestSnapshotTellsNothing(t *testing.T) {
	h, asked := snapshotServer(t)
	for _, bearer := range []string{"", "Bearer wrong", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", "Basic eDp5"} {
		for _, from := range []string{"", "http://evil.example/"} {
			for range 10 { // the last ones would have to wait
				there := snapshot(h, "192.0.2.1:5", "door.jpg", "Authorization", bearer, "Referer", from)
				for _, name := range []string{"gate.jpg", "tree.jpg", "door.png"} {
					if other := snapshot(h, "192.0.2.1:5", name, "Authorization", bearer, "Referer", from); other.Code != there.Code ||
						other.Body.String() != there.Body.String() || !reflect.DeepEqual(other.Header(), there.Header()) {
						t.Errorf("by %q: %d, %v, %s; but %s: %d, %v, %s", bearer, there.Code, there.Header(), there.Body, name, other.Code, other.Header(), other.Body)
					}
				}
			}
		}
	}
	if *asked > 0 {
		t.Errorf("cameras were asked %d times", *asked)
	}
}

// A page of another site makes no camera work, whoever opens it.
func TestSnapshotForOtherSites(t *testing.T) {
	h, asked := snapshotServer(t)
	for _, c := range [][2]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Referer", "http://evil.example/x"}, {"Origin", "http://evil.example"}, {"Origin", "null"},
	} {
		for _, file := range []string{"door.jpg", "tree.jpg"} {
			if w := snapshot(h, "127.0.0.1:5", file, "Authorization", "Bearer sesame", c[0], c[1]); w.Code != http.StatusForbidden {
				t.Errorf("%s with %v: %d %s", file, c, w.Code, w.Body)
			}
		}
	}
	if *asked > 0 {
		t.Errorf("cameras were asked %d times", *asked)
	}
	if w := snapshot(h, "192.0.2.1:5", "door.jpg", "Authorization", "Bearer sesame", "Sec-Fetch-Site", "same-origin", "Referer", "http://127.0.0.1/u/status"); w.Code != 200 {
		t.Errorf("a page of the node: %d %s", w.Code, w.Body)
	}
}
