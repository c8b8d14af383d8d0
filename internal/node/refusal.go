package node

import (
	"errors"
	"net/http"

	"umbrella/internal/access"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// refusal is the gate's error as a browser is told it.
func refusal(err error) umbrellav1.Error_Code {
	switch {
	case errors.Is(err, access.ErrPassword), errors.Is(err, access.ErrNeedsPassword):
		return umbrellav1.Error_CODE_WRONG_PASSWORD
	case errors.Is(err, access.ErrRoomName):
		return umbrellav1.Error_CODE_BAD_NAME
	}
	return umbrellav1.Error_CODE_FORBIDDEN
}

// refusalStatus is the gate's error as an HTTP status.
func refusalStatus(err error) int {
	switch {
	case errors.Is(err, access.ErrPassword), errors.Is(err, access.ErrNeedsPassword), errors.Is(err, access.ErrToken):
		return http.StatusUnauthorized
	case errors.Is(err, access.ErrRoomName):
		return http.StatusNotFound
	}
	return http.StatusForbidden
}
