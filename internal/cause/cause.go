// Package cause adds to an error of the operating system what is behind it and what
// helps: "permission denied" alone does not tell anybody that a port below 1024 is
// the reason.
package cause

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"syscall"
)

// explained is an error with the words that were added to it.
type explained struct {
	error
	words string
}

func (e *explained) Error() string { return e.error.Error() + ": " + e.words }
func (e *explained) Unwrap() error { return e.error }

// Explain returns err with its cause and its cure behind it. An error that needs no
// words, or has them already, is returned as it is, and so is nil.
func Explain(err error) error {
	if _, done := errors.AsType[*explained](err); err == nil || done {
		return err
	}
	if words := wordsFor(err); words != "" {
		return &explained{err, words}
	}
	return err
}

// wordsFor is empty where there is nothing to add.
func wordsFor(err error) string {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return ""
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "listen" {
		if words := listening(op, errno); words != "" {
			return words
		}
	}
	switch errno {
	case syscall.EACCES, syscall.EPERM:
		if path := pathOf(err); path != "" {
			return fmt.Sprintf("%s is not for the user that this program runs as: `ls -ld %s` shows whose it is", path, path)
		}
	case syscall.EROFS:
		return "the file system can only be read: mount it for writing, or take another directory; a medium that fails is often mounted so, which `dmesg` tells"
	case syscall.ENOSPC:
		return "the file system is full: `df -h` and `df -i` show it; make room, or take another directory"
	case syscall.EDQUOT:
		return "the quota of this user is used up: make room, or take another directory"
	case syscall.EIO:
		return "the medium fails: `dmesg` tells more; replace it, or take another directory"
	case syscall.ENOTDIR:
		return "a part of the path is a file and no directory"
	case syscall.ENOENT:
		return "a part of the path is not there: the medium may not be mounted"
	case syscall.ELOOP:
		return "a symbolic link stands where none may be"
	case syscall.ENODEV, syscall.ENXIO, syscall.ENOTCONN, syscall.ESTALE:
		return "the medium is gone: connect and mount it again"
	case syscall.EMFILE, syscall.ENFILE:
		return "too many files and connections are open: restart the program, and raise the limit `nofile` if it comes again"
	case syscall.ENOMEM, syscall.ENOBUFS:
		return "the memory is used up: `free` shows it"
	case syscall.EAFNOSUPPORT:
		return "this system has no IPv6, or no IPv4: take an address of the other kind"
	}
	return ""
}

// privileged is the number of ports that only root may listen on, as Linux has it
// (net.ipv4.ip_unprivileged_port_start).
const privileged = 1024

// listening says why nothing can listen at an address.
func listening(op *net.OpError, errno syscall.Errno) string {
	port, protocol := 0, op.Net
	if op.Addr != nil {
		_, text, _ := net.SplitHostPort(op.Addr.String())
		port, _ = strconv.Atoi(text)
	}
	switch errno {
	case syscall.EACCES, syscall.EPERM:
		if port > 0 && port < privileged {
			return fmt.Sprintf("a port below %d needs root or the capability CAP_NET_BIND_SERVICE, "+
				"which OpenWrt gives where ujail is installed (package procd-ujail): install that, or take a port from %d on", privileged, privileged)
		}
	case syscall.EADDRINUSE:
		if who := Holder(protocol, port); who != "" {
			return who + " listens there: stop that, or take another port"
		}
		return fmt.Sprintf("another program listens there: `netstat -lnp | grep :%d` shows which; stop that, or take another port", port)
	case syscall.EADDRNOTAVAIL:
		return "no interface of this machine has that address now: `ip address` shows those that it has"
	}
	return ""
}

// pathOf is the path that an error of the file system is about, or empty.
func pathOf(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Path
	}
	return ""
}
