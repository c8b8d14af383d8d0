package ubus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// maxEvents is how many wait to be sent.
const maxEvents = 64

type event struct {
	name string
	data []byte
}

// Event tells everybody who listens that something happened, as `ubus listen`
// shows it; data is what Marshal takes. It does not wait: it may be called from
// where nothing may be held up. The error is ErrNotConnected, ErrTooMany, or
// tells what of the data cannot be written; that ubusd refuses an event is
// logged.
func (c *Client) Event(name string, data any) error {
	s := c.session.Load()
	if s == nil {
		return fmt.Errorf("sending event %s: %w", name, ErrNotConnected)
	}
	table, err := Marshal(data)
	if err != nil {
		return fmt.Errorf("sending event %s: %w", name, err)
	}
	select {
	case s.events <- event{name: name, data: table}:
		return nil
	default:
		return fmt.Errorf("sending event %s: %w", name, ErrTooMany)
	}
}

// deliver sends events one after the other until the session ends, and then
// those that wait.
func (s *session) deliver() {
	for {
		select {
		case e := <-s.events:
			s.send(e)
		case <-s.ctx.Done():
			for {
				select {
				case e := <-s.events:
					s.send(e)
				default:
					return
				}
			}
		}
	}
}

func (s *session) send(e event) {
	ctx, cancel := context.WithTimeout(s.late, requestTimeout)
	defer cancel()
	_, err := s.request(ctx, messageInvoke, eventObject, func(b []byte) []byte {
		b = appendUint32(b, attrObjectID, eventObject)
		b = appendString(b, attrMethod, "send")
		start, b := beginBlob(b)
		name, b := beginField(b, "id")
		b = endField(append(append(b, e.name...), 0), name, String)
		data, b := beginField(b, "data")
		b = endField(append(b, e.data...), data, Table)
		return endBlob(b, start, attrData<<24)
	})
	level := slog.LevelDebug
	switch {
	case err == nil:
		return
	case errors.Is(err, ErrNotConnected):
	case !s.eventsFail: // one line is enough: the reason is hardly another one
		s.eventsFail = true
		level = slog.LevelWarn
	}
	s.client.Log.Log(ctx, level, "cannot send an event on ubus", "event", e.name, "error", err)
}
