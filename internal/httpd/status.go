package httpd

import (
	"net/http"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// serveStatus tells the live state in the form that is asked for: a page, JSON
// or protobuf.
func (s *Server) serveStatus(w http.ResponseWriter, r *http.Request, p *pages) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Accept")
	switch negotiate(strings.Join(r.Header.Values("Accept"), ","), "text/html", "application/json", "application/protobuf", "application/x-protobuf") {
	case "text/html":
		p.page(w, r, "status.html")
	case "application/json":
		b, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(s.Status())
		send(w, "application/json", b, err)
	case "application/protobuf", "application/x-protobuf":
		b, err := proto.Marshal(s.Status())
		send(w, "application/protobuf", b, err)
	default:
		http.Error(w, "this is to be had as text/html, application/json or application/protobuf", http.StatusNotAcceptable)
	}
}

func send(w http.ResponseWriter, kind string, b []byte, err error) {
	if err != nil {
		http.Error(w, "the status cannot be written: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(b)
}

// negotiate picks the best of what is offered for an Accept header (RFC 9110
// §12.5.1): the highest weight, then the order of offers. "" is none. Without
// a header it is JSON's turn: a program asks.
func negotiate(accept string, offers ...string) string {
	if strings.TrimSpace(accept) == "" || strings.TrimSpace(accept) == "*/*" {
		return "application/json"
	}
	best, bestQ, bestExact := "", 0.0, 0
	for _, offer := range offers {
		q, exact := 0.0, 0
		kind, _, _ := strings.Cut(offer, "/")
		for part := range strings.SplitSeq(accept, ",") {
			name, weight := weighted(part)
			is := 0
			switch name {
			case offer:
				is = 3
			case kind + "/*":
				is = 2
			case "*/*":
				is = 1
			}
			if is > exact {
				q, exact = weight, is
			}
		}
		if q > bestQ || q == bestQ && q > 0 && exact > bestExact {
			best, bestQ, bestExact = offer, q, exact
		}
	}
	return best
}
