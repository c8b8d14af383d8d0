// Package onvif finds IP cameras on the local network and asks them for the
// URLs of their streams.
//
// Cameras are found by WS-Discovery (OASIS, of April 2005, as ONVIF uses it) and
// asked by SOAP (ONVIF Core, Media and Media2). Whatever comes from a camera is
// taken for hostile: answers are bounded in size and time, and a camera can
// send the node to no address outside of the local network.
package onvif

import (
	"errors"
	"fmt"
	"net/url"
	"time"
)

// Reasons why a camera gives no streams. Their text is for people.
var (
	// ErrNoPassword: the camera tells nothing to somebody without a name.
	ErrNoPassword = errors.New("the camera asks for a user name and a password")
	// ErrRefused: the name or the password is wrong, or the user may not do this.
	ErrRefused = errors.New("the camera refused the user name or password (some cameras have users of their own for ONVIF)")
	// ErrNotONVIF: something answers, but not as a camera does.
	ErrNotONVIF = errors.New("what answers there is not ONVIF: is it switched on in the camera's settings?")
	// ErrNotLocal: the address is outside of the local network.
	ErrNotLocal = errors.New("not a private or link-local address")
	// ErrTooLarge: an answer was longer than 1 MiB.
	ErrTooLarge = errors.New("the camera's answer is larger than 1 MiB")

	errOurs = errors.New("an address of this machine")
)

const (
	maxAnswer   = 1 << 20 // bytes of an answer over HTTP
	maxDevices  = 256     // that one discovery gathers
	maxServices = 4       // addresses of one device
	maxProfiles = 128     // of one device: 64 channels of a recorder, two each

	connectTimeout = 3 * time.Second
	requestTimeout = 5 * time.Second
	// streamsTimeout bounds all that is asked of one camera.
	streamsTimeout = 30 * time.Second
)

// Device is a camera, or a recorder that has several. What it says about itself
// is cut to a length and has no control characters.
type Device struct {
	// Endpoint is the endpoint reference, mostly "urn:uuid:…": it stays the same
	// when the address changes. Empty for one that At made.
	Endpoint string
	// Address is the host it is reached at, and the port where that is not the
	// scheme's: "192.168.1.64", "[fd00::9]:8080".
	Address string
	// Services are the URLs of its device service, the best first; at least one. All
	// are at the address that it answered from.
	Services []string
	// Named is a URL at another address that the device calls its own, or empty: it
	// is shown, and not asked.
	Named string
	// Interface is where it was found. Empty for one that At made.
	Interface string
	// Name, Hardware and Location are as its scopes have them, or empty.
	Name, Hardware, Location string

	reach reach
}

// host is the one of its services.
func (d Device) host() string {
	if len(d.Services) == 0 {
		return ""
	}
	u, err := url.Parse(d.Services[0])
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Information is what a camera says about its make.
type Information struct {
	Manufacturer, Model, Firmware, Serial string
}

// Role is what a profile is good for.
type Role string

const (
	// Main is the largest picture that a source has.
	Main Role = "main"
	// Sub is the smallest one in the codec of the main one.
	Sub Role = "sub"
)

// Profile is one stream that a camera offers.
type Profile struct {
	Token, Name string
	// Source is the token of the picture's source: the same in all profiles of
	// one sensor, or of one channel of a recorder.
	Source string
	// Role is empty where the profile is neither of the two.
	Role Role
	// Codec is H264, H265, JPEG or MPEG4, or what else the camera said; empty
	// where it said nothing.
	Codec string
	// Width and Height are in pixels, FrameRate is the highest in frames a
	// second, BitRate the highest in kbit/s, GOP the frames from one keyframe to
	// the next. Each is 0 where the camera does not say.
	Width, Height int
	FrameRate     float64
	BitRate, GOP  int
	// AudioCodec is as the camera says: G711, PCMU, AAC, …; empty without sound.
	AudioCodec string
	// URL is the RTSP URL, without a user and a password: see WithCredentials.
	// Some cameras write a password into its path: it does not belong in a log.
	URL string
}

// Size is "1920×1080", or empty where it is not known.
func (p Profile) Size() string {
	if p.Width <= 0 || p.Height <= 0 {
		return ""
	}
	return fmt.Sprintf("%d×%d", p.Width, p.Height)
}
