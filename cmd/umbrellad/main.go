// Umbrellad is a WebRTC SFU for an access point: rooms of audio and video,
// cameras, and trunks to other nodes.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker: -X main.version=1.2.3.
var version = "dev"

func main() {
	// Before anything else: a SIGHUP that nobody waits for ends the process.
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	os.Exit(run(os.Args[1:], os.Environ(), stdio{os.Stdin, os.Stdout, os.Stderr}, signals))
}
