package httpd

import (
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

func TestStatus(t *testing.T) {
	h := handler(t, newServer(t, "", nil))
	const (
		page     = "text/html; charset=utf-8"
		json     = "application/json"
		protobuf = "application/protobuf"
		none     = ""
	)
	for accept, want := range map[string]string{
		"":    json,
		"*/*": json,
		" ":   json,
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8": page, // Chromium, Firefox
		"text/html":                       page,
		"text/*":                          page,
		"TEXT/HTML":                       page,
		"application/json":                json,
		"application/json; charset=utf-8": json,
		"application/*":                   json,
		"application/json, */*;q=0.1":     json,
		"application/protobuf":            protobuf,
		"application/x-protobuf":          protobuf,
		"application/protobuf, application/json;q=0.9": protobuf,
		"application/json;q=0.5, application/protobuf": protobuf,
		"text/html;q=0, */*":                           json,
		"application/json;q=0, application/*":          protobuf,
		"application/xml":                              none,
		"application/json;q=0":                         none,
		"*/*;q=0":                                      none,
		"image/png, image/*":                           none,
		"garbage":                                      none,
		";q=1,,/,*":                                    none,
		"application/json;q=NaN":                       none,
	} {
		w := ask(h, "GET", home, "/status", "Accept", accept)
		checkHeaders(t, w.Header())
		if !strings.Contains(strings.Join(w.Header().Values("Vary"), ","), "Accept") {
			t.Errorf("%q: Vary is %q", accept, w.Header().Values("Vary"))
		}
		if want == none {
			if w.Code != http.StatusNotAcceptable || !strings.Contains(w.Body.String(), "application/json") {
				t.Errorf("%q: %d %s", accept, w.Code, w.Body)
			}
			continue
		}
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != want {
			t.Errorf("%q: %d, %s, want %s", accept, w.Code, w.Header().Get("Content-Type"), want)
			continue
		}
		got := &umbrellav1.Status{}
		var err error
		switch want {
		case page:
			if !strings.Contains(w.Body.String(), "<title>status</title>") {
				t.Errorf("%q: %s", accept, w.Body)
			}
			continue
		case json:
			err = protojson.Unmarshal(w.Body.Bytes(), got)
			// Programs should not have to guess what is not there.
			for _, field := range []string{`"viewOnly"`, `"subscriptions"`, `"lost"`} {
				if !strings.Contains(w.Body.String(), field) {
					t.Errorf("%s is left out", field)
				}
			}
		case protobuf:
			err = proto.Unmarshal(w.Body.Bytes(), got)
		}
		if err != nil || !proto.Equal(got, status()) {
			t.Errorf("%q: %v, %v", accept, got, err)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%q: Cache-Control is %q", accept, w.Header().Get("Cache-Control"))
		}
	}
	// In two headers.
	if w := ask(h, "GET", home, "/status", "Accept", "text/html;q=0.1", "Accept", "application/protobuf"); w.Header().Get("Content-Type") != protobuf {
		t.Errorf("two headers: %s", w.Header().Get("Content-Type"))
	}
	// The page's varies twice.
	if vary := strings.Join(ask(h, "GET", home, "/status", "Accept", "text/html").Header().Values("Vary"), ", "); vary != "Accept, Accept-Encoding" {
		t.Errorf("Vary is %q", vary)
	}
}

// Text that is not UTF-8 cannot be written as JSON.
func TestStatusThatCannotBeWritten(t *testing.T) {
	s := newServer(t, "", nil)
	s.Status = func() *umbrellav1.Status { return &umbrellav1.Status{Version: "\xff"} }
	h := handler(t, s)
	for _, accept := range []string{"application/json", "application/protobuf"} {
		w := ask(h, "GET", home, "/status", "Accept", accept)
		if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "cannot be written") {
			t.Errorf("%s: %d %s", accept, w.Code, w.Body)
		}
	}
}

func FuzzNegotiate(f *testing.F) {
	for _, s := range []string{"", "*/*", "text/html;q=0.5, application/*", ";;q=,q", "a/b;q=1e999", ",,/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		switch got := negotiate(accept, "text/html", "application/json"); got {
		case "", "text/html", "application/json":
		default:
			t.Errorf("%q was not offered", got)
		}
	})
}
