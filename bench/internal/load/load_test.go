package load

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"
)

func TestStampsAreFound(t *testing.T) {
	for _, codec := range []string{"vp8", "h264"} {
		pictures, err := frames(codec)
		if err != nil {
			t.Fatal(err)
		}
		if len(pictures) != framesPerSecond {
			t.Errorf("%s: %d pictures", codec, len(pictures))
		}
		for i, picture := range pictures {
			want := stamp{sent: int64(i) << 40, frame: uint32(i) * 0x01000001}
			payloads := pack(codec, picture, want)
			want.packets = uint16(len(payloads))
			found := 0
			for _, p := range payloads {
				if len(p) > maxPayload+2*stampSize+100 {
					t.Errorf("%s: a payload of %d bytes", codec, len(p))
				}
				if s, ok := findStamp(codec, p); ok {
					found++
					if s != want {
						t.Errorf("%s: %+v, want %+v", codec, s, want)
					}
				}
			}
			if found != 1 {
				t.Errorf("%s, picture %d: %d stamps", codec, i, found)
			}
		}
	}
}

func pack(codec string, picture [][]byte, s stamp) [][]byte {
	if codec == "vp8" {
		return packVP8(picture[0], uint16(s.frame)&0x7fff, uint8(s.frame), s)
	}
	return packH264(picture, s)
}

// TestADecoderTakesIt has ffmpeg decode what is sent.
func TestADecoderTakesIt(t *testing.T) {
	dir := t.TempDir()
	for _, codec := range []string{"vp8", "h264"} {
		pictures, err := frames(codec)
		if err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		if codec == "vp8" {
			file.Write(clipVP8[:32])
		}
		for i, picture := range pictures {
			var whole []byte
			for _, p := range pack(codec, picture, stamp{sent: time.Now().UnixNano(), frame: uint32(i)}) {
				var part []byte
				var err error
				if codec == "vp8" {
					part, err = (&codecs.VP8Packet{}).Unmarshal(p)
				} else {
					part, err = h264.Unmarshal(p)
				}
				if err != nil {
					t.Fatalf("%s, picture %d: %v", codec, i, err)
				}
				whole = append(whole, part...)
			}
			if codec == "vp8" {
				head := binary.LittleEndian.AppendUint32(nil, uint32(len(whole)))
				file.Write(binary.LittleEndian.AppendUint64(head, uint64(i)))
			}
			file.Write(whole)
		}
		path := filepath.Join(dir, "clip."+map[string]string{"vp8": "ivf", "h264": "h264"}[codec])
		if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("ffmpeg", "-v", "error", "-xerror", "-i", path, "-f", "framemd5", "-").CombinedOutput()
		if err != nil {
			t.Fatalf("%s: ffmpeg: %v\n%s", codec, err, out)
		}
		decoded := 0
		for line := range strings.Lines(string(out)) {
			if !strings.HasPrefix(line, "#") {
				decoded++
			}
		}
		if decoded != len(pictures) {
			t.Errorf("%s: %d of %d pictures were decoded", codec, decoded, len(pictures))
		}
	}
}

var h264 codecs.H264Packet

func TestReadIVFCutShort(t *testing.T) {
	for _, n := range []int{0, 31, 40, 100} {
		if _, err := readIVF(clipVP8[:n]); err == nil {
			t.Errorf("%d bytes were read", n)
		}
	}
}

// packet makes an RTP packet with one byte of payload ahead of the stamp.
func packet(ssrc uint32, seq uint16, s stamp) []byte {
	b := []byte{0x80, 96}
	b = binary.BigEndian.AppendUint16(b, seq)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	return s.append(append(b, 1))
}

func TestLossIsCounted(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name   string
		seqs   []uint16
		frames []uint32
		lost   int
	}{
		{"none", []uint16{65534, 65535, 0, 1}, []uint32{1, 2, 3, 4}, 0},
		{"by number", []uint16{1, 2, 5}, []uint32{1, 2, 5}, 2},
		{"out of order", []uint16{1, 3, 2}, []uint32{1, 3, 2}, 0},
		{"closed by the server", []uint16{1, 2, 3}, []uint32{1, 2, 9}, 6},
	} {
		s := &subscriber{codec: "vp8", streams: map[uint32]*received{}, began: now}
		for i, seq := range c.seqs {
			s.take(packet(7, seq, stamp{sent: now.Add(-time.Millisecond).UnixNano(), frame: c.frames[i], packets: 1}), now)
		}
		r := s.turn()[7]
		if got := r.lost(); got != c.lost {
			t.Errorf("%s: %d lost, want %d", c.name, got, c.lost)
		}
		if len(r.latencies) != len(c.seqs) || r.latencies[0] != time.Millisecond {
			t.Errorf("%s: %v", c.name, r.latencies)
		}
	}
}

func TestGarbageIsNoPacket(t *testing.T) {
	s := &subscriber{codec: "vp8", streams: map[uint32]*received{}}
	for _, b := range [][]byte{nil, {0x80}, make([]byte, 12), {0x9f, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9}, append([]byte{0xa0, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}, 255)} {
		s.take(b, time.Now())
	}
	if n := s.packets.Load(); n != 0 {
		t.Errorf("%d packets", n)
	}
}

func TestRefusalIsTold(t *testing.T) {
	server := httptest.NewServer(nil)
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err := Start(ctx, Target{WHIP: server.URL + "/whip/%d", WHEP: server.URL, Codec: "vp8"}, Work{1, 1})
	if err == nil || !strings.Contains(err.Error(), strconv.Itoa(404)) {
		t.Error(err)
	}
	if _, err := Start(ctx, Target{Codec: "mpeg1"}, Work{1, 1}); err == nil {
		t.Error("a codec that there is not was taken")
	}
}
