package node

import (
	"errors"
	"net/http"

	"umbrella/internal/access"
	"umbrella/internal/memory"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// admit lets in whom the gate lets in, while there is memory for one more.
func (n *Node) admit(r *http.Request, room, password string) error {
	if err := n.gate.Admit(r, room, password); err != nil {
		return err
	}
	return n.Memory.Admit()
}

// refusal is admit's error as a browser is told it.
func refusal(err error) umbrellav1.Error_Code {
	switch {
	case errors.Is(err, access.ErrPassword), errors.Is(err, access.ErrNeedsPassword):
		return umbrellav1.Error_CODE_WRONG_PASSWORD
	case errors.Is(err, access.ErrRoomName):
		return umbrellav1.Error_CODE_BAD_NAME
	case errors.Is(err, memory.ErrShort):
		return umbrellav1.Error_CODE_UNAVAILABLE
	}
	return umbrellav1.Error_CODE_FORBIDDEN
}

// refusalStatus is admit's error as an HTTP status.
func refusalStatus(err error) int {
	switch {
	case errors.Is(err, access.ErrPassword), errors.Is(err, access.ErrNeedsPassword), errors.Is(err, access.ErrToken):
		return http.StatusUnauthorized
	case errors.Is(err, access.ErrRoomName):
		return http.StatusNotFound
	case errors.Is(err, memory.ErrShort):
		return http.StatusServiceUnavailable
	}
	return http.StatusForbidden
}
