// Camera is an IP camera for tests: it serves a clip of H.264 over RTSP again
// and again, with a tone, and plays what is said to it into its log.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/auth"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/pion/rtp"
)

type camera struct {
	stream *gortsplib.ServerStream
	viewed atomic.Int32
}

func main() {
	address := flag.String("address", "127.0.0.1:8554", "where it listens")
	clip := flag.String("clip", "", "H.264 file in the byte stream format, of pictures without B-frames")
	rate := flag.Int("rate", 25, "pictures a second")
	hears := flag.Bool("hears", false, "it takes G.711 A-law")
	aac := flag.String("aac", "", "ADTS file of 16 kHz for the sound; a tone in G.711 without it")
	flag.Parse()
	if err := serve(*address, *clip, *rate, *aac, *hears); err != nil {
		log.Fatal(err)
	}
}

func serve(address, clip string, rate int, aac string, hears bool) error {
	pictures, err := readClip(clip)
	if err != nil {
		return fmt.Errorf("reading the clip: %w", err)
	}
	video := &format.H264{PayloadTyp: 96, PacketizationMode: 1}
	for _, u := range pictures[0] {
		switch h264.NALUType(u[0] & 0x1f) {
		case h264.NALUTypeSPS:
			video.SPS = u
		case h264.NALUTypePPS:
			video.PPS = u
		}
	}
	sound, frames, err := readSound(aac)
	if err != nil {
		return fmt.Errorf("reading the sound: %w", err)
	}
	videoMedia := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{video}}
	soundMedia := &description.Media{Type: description.MediaTypeAudio, Formats: []format.Format{sound}}
	media := []*description.Media{videoMedia, soundMedia}
	if hears {
		media = append(media, &description.Media{
			Type: description.MediaTypeAudio, IsBackChannel: true,
			Formats: []format.Format{&format.G711{PayloadTyp: 8, SampleRate: 8000, ChannelCount: 1}},
		})
	}
	c := &camera{}
	server := &gortsplib.Server{Handler: c, RTSPAddress: address, AuthMethods: []auth.VerifyMethod{auth.VerifyMethodDigestMD5}}
	if err := server.Start(); err != nil {
		return err
	}
	defer server.Close()
	c.stream = &gortsplib.ServerStream{
		Server: server, Desc: &description.Session{Medias: media},
	}
	if err := c.stream.Initialize(); err != nil {
		return err
	}
	defer c.stream.Close()
	fmt.Println("serving")

	encoder, err := video.CreateEncoder()
	if err != nil {
		return err
	}
	go play(len(frames), time.Duration(frames[0].samples)*time.Second/time.Duration(sound.ClockRate()), func(i, n int) {
		h := rtp.Header{
			Version: 2, Marker: true, PayloadType: sound.PayloadType(), SSRC: 8,
			SequenceNumber: uint16(n), Timestamp: uint32(n * frames[i].samples),
		}
		_ = c.stream.WritePacketRTP(soundMedia, &rtp.Packet{Header: h, Payload: frames[i].payload})
	})
	play(len(pictures), time.Second/time.Duration(rate), func(i, n int) {
		packets, err := encoder.Encode(pictures[i])
		if err != nil {
			return
		}
		for _, p := range packets {
			p.Timestamp = uint32(n * 90000 / rate)
			_ = c.stream.WritePacketRTP(videoMedia, p)
		}
	})
	return nil
}

// play calls send at an even pace without end, with a number below count that
// goes round, and one that does not.
func play(count int, every time.Duration, send func(i, n int)) {
	began := time.Now()
	for n := 0; ; n++ {
		time.Sleep(time.Until(began.Add(time.Duration(n) * every)))
		send(n%count, n)
	}
}

// readClip gives the access units of a file.
func readClip(name string) (pictures [][][]byte, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var units h264.AnnexB
	if err := units.Unmarshal(data); err != nil {
		return nil, err
	}
	var picture [][]byte
	whole := false
	for _, u := range units {
		slice := u[0]&0x1f == 1 || u[0]&0x1f == 5
		if whole && (!slice || u[1]&0x80 != 0) {
			pictures, picture, whole = append(pictures, picture), nil, false
		}
		picture = append(picture, u)
		whole = whole || slice
	}
	return append(pictures, picture), nil
}

type frame struct {
	payload []byte
	samples int
}

// readSound gives the frames of an ADTS file, or a tone in G.711.
func readSound(name string) (format.Format, []frame, error) {
	if name == "" {
		tone := make([]byte, 160)
		for i := range tone {
			tone[i] = 0x20 // a square wave of 400 Hz
			if i%20 < 10 {
				tone[i] = 0xa0
			}
		}
		return &format.G711{PayloadTyp: 0, MULaw: true, SampleRate: 8000, ChannelCount: 1}, []frame{{tone, 160}}, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, err
	}
	var list mpeg4audio.ADTSPackets
	if err := list.Unmarshal(data); err != nil {
		return nil, nil, err
	}
	var frames []frame
	for _, p := range list {
		// RFC 3640 §3.3.6: one access unit, its size in 13 bits.
		frames = append(frames, frame{append([]byte{0, 16, byte(len(p.AU) >> 5), byte(len(p.AU) << 3)}, p.AU...), 1024})
	}
	return &format.MPEG4Audio{
		PayloadTyp: 97, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3,
		Config: &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 16000, ChannelCount: 1},
	}, frames, nil
}

const user, password = "eve", "hunter2"

// OnDescribe implements gortsplib.ServerHandlerOnDescribe.
func (c *camera) OnDescribe(ctx *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if !ctx.Conn.VerifyCredentials(ctx.Request, user, password) {
		return &base.Response{StatusCode: base.StatusUnauthorized}, nil, liberrors.ErrServerAuth{}
	}
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

// OnSetup implements gortsplib.ServerHandlerOnSetup.
func (c *camera) OnSetup(*gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

// OnPlay implements gortsplib.ServerHandlerOnPlay.
func (c *camera) OnPlay(ctx *gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	ctx.Session.OnPacketRTPAny(func(_ *description.Media, _ format.Format, p *rtp.Packet) {
		for _, b := range p.Payload {
			if (b^0x55)&0x7f > 0x20 { // louder than a whisper
				fmt.Println("heard")
				return
			}
		}
	})
	fmt.Println("viewed", c.viewed.Add(1))
	return &base.Response{StatusCode: base.StatusOK}, nil
}
