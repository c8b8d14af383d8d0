package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
)

// member is a file in a tar archive.
type member struct {
	header *tar.Header
	data   []byte
}

// finishIPK puts right what the library does not do as OpenWrt has it: opkg takes
// Installed-Size for bytes, by which it sees whether there is room, and a package
// without conffiles has no list of them. It packs the files tighter as well.
func finishIPK(pkg []byte) ([]byte, error) {
	members, err := unpack(pkg)
	if err != nil {
		return nil, err
	}
	var control, data *member
	for i, m := range members {
		switch m.header.Name {
		case "./control.tar.gz":
			control = &members[i]
		case "./data.tar.gz":
			data = &members[i]
		}
	}
	if control == nil || data == nil {
		return nil, errors.New("it has no control.tar.gz or no data.tar.gz")
	}
	contents, err := unpack(data.data)
	if err != nil {
		return nil, err
	}
	var size int64
	for _, m := range contents {
		size += m.header.Size
	}
	if data.data, err = repack(contents); err != nil {
		return nil, err
	}
	if control.data, err = finishControl(control.data, size); err != nil {
		return nil, err
	}
	return repack(members)
}

var sizeField = regexp.MustCompile(`(?m)^Installed-Size:.*\n`)

func finishControl(archive []byte, size int64) ([]byte, error) {
	members, err := unpack(archive)
	if err != nil {
		return nil, err
	}
	var kept []member
	for _, m := range members {
		switch m.header.Name {
		case "./control":
			m.data = fmt.Appendf(sizeField.ReplaceAll(m.data, nil), "Installed-Size: %d\n", size)
		case "./conffiles":
			if len(bytes.TrimSpace(m.data)) == 0 {
				continue
			}
		}
		kept = append(kept, m)
	}
	return repack(kept)
}

func unpack(archive []byte) ([]member, error) {
	gz, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	var members []member
	for r := tar.NewReader(gz); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return members, nil
		}
		if err != nil {
			return nil, fmt.Errorf("unpacking: %w", err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, fmt.Errorf("unpacking %s: %w", h.Name, err)
		}
		members = append(members, member{h, data})
	}
}

func repack(members []member) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range members {
		m.header.Size = int64(len(m.data))
		if err := w.WriteHeader(m.header); err != nil {
			return nil, fmt.Errorf("packing %s: %w", m.header.Name, err)
		}
		if _, err := w.Write(m.data); err != nil {
			return nil, fmt.Errorf("packing %s: %w", m.header.Name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("packing: %w", err)
	}
	return compress(out.Bytes())
}

// compress makes a gzip file. The program gzip saves 3 % of the daemon over Go's
// package, which is much of a small flash.
func compress(b []byte) ([]byte, error) {
	cmd := exec.Command("gzip", "-9n")
	cmd.Stdin = bytes.NewReader(b)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("packing: gzip: %w", err)
	}
	return out, nil
}

// finishAPK packs the files tighter. An .apk of this kind is two gzip files, one
// after the other, the first of which has the SHA-256 of the second.
func finishAPK(pkg []byte) ([]byte, error) {
	r := bufio.NewReader(bytes.NewReader(pkg))
	gz, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	var parts [][]byte
	for {
		gz.Multistream(false)
		part, err := io.ReadAll(gz)
		if err != nil {
			return nil, fmt.Errorf("unpacking: %w", err)
		}
		parts = append(parts, part)
		if err = gz.Reset(r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("unpacking: %w", err)
		}
	}
	field := regexp.MustCompile(`(?m)^datahash = [0-9a-f]{64}$`)
	if len(parts) != 2 || len(field.FindAll(parts[0], -1)) != 1 {
		return nil, errors.New("it is not made of a control part with a datahash and a data part")
	}
	data, err := compress(parts[1])
	if err != nil {
		return nil, err
	}
	// As long as what it replaces: the archive around it stays as it is.
	control, err := compress(field.ReplaceAll(parts[0], fmt.Appendf(nil, "datahash = %x", sha256.Sum256(data))))
	if err != nil {
		return nil, err
	}
	return append(control, data...), nil
}
