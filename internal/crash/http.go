package crash

import (
	"log"
	"log/slog"
	"net/http"
	"strings"
)

// Handler contains the panics of a handler: the client's connection is closed.
// net/http would do the same, but count nothing, and go on where a lock is still
// held.
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v != http.ErrAbortHandler {
				// Not the path, in which a secret may be; the stack says which handler.
				_ = contained(HTTP, r.RemoteAddr, v)
			}
			// A part of the answer may have left, so there is no other to give.
			panic(http.ErrAbortHandler)
		}()
		next.ServeHTTP(w, r)
	})
}

// ServerLog is the ErrorLog of an http.Server. Panics that net/http recovers outside
// handlers, as in a TLS handshake, are counted and logged as contained; all else goes
// to log at the level Debug.
func ServerLog(to *slog.Logger) *log.Logger {
	return log.New(serverLog{to}, "", 0)
}

type serverLog struct{ to *slog.Logger }

// Write implements io.Writer; net/http writes one message with each call.
func (s serverLog) Write(b []byte) (int, error) {
	text := strings.TrimSpace(string(b))
	if !strings.HasPrefix(text, "http: panic serving ") {
		s.to.Debug(text)
		return len(b), nil
	}
	counts[HTTP].Add(1)
	report(HTTP, "", text, "")
	return len(b), nil
}
