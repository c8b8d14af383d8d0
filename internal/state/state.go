// Package state knows the files that the node keeps in its directory (`state_dir`),
// and writes them so that a power cut or a full disk leaves the old one or the new one.
package state

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// The files of the directory. Whoever adds one names it here: what is not named is not
// given back to the node after somebody copied the directory as root.
const (
	CACert        = "ca.crt"           // the certificate of the node's own CA
	CAKey         = "ca.key"           // its key
	ServerCert    = "server.crt"       // the web server's certificate, by that CA
	ServerKey     = "server.key"       // its key
	AdminHash     = "admin.hash"       // of the password that the first start made
	TokenKey      = "token.key"        // what invitations are signed with
	Invitations   = "invitations.json" // those that are out, used or revoked
	CrashOutput   = "crash"            // what the Go runtime says of a crash
	CrashLast     = "crash.last"       // the same of the last crash, with its time
	ACMEDir       = "acme"             // a directory for each CA, which hold the next two
	ACMEAccount   = "account.key"
	ACMECertified = "certificate.pem"
	Probe         = "probe" // is there for a moment, to find out whether one can write
)

// Files are the names of those that lie in the directory itself, ACMEFiles of those
// that lie in a directory of ACMEDir.
var (
	Files     = []string{CACert, CAKey, ServerCert, ServerKey, AdminHash, TokenKey, Invitations, CrashOutput, CrashLast, Probe}
	ACMEFiles = []string{ACMEAccount, ACMECertified}
)

// Temporary reports whether a name is one that Write gives a file of known while it
// writes it; a power cut can leave one behind.
func Temporary(name string, known []string) bool {
	for _, k := range known {
		if strings.HasPrefix(name, "."+k+".") {
			return true
		}
	}
	return false
}

// Write puts a file in its place whole or not at all, readable by the
// owner only, which is the directory's: root may write for the daemon.
// A name that is not among Files and ACMEFiles is refused.
func Write(path string, b []byte) error {
	if name := filepath.Base(path); !slices.Contains(Files, name) && !slices.Contains(ACMEFiles, name) {
		return fmt.Errorf("writing %s: it is not among the files of state_dir", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err == nil && os.Geteuid() == 0 {
		err = likeDirectory(f)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("writing %s: %w", path, err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// likeDirectory gives a file to the owner of its directory.
func likeDirectory(f *os.File) error {
	info, err := os.Stat(filepath.Dir(f.Name()))
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return f.Chown(int(st.Uid), int(st.Gid))
	}
	return nil
}
