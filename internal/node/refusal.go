package node

import (
	"errors"
	"net/http"

	"umbrella/internal/access"
	"umbrella/internal/memory"
	"umbrella/internal/names"
	"umbrella/internal/password"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// admit lets in whom the gate lets in, while there is memory for one more.
func (n *Node) admit(r *http.Request, room string, c access.Credentials) (access.Grant, error) {
	grant, err := n.gate.Admit(r, room, c)
	if err == nil {
		err = n.Memory.Admit()
	}
	return grant, err
}

// refusal is admit's error as a browser is told it.
func refusal(err error) umbrellav1.Error_Code {
	switch {
	case errors.Is(err, access.ErrPassword), errors.Is(err, access.ErrNeedsPassword):
		return umbrellav1.Error_CODE_WRONG_PASSWORD
	case errors.Is(err, access.ErrNeedsToken), errors.Is(err, access.ErrToken):
		return umbrellav1.Error_CODE_NEEDS_INVITATION
	case badRoom(err):
		return umbrellav1.Error_CODE_BAD_NAME
	case errors.Is(err, access.ErrSeat):
		return umbrellav1.Error_CODE_BAD_REQUEST
	case errors.Is(err, memory.ErrShort):
		return umbrellav1.Error_CODE_UNAVAILABLE
	case tooMany(err):
		return umbrellav1.Error_CODE_TRY_LATER
	}
	return umbrellav1.Error_CODE_FORBIDDEN
}

// refusalStatus is admit's error as an HTTP status.
func refusalStatus(err error) int {
	switch {
	case errors.Is(err, access.ErrPassword), errors.Is(err, access.ErrNeedsPassword),
		errors.Is(err, access.ErrToken), errors.Is(err, access.ErrNeedsToken):
		return http.StatusUnauthorized
	case badRoom(err):
		return http.StatusNotFound
	case errors.Is(err, memory.ErrShort):
		return http.StatusServiceUnavailable
	case tooMany(err):
		return http.StatusTooManyRequests
	}
	return http.StatusForbidden
}

// badRoom reports whether the name of the room is to blame.
func badRoom(err error) bool {
	return errors.Is(err, names.ErrRoom) || errors.Is(err, names.ErrMixed) || errors.Is(err, access.ErrAlikeRoom)
}

// tooMany tells of an error that passes with time.
func tooMany(err error) bool {
	_, later := errors.AsType[*access.TryLaterError](err)
	return later || errors.Is(err, password.ErrBusy)
}
