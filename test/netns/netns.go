// Package netns gives tests network namespaces, the daemon, and processes of the
// test itself that run in such a namespace.
package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Space is a network namespace. It is removed at the end of its test.
type Space struct {
	Name string
	t    testing.TB
}

// New makes a namespace whose loopback interface is up, and skips the test where
// that needs rights that it does not have.
func New(t testing.TB, name string) *Space {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	s := &Space{Name: name, t: t}
	Must(t, "ip", "netns", "add", name)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
	s.IP("link", "set", "lo", "up")
	return s
}

// IP runs ip of iproute2 in the namespace.
func (s *Space) IP(args ...string) {
	s.t.Helper()
	Must(s.t, "ip", append([]string{"-n", s.Name}, args...)...)
}

// Sysctl sets a parameter of the namespace, such as "net.ipv4.ip_forward".
func (s *Space) Sysctl(name, value string) {
	s.t.Helper()
	Must(s.t, "ip", "netns", "exec", s.Name, "sysctl", "-qw", name+"="+value)
}

// NFT loads rules of nftables into the namespace.
func (s *Space) NFT(script string) {
	s.t.Helper()
	cmd := s.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("nft: %v\n%s", err, out)
	}
}

// Command runs a program in the namespace that ends with the test. The file
// systems are the same as outside: /sys does not show the namespace.
func (s *Space) Command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command("nsenter", append([]string{"--net=/run/netns/" + s.Name, program}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// Must runs a program and returns its output. The test ends if the program fails.
func Must(t testing.TB, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Eventually waits until a condition holds, and returns how long that took. The
// test ends if it does not hold in time.
func Eventually(t testing.TB, within time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !ok() {
		if time.Since(start) > within {
			t.Fatalf("%s: not within %v", what, within)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return time.Since(start)
}

// Alone runs a test in another process of this program, which has a network of its own and
// so may change it, also without root. It skips the test where there are no namespaces.
func Alone(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	const mark = "UMBRELLA_TEST_ALONE"
	if os.Getenv(mark) != "" {
		test(t)
		return
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs ip, of iproute2")
	}
	run := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	run.Env = append(os.Environ(), mark+"=1")
	run.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		run.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		run.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		run.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := run.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		t.Skipf("no namespace can be made: %v", err)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
}

// scratch is a directory that Main makes and removes.
var scratch string

var built = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(scratch, "umbrellad")
	build := exec.Command("go", "build", "-o", bin, "umbrella/cmd/umbrellad")
	// As it is released: libc's resolver goes on asking after nobody waits any more.
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return bin, nil
})

// Daemon returns the path of umbrellad, which is built once.
func Daemon(t testing.TB) string {
	t.Helper()
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}
