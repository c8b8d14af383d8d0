package access

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// BearerOf is what a request brings to a room's door in its Authorization header
// (RFC 6750 §2.1); empty where it has none.
func BearerOf(r *http.Request) Credentials {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return Bearer("")
	}
	return Bearer(strings.TrimSpace(token))
}

// Refuse answers a request that is not let in: err says why, in words, and status
// is the HTTP status that goes with it.
func Refuse(w http.ResponseWriter, err error, status int) {
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="umbrella"`)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "30")
	case http.StatusTooManyRequests:
		if later, ok := errors.AsType[*TryLaterError](err); ok {
			w.Header().Set("Retry-After", strconv.Itoa(int(later.After/time.Second)))
		}
	}
	http.Error(w, err.Error(), status)
}
