package httpd

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"umbrella/internal/access"
)

func TestSnapshot(t *testing.T) {
	s := newServer(t, "/u", nil)
	picture := []byte("\xff\xd8\xff")
	problem := errors.New("the camera offers no snapshots over ONVIF")
	s.Snapshots = &Snapshots{
		Admit: func(r *http.Request, room string, c access.Credentials) (access.Grant, error) {
			return access.Grant{Subscribe: c.Password == "sesame", Publish: true}, nil
		},
		Refusal: func(error) int { return http.StatusForbidden },
		Room:    func(camera string) (string, bool) { return "den", camera != "tree" },
		Take: func(_ context.Context, camera string) ([]byte, error) {
			if camera == "gate" {
				return nil, problem
			}
			return picture, nil
		},
	}
	h := handler(t, s)
	for _, c := range []struct {
		path, word, peer string
		status           int
		body             string
	}{
		{"/snapshot/door.jpg", "sesame", "192.0.2.1:5", 200, string(picture)},
		{"/snapshot/door.jpg", "", "192.0.2.1:5", 403, access.ErrNotAllowed.Error()},
		{"/snapshot/door.jpg", "", "127.0.0.1:5", 200, string(picture)}, // an admin
		{"/snapshot/gate.jpg", "sesame", "192.0.2.1:5", 502, problem.Error()},
		{"/snapshot/tree.jpg", "sesame", "192.0.2.1:5", 404, "no camera"},
		{"/snapshot/door", "sesame", "192.0.2.1:5", 404, "no camera"},
	} {
		r := httptest.NewRequest("GET", "http://127.0.0.1/u"+c.path, nil)
		r.RemoteAddr = c.peer
		if c.word != "" {
			r.Header.Set("Authorization", "Bearer "+c.word)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s by %q: %d %s", c.path, c.word, w.Code, w.Body)
		}
		if (w.Header().Get("Content-Type") == "image/jpeg") != (c.status == 200) {
			t.Errorf("%s: %v", c.path, w.Header())
		}
	}
}
