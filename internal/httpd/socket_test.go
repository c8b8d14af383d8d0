package httpd

import (
	"net/http"
	"strings"
	"testing"
)

// A page can ask why its WebSocket does not open, which browsers do not tell it.
func TestExplainSocket(t *testing.T) {
	h := handler(t, newServer(t, "", nil))
	for origin, want := range map[string]struct {
		status int
		words  string
	}{
		"http://localhost:8081":    {http.StatusUpgradeRequired, "WebSockets"},
		"https://meet.example.org": {http.StatusForbidden, "meet.example.org"},
	} {
		w := ask(h, http.MethodPost, "127.0.0.1:9", "/wsb", "Origin", origin)
		if w.Code != want.status || !strings.Contains(w.Body.String(), want.words) {
			t.Errorf("%s: %d %s", origin, w.Code, w.Body)
		}
	}
}
