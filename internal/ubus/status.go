package ubus

import (
	"context"
	"errors"
	"fmt"
)

// Status is how a request on the bus ended, as the message's number says. All
// but StatusOK are errors.
type Status uint32

// What OpenWrt calls UBUS_STATUS_OK, UBUS_STATUS_INVALID_COMMAND and so on.
const (
	StatusOK Status = iota
	StatusInvalidCommand
	StatusInvalidArgument
	StatusMethodNotFound
	StatusNotFound
	StatusNoData
	StatusPermissionDenied
	StatusTimeout
	StatusNotSupported
	StatusUnknownError
	StatusConnectionFailed
	StatusNoMemory
	StatusParseError
	StatusSystemError
)

// Error says it in words.
func (s Status) Error() string {
	switch s {
	case StatusOK:
		return "success"
	case StatusInvalidCommand:
		return "invalid command"
	case StatusInvalidArgument:
		return "invalid argument"
	case StatusMethodNotFound:
		return "no such method"
	case StatusNotFound:
		return "not found"
	case StatusNoData:
		return "no answer"
	case StatusPermissionDenied:
		return "permission denied"
	case StatusTimeout:
		return "timed out"
	case StatusNotSupported:
		return "not supported"
	case StatusUnknownError:
		return "unknown error"
	case StatusConnectionFailed:
		return "connection failed"
	case StatusNoMemory:
		return "out of memory"
	case StatusParseError:
		return "data cannot be read"
	case StatusSystemError:
		return "system error"
	default:
		return fmt.Sprintf("status %d", uint32(s))
	}
}

// statusError is a Status with the reason in words.
type statusError struct {
	status Status
	text   string
}

func (e *statusError) Error() string { return e.text }

func (e *statusError) Unwrap() error { return e.status }

// Errorf is an error for whoever called a method: they get the status, and the
// text as the string `error`.
func Errorf(status Status, format string, args ...any) error {
	return &statusError{status: status, text: fmt.Sprintf(format, args...)}
}

// statusOf is the status that tells the error.
func statusOf(err error) Status {
	if err == nil {
		return StatusOK
	}
	if s, ok := errors.AsType[Status](err); ok && s != StatusOK {
		return s
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return StatusTimeout
	}
	return StatusUnknownError
}

// Errors of the client itself.
var (
	// ErrNotConnected: there is no bus here, or it is just restarting.
	ErrNotConnected = errors.New("not connected to ubus")
	// ErrTooLarge: the bus carries messages of up to 1 MiB.
	ErrTooLarge = errors.New("more than the 1 MiB that a message on ubus may have")
	// ErrTooMany: so much is under way that no more is taken.
	ErrTooMany = errors.New("too much at once for ubus")
)
