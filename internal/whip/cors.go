package whip

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"umbrella/internal/access"
)

// errUnproven is why a page of another site is refused that brings a bearer token to a
// room that looks at none.
var errUnproven = errors.New("the room does not ask for what it brings; add the page's origin to the option 'cors_origin'")

type needsProofKey struct{}

// needsProof reports whether a request is from a page of another site that no setting
// allows, and which therefore gets what its token or password gives, and no more.
func needsProof(r *http.Request) bool { return r.Context().Value(needsProofKey{}) != nil }

// crossOrigin lets a page of another site in (CORS), or answers its request and returns
// nil: refused is why it is not let in. A page may come if the settings name its origin;
// if its request brings a bearer token, which a page knows only from its user; or if it
// knows the URL of a session, which is a secret. Cookies count for nothing: what the
// browser adds by itself proves nothing of the page.
func (s *Server) crossOrigin(w http.ResponseWriter, r *http.Request, refused error) *http.Request {
	origin := r.Header.Get("Origin")
	allowed := s.AllowOrigin != nil && s.AllowOrigin(origin)
	session := strings.HasPrefix(r.URL.Path, "/whip/session/") || strings.HasPrefix(r.URL.Path, "/whep/session/")
	bearer := access.BearerOf(r) != access.Credentials{}
	preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	if preflight {
		bearer = asks(r.Header.Values("Access-Control-Request-Headers"), "authorization")
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	if !allowed && !session && !bearer {
		http.Error(w, fmt.Sprintf("%v. For pages that play or publish, add their origin to the option 'cors_origin', "+
			"or have them send a token", refused), http.StatusForbidden)
		return nil
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Location, Link, ETag, Accept-Patch, Retry-After, WWW-Authenticate")
	if preflight {
		h.Set("Access-Control-Allow-Methods", "POST, PATCH, DELETE, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
		h.Set("Access-Control-Max-Age", "600")
		if allowed && r.Header.Get("Access-Control-Request-Private-Network") == "true" {
			h.Set("Access-Control-Allow-Private-Network", "true")
		}
		h.Set("Accept-Post", sdpType)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	ctx := r.Context()
	if !allowed {
		ctx = context.WithValue(ctx, needsProofKey{}, true)
	}
	r = r.Clone(ctx)
	r.Header.Del("Cookie")
	return r
}

// asks reports whether a list of header names has one.
func asks(lists []string, name string) bool {
	for _, list := range lists {
		for word := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(word), name) {
				return true
			}
		}
	}
	return false
}
