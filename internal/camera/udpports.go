package camera

import (
	"errors"
	"math/rand/v2"
	"syscall"
)

const (
	// firstUDPPort and lastUDPPort bound the ports that a camera is told to send to.
	firstUDPPort = 10000
	lastUDPPort  = 65535
	// maxPortTries is how many pairs of ports are tried for one medium.
	maxPortTries = 64
)

// withUDPPorts calls listen with a random even port for RTP and the odd one above it
// for RTCP (RFC 3550 §11), and again with others while those are in use. Any other
// error ends it: gortsplib would look for ports without end where the process has no
// file descriptor left, and not stop for Close meanwhile (bluenviron/gortsplib#1104).
func withUDPPorts(listen func(rtp, rtcp int) error) error {
	for range maxPortTries {
		port := firstUDPPort + 2*rand.N((lastUDPPort+1-firstUDPPort)/2)
		if err := listen(port, port+1); !errors.Is(err, syscall.EADDRINUSE) {
			return err
		}
	}
	return trouble("no UDP port is free on this machine", "set transport to tcp")
}
