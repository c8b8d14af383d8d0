package peer

import (
	"math/rand/v2"
	"net"
	"testing"
)

// FreePort finds a number that is free for TCP and UDP, for something to listen on
// that has to be told which. It is none of those that connections get by themselves,
// one of which would take it meanwhile.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 10_000 + rand.IntN(20_000)
		l, err := net.ListenTCP("tcp", &net.TCPAddr{Port: port})
		if err != nil {
			continue
		}
		u, err := net.ListenUDP("udp", &net.UDPAddr{Port: port})
		_ = l.Close()
		if err == nil {
			_ = u.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}
