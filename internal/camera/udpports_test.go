package camera

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
)

func TestUDPPorts(t *testing.T) {
	busy := &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	t.Run("taken ones are passed over", func(t *testing.T) {
		tries := 0
		err := withUDPPorts(func(rtp, rtcp int) error {
			if rtp%2 != 0 || rtcp != rtp+1 || rtp < 10000 || rtcp > 65535 {
				t.Errorf("ports %d and %d", rtp, rtcp)
			}
			if tries++; tries < 10 {
				return busy
			}
			return nil
		})
		if err != nil || tries != 10 {
			t.Errorf("%v after %d tries", err, tries)
		}
	})
	t.Run("where all are taken it ends", func(t *testing.T) {
		tries := 0
		err := withUDPPorts(func(int, int) error { tries++; return busy })
		if tries > 100 || err == nil || explain(err, "").Reason != "no UDP port is free on this machine" {
			t.Errorf("%v after %d tries", err, tries)
		}
	})
	t.Run("a port that may not be opened is no reason to try others", func(t *testing.T) {
		tries := 0
		err := withUDPPorts(func(int, int) error { tries++; return os.NewSyscallError("bind", syscall.EACCES) })
		if tries != 1 || err == nil {
			t.Errorf("%v after %d tries", err, tries)
		}
	})
}

// A camera by UDP, in a process that has no file descriptor left for its ports:
// gortsplib looked for others without end, and could not be stopped
// (bluenviron/gortsplib#1104).
func TestNoDescriptorsForUDP(t *testing.T) {
	cam := startCamera(t, sceneOf(t, "sub.h264", false), nil)
	for left := 1; left <= 2; left++ { // one is the connection to the camera
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestWithFewDescriptors$", "-test.v")
		cmd.Env = append(os.Environ(), "UMBRELLA_TEST_PROBE="+cam.url("stream"), "UMBRELLA_TEST_LEFT="+strconv.Itoa(left))
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		err := cmd.Run()
		cancel()
		if err != nil || !strings.Contains(out.String(), "said: this machine has no file descriptor left") {
			t.Errorf("with %d descriptors left: %v, %s", left, err, &out)
		}
	}
}

// TestWithFewDescriptors is the other process of TestNoDescriptorsForUDP.
func TestWithFewDescriptors(t *testing.T) {
	url := os.Getenv("UMBRELLA_TEST_PROBE")
	if url == "" {
		t.Skip("it is run by another test")
	}
	left, err := strconv.ParseUint(os.Getenv("UMBRELLA_TEST_LEFT"), 10, 8)
	if err != nil {
		t.Fatal(err)
	}
	// What the runtime keeps open for the network is open from now on.
	warm, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lowest, err := warm.(*net.UDPConn).File() // the lowest one that was free
	if err != nil {
		t.Fatal(err)
	}
	next := uint64(lowest.Fd())
	lowest.Close()
	warm.Close()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = next - 1 + left
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	s, err := dial(ctx, url, gortsplib.TransportUDP, false)
	if err != nil {
		t.Fatalf("the camera is not reached: %v", err)
	}
	defer s.close()
	_, err = s.play(ctx, s.desc.Medias, nil)
	if err == nil {
		t.Fatal("it plays")
	}
	fmt.Println("said:", explain(err, url).Reason)
}
