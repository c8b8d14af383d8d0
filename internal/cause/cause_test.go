package cause

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Each error that people meet says what is behind it and what helps, and stays the
// error that it is.
func TestExplain(t *testing.T) {
	path := func(errno syscall.Errno) error { return &fs.PathError{Op: "open", Path: "/mnt/usb/ca.key", Err: errno} }
	listen := func(address string, errno syscall.Errno) error {
		a, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Errorf("option 'listen': %w", &net.OpError{Op: "listen", Net: "tcp", Addr: a, Err: os.NewSyscallError("bind", errno)})
	}
	for want, err := range map[string]error{
		"a port below 1024 needs root":          listen(":443", syscall.EACCES),
		"another program listens there":         listen(":9", syscall.EADDRINUSE),
		"no interface of this machine has that": listen("192.0.2.1:8081", syscall.EADDRNOTAVAIL),
		"no IPv6":                               listen("[::1]:8081", syscall.EAFNOSUPPORT),
		"`ls -ld /mnt/usb/ca.key`":              path(syscall.EACCES),
		"can only be read":                      path(syscall.EROFS),
		"is full":                               path(syscall.ENOSPC),
		"quota":                                 path(syscall.EDQUOT),
		"`dmesg` tells more":                    path(syscall.EIO),
		"is a file and no directory":            path(syscall.ENOTDIR),
		"may not be mounted":                    path(syscall.ENOENT),
		"symbolic link":                         path(syscall.ELOOP),
		"the medium is gone":                    path(syscall.ENODEV),
		"too many files":                        path(syscall.EMFILE),
		"the memory is used up":                 path(syscall.ENOMEM),
	} {
		got := Explain(fmt.Errorf("certificates: %w", err))
		if !strings.Contains(got.Error(), want) || !strings.HasPrefix(got.Error(), "certificates: "+err.Error()+": ") || !errors.Is(got, err) {
			t.Errorf("got %q, want %q", got, want)
		}
		if again := Explain(fmt.Errorf("once more: %w", got)); again.Error() != "once more: "+got.Error() {
			t.Errorf("explained twice: %q", again)
		}
	}
	for _, err := range []error{nil, errors.New("no errno"), listen(":8081", syscall.EACCES)} {
		if got := Explain(err); got != err {
			t.Errorf("got %v, want %v", got, err)
		}
	}
}

// Where a port is taken, the process that has it is named.
func TestHolder(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", l.Addr().String())
	if want := fmt.Sprintf("the process %s (pid %d) listens there", comm(t), os.Getpid()); err == nil || !strings.Contains(Explain(err).Error(), want) {
		t.Errorf("got %v, want %q", Explain(err), want)
	}
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if got := Holder("udp", u.LocalAddr().(*net.UDPAddr).Port); !strings.Contains(got, fmt.Sprint(os.Getpid())) {
		t.Errorf("udp: got %q", got)
	}
	if got := Holder("tcp", 0) + Holder("", 1) + holder(t.TempDir(), "tcp", 80); got != "" {
		t.Errorf("got %q of nothing", got)
	}
}

func comm(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// A real file system that is full, and one that can only be read.
func TestExplainOfMounts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	for options, want := range map[string]string{"size=4k": "the file system is full", "ro": "can only be read"} {
		dir := t.TempDir()
		if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "none", dir).CombinedOutput(); err != nil {
			t.Skipf("%v: %s", err, out)
		}
		err := os.WriteFile(filepath.Join(dir, "file"), make([]byte, 64<<10), 0o600)
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		if err == nil || !strings.Contains(Explain(err).Error(), want) {
			t.Errorf("%s: got %v", options, Explain(err))
		}
	}
}
