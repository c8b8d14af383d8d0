package load

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
)

// A second of moving test picture, 640×360 at 30 frames a second and about
// 1.3 Mbit/s, that begins with a keyframe. Made with
//
//	ffmpeg -f lavfi -i testsrc2=size=640x360:rate=30:duration=1 -c:v libvpx -b:v 1500k -minrate 1500k -maxrate 1500k -bufsize 150k -deadline realtime -cpu-used 8 -g 30 -auto-alt-ref 0 -error-resilient 1 clip.ivf
//	ffmpeg -f lavfi -i testsrc2=size=640x360:rate=30:duration=1 -c:v libx264 -profile:v baseline -tune zerolatency -preset veryfast -b:v 1500k -maxrate 1500k -bufsize 150k -g 30 -x264-params sliced-threads=0:slices=1:scenecut=0 clip.h264
var (
	//go:embed clip/clip.ivf
	clipVP8 []byte
	//go:embed clip/clip.h264
	clipH264 []byte
)

const framesPerSecond = 30

// frames returns the pictures of the clip in a codec, "vp8" or "h264". A
// picture is a list of units that are packed by themselves: a VP8 frame, or
// the NAL units of an access unit.
func frames(codec string) ([][][]byte, error) {
	switch codec {
	case "vp8":
		return readIVF(clipVP8)
	case "h264":
		return readAnnexB(clipH264), nil
	}
	return nil, fmt.Errorf("codec %q: there are vp8 and h264", codec)
}

var errIVF = errors.New("ivf: cut short")

func readIVF(b []byte) (list [][][]byte, err error) {
	const fileHeader, frameHeader = 32, 12
	if len(b) < fileHeader {
		return nil, errIVF
	}
	for b = b[fileHeader:]; len(b) > 0; {
		if len(b) < frameHeader {
			return nil, errIVF
		}
		size := int(binary.LittleEndian.Uint32(b))
		b = b[frameHeader:]
		if size > len(b) {
			return nil, errIVF
		}
		list = append(list, [][]byte{b[:size]})
		b = b[size:]
	}
	return list, nil
}

// readAnnexB splits an H.264 byte stream (ITU-T H.264 Annex B) into access
// units, each of which ends with a slice.
func readAnnexB(b []byte) (list [][][]byte) {
	var unit [][]byte
	for len(b) > 0 {
		begin := startCode(b)
		if begin < 0 {
			break
		}
		b = b[begin:]
		end := startCode(b)
		nal := b
		if end >= 0 {
			nal = b[:end-3]
			for len(nal) > 0 && nal[len(nal)-1] == 0 { // of a start code with four bytes
				nal = nal[:len(nal)-1]
			}
		}
		if len(nal) > 0 {
			unit = append(unit, nal)
			if typ := nal[0] & 0x1f; typ == 1 || typ == 5 {
				list = append(list, unit)
				unit = nil
			}
		}
		b = b[len(nal):]
	}
	return list
}

// startCode returns the index behind the next start code, or -1.
func startCode(b []byte) int {
	for i := 0; i+3 <= len(b); i++ {
		if b[i] == 0 && b[i+1] == 0 && b[i+2] == 1 {
			return i + 3
		}
	}
	return -1
}
