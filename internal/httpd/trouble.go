package httpd

import (
	"bytes"
	"html"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxReason bounds what a page says of why a request was refused, in bytes.
const maxReason = 1 << 10

// withErrorPage answers a browser that is refused a page with a page that says why and
// leads to the calls. Programs get the line of text that h writes.
//
// An answer to a request for another host stays a text: links on a page there would
// lead to that host.
func (p *pages) withErrorPage(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !forPerson(r) || p.files["error.html"] == nil {
			h.ServeHTTP(w, r)
			return
		}
		t := &troubleWriter{ResponseWriter: w}
		h.ServeHTTP(t, r)
		if t.status != 0 {
			p.sendError(w, r, t.status, t.reason.String())
		}
	})
}

// forPerson reports whether a browser asks for a page: it names HTML and likes it best.
func forPerson(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Header.Get("Upgrade") != "" {
		return false
	}
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if negotiate(accept, "text/html", "application/json", "text/plain") != "text/html" {
		return false
	}
	// What takes anything, as a style sheet's request does, is no page.
	for part := range strings.SplitSeq(accept, ",") {
		if name, _ := weighted(part); name == "text/html" {
			return true
		}
	}
	return false
}

// troubleWriter keeps an error in plain text to itself; anything else goes through.
type troubleWriter struct {
	http.ResponseWriter
	status int // of the error; 0 without one
	reason bytes.Buffer
}

func (t *troubleWriter) WriteHeader(status int) {
	kind := t.Header().Get("Content-Type")
	if status >= 400 && status != http.StatusMisdirectedRequest && strings.HasPrefix(kind, "text/plain") {
		t.status = status
		return
	}
	t.ResponseWriter.WriteHeader(status)
}

func (t *troubleWriter) Write(b []byte) (int, error) {
	if t.status == 0 {
		return t.ResponseWriter.Write(b)
	}
	t.reason.Write(b[:min(len(b), maxReason-t.reason.Len())])
	return len(b), nil
}

// Unwrap is for http.ResponseController.
func (t *troubleWriter) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// sendError fills in error.html: __TITLE__ and __REASON__, both as text.
func (p *pages) sendError(w http.ResponseWriter, r *http.Request, status int, reason string) {
	page, err := p.files["error.html"].unpack()
	if err != nil {
		http.Error(w, "the file is damaged", http.StatusInternalServerError)
		return
	}
	title := errorTitle(status)
	page = bytes.ReplaceAll(page, []byte("__TITLE__"), []byte(html.EscapeString(title)))
	page = bytes.ReplaceAll(page, []byte("__REASON__"), []byte(html.EscapeString(sentence(reason))))
	h := w.Header()
	h.Set("Content-Type", p.files["error.html"].kind)
	h.Del("Content-Length")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	if !slices.Contains(h.Values("Vary"), "Accept") {
		h.Add("Vary", "Accept")
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(page)
	}
}

func errorTitle(status int) string {
	switch status {
	case http.StatusNotFound:
		return "This page is not here"
	case http.StatusUnauthorized, http.StatusForbidden:
		return "You may not see this page"
	case http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusUpgradeRequired:
		return "This address is for programs"
	case http.StatusTooManyRequests:
		return "That was too often"
	case http.StatusServiceUnavailable:
		return "Not just now"
	}
	return "That did not work"
}

// sentence makes a sentence of an error's words.
func sentence(words string) string {
	words = strings.TrimSpace(strings.ToValidUTF8(words, ""))
	first, size := utf8.DecodeRuneInString(words)
	if size == 0 {
		return ""
	}
	words = string(unicode.ToUpper(first)) + words[size:]
	if !strings.ContainsAny(words[len(words)-1:], ".!?") {
		words += "."
	}
	return words
}
