package camera

import "time"

// Phase is where a camera, or one of its streams, stands.
type Phase string

// Phases.
const (
	Connecting Phase = "connecting" // it was not reached yet
	Idle       Phase = "idle"       // nobody watches; it is connected when somebody does
	Live       Phase = "live"       // packets come
	Down       Phase = "down"       // it cannot be had now; Trouble tells why
)

// State is a camera at one moment. Nothing in it is secret.
type State struct {
	Section, Name, Room string
	Phase               Phase
	Since               time.Time // of the phase
	// Trouble tells why the camera is down; nil when it is not.
	Trouble *Trouble
	// RetryAt is when it is tried again; zero unless it is down.
	RetryAt time.Time
	// Streams are those of `url` and, if it is set, `substream`.
	Streams []StreamState
}

// StreamState is one URL of a camera at one moment.
type StreamState struct {
	Option    string // "url" or "substream"
	URL       string // without what is secret in it
	Phase     Phase
	Since     time.Time
	Trouble   *Trouble
	RetryAt   time.Time
	Transport string // "udp" or "tcp" while it is connected
	// Video and Sound tell what comes: "H.264 High 4.1, 1920x1080", "AAC-LC, 16
	// kHz, mono, becomes G.722"; empty while it is not known, or where there is
	// none that can be had.
	Video, Sound string
	// Blind tells why there is no picture of a stream that should have one.
	Blind *Trouble
	// Notes tell what is not as it should be while it plays.
	Notes []*Trouble
}

// notice tells the room why there is no picture; empty while there is one, or
// may be in a moment.
func (s *State) notice() string {
	switch s.Phase {
	case Connecting:
		return "connecting to the camera"
	case Down:
		return s.Trouble.Reason
	}
	var blind *Trouble
	for _, st := range s.Streams {
		if st.Blind == nil {
			return ""
		}
		blind = firstTrouble(blind, st.Blind)
	}
	return blind.Reason
}
