package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/pion/webrtc/v4/pkg/media/ivfreader"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"
)

// rids of the encodings, from the smallest to the largest picture.
var rids = []string{"q", "h", "f"}

// media is what everybody publishes, over and over. Pictures are 30 a second
// and begin with a keyframe, sounds are 20 ms each.
type media struct {
	pictures map[string][][]byte // by rid
	sounds   [][]byte
}

func readMedia(folder string) (*media, error) {
	m := &media{pictures: map[string][][]byte{}}
	for _, rid := range rids {
		frames, err := readIVF(filepath.Join(folder, rid+".ivf"))
		if err != nil {
			return nil, fmt.Errorf("reading the clip %s: %w", rid, err)
		}
		m.pictures[rid] = frames
	}
	var err error
	if m.sounds, err = readOgg(filepath.Join(folder, "sound.ogg")); err != nil {
		return nil, fmt.Errorf("reading the sound: %w", err)
	}
	return m, nil
}

func readIVF(name string) (frames [][]byte, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, _, err := ivfreader.NewWith(f)
	if err != nil {
		return nil, err
	}
	for {
		frame, _, err := r.ParseNextFrame()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		frames = append(frames, frame)
	}
	if len(frames) == 0 || len(frames[0]) == 0 || frames[0][0]&1 != 0 {
		return nil, errors.New("it does not begin with a keyframe")
	}
	return frames, nil
}

func readOgg(name string) (packets [][]byte, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, _, err := oggreader.NewWith(f)
	if err != nil {
		return nil, err
	}
	for {
		page, header, err := r.ParseNextPage()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if header.GranulePosition > 0 { // not the comments
			packets = append(packets, page)
		}
	}
	if len(packets) == 0 {
		return nil, errors.New("there is none")
	}
	return packets, nil
}
