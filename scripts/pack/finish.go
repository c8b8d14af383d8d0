package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
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
	gz, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("packing: %w", err)
	}
	w := tar.NewWriter(gz)
	for _, m := range members {
		m.header.Size = int64(len(m.data))
		if err := w.WriteHeader(m.header); err != nil {
			return nil, fmt.Errorf("packing %s: %w", m.header.Name, err)
		}
		if _, err := w.Write(m.data); err != nil {
			return nil, fmt.Errorf("packing %s: %w", m.header.Name, err)
		}
	}
	if err := errors.Join(w.Close(), gz.Close()); err != nil {
		return nil, fmt.Errorf("packing: %w", err)
	}
	return out.Bytes(), nil
}
