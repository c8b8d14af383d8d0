package prepare

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"umbrella/internal/config"
)

// maxPEM bounds what is read of a certificate or key, in bytes.
const maxPEM = 256 << 10

// kind is what a file that settings name may hold.
type kind struct {
	words  string
	labels []string // of PEM blocks (RFC 7468)
}

var (
	certificate = kind{"certificate", []string{"CERTIFICATE"}}
	privateKey  = kind{"private key", []string{"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"}}
	publicKey   = kind{"public key", []string{"PUBLIC KEY"}}
)

// compose returns the settings as the node is to read them: the text, and behind it
// options that name the copies of certificates and keys. Without any of those files it
// has problems.
func (j *Job) compose(text string, cfg *config.Config) (composed string, problems []string) {
	var overrides strings.Builder
	lend := func(section, typ, option, file string, k kind) {
		if file == "" {
			return
		}
		to, err := j.lend(file, k)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: section '%s', option '%s': '%s' %v", j.settings(), section, option, file, err))
			return
		}
		fmt.Fprintf(&overrides, "\nconfig %s '%s'\n\toption %s '%s'\n", typ, section, option, to)
	}
	if cfg.Main.TLS == config.TLSFiles {
		lend("main", "umbrella", "cert", cfg.Main.Cert, certificate)
		lend("main", "umbrella", "key", cfg.Main.Key, privateKey)
	}
	lend("main", "umbrella", "token_key", cfg.Main.TokenKey, publicKey)
	for _, b := range cfg.Backhauls {
		lend(b.Section, config.TypeBackhaul, "ca", b.CA, certificate)
	}
	if len(problems) > 0 {
		return "", problems
	}
	composed = text + "\n" + overrides.String()
	// What was added may not go with the rest, as a key that was renewed meanwhile.
	if _, err := config.Parse(j.settings(), composed, nil); err != nil {
		return "", strings.Split(err.Error(), "\n")
	}
	return composed, nil
}

// lend copies a file to where the node may read it, and returns the copy's path.
// Whoever may change the settings, in LuCI for instance, need not be somebody who may
// read any file of root's: only PEM of the kind that the option is for is copied, and
// only from where nobody but root can have put it.
func (j *Job) lend(file string, k kind) (string, error) {
	if !filepath.IsAbs(file) {
		return "", errors.New("cannot be copied: the path of a file that is there, beginning with '/'")
	}
	resolved, err := filepath.EvalSymlinks(file)
	if err != nil {
		return "", errors.New("cannot be copied: the path of a file that is there, beginning with '/'")
	}
	if !ofRoot(file) || !ofRoot(resolved) {
		return "", errors.New("is not copied: it has to be root's, and so have the directories above it")
	}
	f, err := os.OpenFile(resolved, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", fmt.Errorf("cannot be copied: %w", explain(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", errors.New("cannot be copied: the path of a file that is there, beginning with '/'")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPEM))
	if err != nil {
		return "", fmt.Errorf("cannot be copied: %w", explain(err))
	}
	blocks := onlyPEM(text, k.labels)
	if blocks == "" {
		return "", fmt.Errorf("is not copied: there is no %s in PEM in it", k.words)
	}
	sum := sha256.Sum256([]byte(blocks))
	name := filepath.Join("lent", hex.EncodeToString(sum[:]))
	if err := j.put(name, blocks); err != nil {
		return "", fmt.Errorf("cannot be copied: %w", explain(err))
	}
	return j.path(name), nil
}

// onlyPEM returns the blocks that have one of the labels, and nothing else of a text.
func onlyPEM(text []byte, labels []string) string {
	var kept strings.Builder
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return kept.String()
		}
		if slices.Contains(labels, block.Type) {
			kept.Write(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}))
		}
		text = rest
	}
}

// ofRoot reports whether nobody but root can have put a file at a path, or can do so
// until it is opened: the file and each directory above it are root's, and others may
// write to none of the directories, unless what is there stays whose it is (sticky).
func ofRoot(path string) bool {
	for at := filepath.Clean(path); ; at = filepath.Dir(at) {
		var st unix.Stat_t
		if err := unix.Lstat(at, &st); err != nil || int(st.Uid) != 0 && int(st.Uid) != os.Geteuid() {
			return false
		}
		if st.Mode&unix.S_IFMT == unix.S_IFDIR && st.Mode&0o022 != 0 && st.Mode&unix.S_ISVTX == 0 {
			return false
		}
		if at == "/" {
			return true
		}
	}
}
