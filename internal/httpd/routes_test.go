package httpd

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// checkHeaders looks at what every answer has to have.
func checkHeaders(t *testing.T, h http.Header) {
	t.Helper()
	csp := h.Get("Content-Security-Policy")
	for _, directive := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'none'", "base-uri 'self'"} {
		if !strings.Contains(csp, directive) {
			t.Errorf("%s is not in the policy %q", directive, csp)
		}
	}
	for _, bad := range []string{"unsafe", "*", "http:", "https:"} {
		if strings.Contains(csp, bad) {
			t.Errorf("%s is in the policy %q", bad, csp)
		}
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Access-Control-Allow-Origin":  "",
		"Strict-Transport-Security":    "", // see docs/security.md
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !strings.Contains(h.Get("Permissions-Policy"), "camera=(self)") {
		t.Errorf("Permissions-Policy is %q", h.Get("Permissions-Policy"))
	}
}

// handler is all of the server but its socket.
func handler(t *testing.T, s *Server) http.Handler {
	t.Helper()
	p, err := loadPages(s.Assets, s.Prefix, s.caFingerprint())
	if err != nil {
		t.Fatal(err)
	}
	return s.routes(p)
}

func ask(h http.Handler, method, peer, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Host = "ap.lan:8081"
	r.RemoteAddr, r.Host = peer, "localhost:8081"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestRoutes(t *testing.T) {
	const (
		html = "text/html; charset=utf-8"
		text = "text/plain; charset=utf-8"
	)
	for _, prefix := range []string{"", "/umbrella", "/a/b.c"} {
		h := handler(t, newServer(t, prefix, nil))
		for _, c := range []struct {
			method, path string // below the prefix
			home, away   int    // status for loopback and for others
			kind         string // Content-Type for loopback
			location     string // below the prefix, too
			body         string
		}{
			{"GET", "/", 302, 302, html, "/sfu", ""},
			{"GET", "/sfu", 200, 200, html, "", "<title>call</title>"},
			{"GET", "/sfu/", 302, 302, html, "/sfu", ""},
			{"GET", "/sfu/attic", 200, 200, html, "", `<base href="` + prefix + `/">`},
			{"HEAD", "/sfu/attic", 200, 200, html, "", ""},
			{"GET", "/sfu/Attic_1-2.3", 200, 200, html, "", "<title>call</title>"},
			{"GET", "/sfu/.hidden", 404, 404, text, "", "a room's name"},
			{"GET", "/sfu/a%2Fb", 404, 404, text, "", "a room's name"},
			{"GET", "/sfu/a%20b", 404, 404, text, "", "a room's name"},
			{"GET", "/sfu/%C3%A4", 200, 200, html, "", "<title>call</title>"},
			{"GET", "/sfu/%D8%A2%D8%B4%D9%BE%D8%B2%E2%80%8C%D8%AE%D8%A7%D9%86%D9%87", 200, 200, html, "", "<title>call</title>"},
			{"GET", "/sfu/a%CC%88?view=cameras", 302, 302, html, "/sfu/%C3%A4?view=cameras", ""},
			{"GET", "/sfu/a%E2%80%AEb", 404, 404, text, "", "a room's name"},
			{"GET", "/sfu/%00", 404, 404, text, "", "a room's name"},
			{"GET", "/sfu/" + strings.Repeat("a", 65), 404, 404, text, "", "a room's name"},
			{"GET", "/sfu/a/b", 404, 404, text, "", "there is nothing here"},
			{"POST", "/sfu", 405, 405, text, "", ""},
			{"PUT", "/sfu/attic", 405, 405, text, "", ""},
			{"DELETE", "/", 405, 405, text, "", ""},
			{"POST", "/status", 405, 405, text, "", ""},
			{"POST", "/metrics", 405, 405, text, "", ""},
			{"POST", "/wsb", 426, 426, text, "", "WebSocket"},
			{"PUT", "/wsb", 405, 405, text, "", ""},
			{"GET", "/wsb", 426, 426, text, "", "WebSocket"},
			{"GET", "/trust", 404, 404, text, "", "nothing to trust"},
			{"GET", "/ca.crt", 404, 404, text, "", "CA of its own"},
			{"GET", "/healthz", 200, 200, text, "", "ok\n"},
			{"HEAD", "/healthz", 200, 200, text, "", ""},
			{"GET", "/me", 200, 200, "application/json", "", `"login":false}`},
			{"GET", "/status", 200, 401, "application/json", "", "attic"},
			{"HEAD", "/status", 200, 401, "application/json", "", ""},
			{"GET", "/metrics", 200, 401, "text/plain; version=0.0.4; charset=utf-8", "", "umbrella_rooms 1\n"},
			{"POST", "/whip/attic", 200, 200, text, "", "whip POST /whip/attic"},
			{"GET", "/whep/attic/x", 200, 200, text, "", "whip GET /whep/attic/x"},
			{"GET", "/whip", 404, 404, text, "", "there is nothing here"},
			{"GET", "/whep", 404, 404, text, "", "there is nothing here"},
			{"GET", "/assets/app-abc.js", 200, 200, "text/javascript; charset=utf-8", "", script},
			{"GET", "/assets/icon-abc.png", 200, 200, "image/png", "", "\x89PNG"},
			{"GET", "/robots.txt", 200, 200, text, "", "User-agent"},
			{"GET", "/assets/app-abc.js.gz", 404, 404, text, "", "there is nothing here"},
			{"GET", "/assets/", 404, 404, text, "", "there is nothing here"},
			{"GET", "/assets", 404, 404, text, "", "there is nothing here"},
			{"GET", "/.gitkeep", 404, 404, text, "", "there is nothing here"},
			{"GET", "/index.html", 404, 404, text, "", "there is nothing here"},
			{"GET", "/status.html", 404, 404, text, "", "there is nothing here"},
			{"GET", "/servers", 404, 404, text, "", "there is nothing here"},
			{"GET", "/..%2f..%2fetc/passwd", 404, 404, text, "", "there is nothing here"},
		} {
			for peer, want := range map[string]int{
				"127.0.0.1:9": c.home, "[::1]:9": c.home,
				"192.168.1.20:9": c.away, "198.51.100.7:9": c.away, "[2001:db8::7]:9": c.away, "": c.away,
			} {
				w := ask(h, c.method, peer, prefix+c.path)
				name := c.method + " " + prefix + c.path + " from " + peer
				if w.Code != want {
					t.Errorf("%s: %d, want %d: %s", name, w.Code, want, w.Body)
					continue
				}
				checkHeaders(t, w.Header())
				if want == 401 && (strings.Contains(w.Body.String(), "attic") || c.method != "HEAD" && !strings.Contains(w.Body.String(), "for admins")) {
					t.Errorf("%s: %s", name, w.Body)
				}
				if want == 405 && c.path != "/wsb" && w.Header().Get("Allow") != "GET, HEAD" {
					t.Errorf("%s: Allow is %q", name, w.Header().Get("Allow"))
				}
				if want != c.home {
					continue
				}
				if kind := w.Header().Get("Content-Type"); kind != c.kind {
					t.Errorf("%s: is %s, want %s", name, kind, c.kind)
				}
				location := ""
				if c.location != "" {
					location = prefix + c.location
				}
				if got := w.Header().Get("Location"); got != location {
					t.Errorf("%s: to %q, want %q", name, got, location)
				}
				if !strings.Contains(w.Body.String(), c.body) {
					t.Errorf("%s: %q is not in %q", name, c.body, w.Body)
				}
			}
		}
	}
}

func TestOutsideThePrefix(t *testing.T) {
	h := handler(t, newServer(t, "/umbrella", nil))
	for path, want := range map[string]int{
		"/": 302, "/sfu": 404, "/status": 404, "/metrics": 404, "/whip/attic": 404, "/umbrellas": 404, "/healthz": 404,
	} {
		w := ask(h, "GET", "127.0.0.1:9", path)
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
		checkHeaders(t, w.Header())
	}
	if w := ask(h, "GET", "127.0.0.1:9", "/"); w.Header().Get("Location") != "/umbrella/sfu" {
		t.Errorf("/ goes to %q", w.Header().Get("Location"))
	}
	if w := ask(h, "GET", "127.0.0.1:9", "/umbrella"); w.Header().Get("Location") != "/umbrella/" {
		t.Errorf("/umbrella is %d, to %q", w.Code, w.Header().Get("Location"))
	}
}

// What only this machine may see is not shown by way of a proxy on it.
func TestLoopbackByProxy(t *testing.T) {
	h := handler(t, newServer(t, "", nil))
	for _, path := range []string{"/status", "/metrics"} {
		for _, header := range []string{"X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"} {
			if w := ask(h, "GET", "127.0.0.1:9", path, header, "127.0.0.1"); w.Code != http.StatusUnauthorized {
				t.Errorf("%s with %s: %d", path, header, w.Code)
			}
		}
	}
}

func TestNotBuilt(t *testing.T) {
	s := newServer(t, "", certificates(t))
	s.Assets = fstest.MapFS{".gitkeep": {}}
	h := handler(t, s)
	for _, path := range []string{"/sfu", "/sfu/attic", "/trust", "/status"} {
		w := ask(h, "GET", "127.0.0.1:9", path, "Accept", "text/html")
		if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "make build") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		checkHeaders(t, w.Header())
	}
	if w := ask(h, "GET", "127.0.0.1:9", "/healthz"); w.Code != http.StatusOK {
		t.Errorf("healthz: %d", w.Code)
	}
}

func TestPolicyNamesTheHost(t *testing.T) {
	for host, want := range map[string]string{
		"ap.lan:8081":            "connect-src 'self' ws://ap.lan:8081 wss://ap.lan:8081;",
		"[fd00::1]:8081":         "connect-src 'self';",
		"a; script-src *":        "connect-src 'self';",
		"a b":                    "connect-src 'self';",
		"a\r\nX: y":              "connect-src 'self';",
		"*":                      "connect-src 'self';",
		"":                       "connect-src 'self';",
		strings.Repeat("a", 300): "connect-src 'self';",
	} {
		if got := policy(host); !strings.Contains(got, want) || strings.ContainsAny(got, "\r\n*") {
			t.Errorf("%q: %s", host, got)
		}
	}
}

// Whatever is asked for, one address may ask only so often, and others are answered.
func TestRequestsOfAnAddress(t *testing.T) {
	h := handler(t, newServer(t, "/umbrella", nil))
	paths := []string{"/umbrella/healthz", "/umbrella/trust", "/umbrella/sfu", "/umbrella/assets/none.js", "/nowhere", "/umbrella/status"}
	var mu sync.Mutex
	var all sync.WaitGroup
	refused := map[string]int{}
	for range 500 { // one that is refused waits for a second
		for _, path := range paths {
			all.Go(func() {
				w := ask(h, "GET", "192.0.2.1:1", path)
				if w.Code != http.StatusTooManyRequests {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				if refused[path]++; w.Header().Get("Retry-After") != "1" {
					t.Errorf("%s: Retry-After is %q", path, w.Header().Get("Retry-After"))
				}
				checkHeaders(t, w.Header())
			})
		}
	}
	all.Wait()
	for _, path := range paths {
		if refused[path] < 100 {
			t.Errorf("%s: %d of 500 are refused", path, refused[path])
		}
	}
	if w := ask(h, "GET", "192.0.2.2:1", "/umbrella/healthz"); w.Code != http.StatusOK {
		t.Errorf("somebody else: %d", w.Code)
	}
}
