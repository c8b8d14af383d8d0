package httpd

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"umbrella/internal/access"
)

// As browsers ask when somebody follows a link or types an address.
const askedByBrowser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"

// A person who mistypes an address gets a page that leads to the calls; a program gets
// a line of text.
func TestErrorPages(t *testing.T) {
	for _, prefix := range []string{"", "/umbrella"} {
		s := newServer(t, prefix, nil)
		h := handler(t, s)
		for path, words := range map[string]string{
			prefix + "/nosuch":               "There is nothing here.",
			prefix + "/sfu/a%20b":            "room&#39;s name",
			prefix + "/sfu/a/b":              "There is nothing here.",
			prefix + "/servers/x":            "There is nothing here.",
			prefix + "/assets/app-gone.js":   "There is nothing here.",
			prefix + "/status.html":          "There is nothing here.",
			prefix + "/trust":                "there is nothing to trust.",
			prefix + "/ca.crt":               "CA of its own.",
			"/" + strings.Repeat("long", 90): "",
		} {
			w := ask(h, "GET", "192.168.1.20:9", path, "Accept", askedByBrowser)
			checkHeaders(t, w.Header())
			body := w.Body.String()
			if w.Code != http.StatusNotFound || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
				t.Errorf("%s is %d %s", path, w.Code, w.Header().Get("Content-Type"))
			}
			for _, want := range []string{`<base href="` + prefix + `/">`, `<title>This page is not here</title>`, `<a href="sfu">`, words} {
				if !strings.Contains(body, want) {
					t.Errorf("%s: %q is not in %s", path, want, body)
				}
			}
			if w.Header().Get("Cache-Control") == "" || !strings.Contains(strings.Join(w.Header().Values("Vary"), ","), "Accept") {
				t.Errorf("%s may be kept for programs: %v", path, w.Header())
			}
			for _, accept := range []string{"", "*/*", "application/json", "text/plain", "text/css,*/*;q=0.1"} {
				if w := ask(h, "GET", "192.168.1.20:9", path, "Accept", accept); w.Code != http.StatusNotFound || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
					t.Errorf("%s for %q is %d %s", path, accept, w.Code, w.Header().Get("Content-Type"))
				}
			}
			if w := ask(h, "HEAD", "192.168.1.20:9", path, "Accept", askedByBrowser); w.Code != http.StatusNotFound || w.Body.Len() > 0 {
				t.Errorf("HEAD %s is %d with %d bytes", path, w.Code, w.Body.Len())
			}
		}
	}
}

// The reason of a refusal is text on its page, however it is made, and bounded.
func TestErrorPageShowsText(t *testing.T) {
	p, err := loadPages(client(t), "", "")
	if err != nil {
		t.Fatal(err)
	}
	h := p.withErrorPage(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		access.Refuse(w, errors.New("<img src=x onerror=alert(1)> __TITLE__ "+strings.Repeat("\xff<", 5_000)), http.StatusServiceUnavailable)
	}))
	w := ask(h, "GET", "192.168.1.20:9", "/", "Accept", askedByBrowser)
	body := w.Body.String()
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("the answer is %d %v", w.Code, w.Header())
	}
	if strings.Contains(body, "<img") || !strings.Contains(body, "&lt;img") || len(body) > 8<<10 {
		t.Errorf("the page of %d bytes is %.300s", len(body), body)
	}
}
