package camera

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
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

// scene is what a camera has in front of it: media, and what is sent on them
// again and again, at the pace of tests.
type scene struct {
	desc   *description.Session
	tracks []sceneTrack
}

type sceneTrack struct {
	media *description.Media
	// pictures are the packets of one moment each; every is the time between
	// them, and step that in the clock of the timestamps.
	moments [][]*rtp.Packet
	every   time.Duration
	step    []uint32 // timestamp of each moment, within one round
	round   uint32
}

const pace = 20 * time.Millisecond // 50 pictures a second

func units(t testing.TB, name string) (aus [][][]byte) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var list h264.AnnexB
	if err := list.Unmarshal(data); err != nil {
		t.Fatal(err)
	}
	hevc := name[len(name)-1] == '5'
	var au [][]byte
	seen := false
	for _, u := range list {
		slice, first := u[0]&0x1f <= 5, len(u) > 1 && u[1]&0x80 != 0
		if hevc {
			slice, first = u[0]>>1&0x3f < 32, len(u) > 2 && u[2]&0x80 != 0
		}
		if seen && (!slice || first) {
			aus, au, seen = append(aus, au), nil, false
		}
		au = append(au, u)
		seen = seen || slice
	}
	return append(aus, au)
}

// sceneOf makes a camera of a clip with a picture and some sounds. inBand
// leaves the parameter sets out of the description.
func sceneOf(t testing.TB, clip string, inBand bool, sounds ...format.Format) *scene {
	t.Helper()
	s := &scene{desc: &description.Session{}}
	if clip != "" {
		s.addVideo(t, clip, inBand)
	}
	for _, f := range sounds {
		s.addSound(t, f)
	}
	return s
}

func (s *scene) addVideo(t testing.TB, clip string, inBand bool) {
	aus := units(t, clip)
	track := sceneTrack{every: pace}
	var f format.Format
	var encode func(au [][]byte) ([]*rtp.Packet, error)
	if clip[len(clip)-1] == '5' {
		h := &format.H265{PayloadTyp: 96}
		if !inBand {
			h.VPS, h.SPS, h.PPS = set(aus[0], 0x40), set(aus[0], 0x42), set(aus[0], 0x44)
		}
		e, err := h.CreateEncoder()
		if err != nil {
			t.Fatal(err)
		}
		f, encode = h, e.Encode
	} else {
		h := &format.H264{PayloadTyp: 96, PacketizationMode: 1}
		if !inBand {
			h.SPS, h.PPS = set(aus[0], 0x67), set(aus[0], 0x68)
		}
		e, err := h.CreateEncoder()
		if err != nil {
			t.Fatal(err)
		}
		f, encode = h, e.Encode
	}
	for i, au := range aus {
		packets, err := encode(au)
		if err != nil {
			t.Fatal(err)
		}
		track.moments = append(track.moments, packets)
		track.step = append(track.step, uint32(i)*1800)
	}
	track.round = uint32(len(aus)) * 1800
	track.media = &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{f}}
	s.desc.Medias = append(s.desc.Medias, track.media)
	s.tracks = append(s.tracks, track)
}

func set(au [][]byte, head byte) []byte {
	for _, u := range au {
		if u[0] == head {
			return u
		}
	}
	return nil
}

func (s *scene) addSound(t testing.TB, f format.Format) {
	track := sceneTrack{
		every: 20 * time.Millisecond,
		media: &description.Media{Type: description.MediaTypeAudio, Formats: []format.Format{f}},
	}
	step := uint32(f.ClockRate() / 50)
	payloads := [][]byte{make([]byte, 160)}
	if _, ok := f.(*format.MPEG4Audio); ok {
		data, err := os.ReadFile("testdata/tone16k.aac")
		if err != nil {
			t.Fatal(err)
		}
		var list mpeg4audio.ADTSPackets
		if err := list.Unmarshal(data); err != nil {
			t.Fatal(err)
		}
		payloads, step, track.every = nil, 1024, 64*time.Millisecond
		for _, p := range list {
			payloads = append(payloads, append([]byte{0, 16, byte(len(p.AU) >> 5), byte(len(p.AU) << 3)}, p.AU...))
		}
	}
	for i, b := range payloads {
		track.moments = append(track.moments, []*rtp.Packet{{
			Header: rtp.Header{Version: 2, Marker: true, PayloadType: f.PayloadType()}, Payload: b,
		}})
		track.step = append(track.step, uint32(i)*step)
	}
	track.round = uint32(len(payloads)) * step
	s.desc.Medias = append(s.desc.Medias, track.media)
	s.tracks = append(s.tracks, track)
}

var (
	pcma = &format.G711{PayloadTyp: 8, SampleRate: 8000, ChannelCount: 1}
	pcmu = &format.G711{PayloadTyp: 0, MULaw: true, SampleRate: 8000, ChannelCount: 1}
	opus = &format.Opus{PayloadTyp: 97, ChannelCount: 2}
	aac  = &format.MPEG4Audio{
		PayloadTyp: 98, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3,
		Config: &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 16000, ChannelCount: 1},
	}
)

// testCamera is a real RTSP server that can be told to misbehave.
type testCamera struct {
	t        testing.TB
	user     string // empty: everybody may watch
	password string
	methods  []auth.VerifyMethod
	noUDP    bool
	noTCP    bool
	holdUDP  bool // what is sent by UDP does not arrive
	tls      *tls.Config
	port     int

	slow     atomic.Int64 // how long DESCRIBE takes, in ns
	paused   atomic.Bool  // nothing is sent
	garble   atomic.Bool  // noise is sent in place of payloads
	describe atomic.Int32
	plays    atomic.Int32
	playing  atomic.Int32
	setups   atomic.Int32
	asked    atomic.Bool  // for the back channel
	heard    atomic.Int32 // packets that came on it
	byte     atomic.Int32 // the first one of the last packet

	mu       sync.Mutex
	server   *gortsplib.Server
	scene    *scene
	stream   *gortsplib.ServerStream
	stop     chan struct{}
	done     sync.WaitGroup
	conns    map[*gortsplib.ServerConn]bool
	redirect string
}

// freePorts finds a port for RTSP and an even one with its next for UDP.
func freePorts(t testing.TB) (tcp, udp int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 50 {
		a, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		udp = a.LocalAddr().(*net.UDPAddr).Port &^ 1
		a.Close()
		x, err := net.ListenPacket("udp", "127.0.0.1:"+strconv.Itoa(udp))
		if err != nil {
			continue
		}
		y, err := net.ListenPacket("udp", "127.0.0.1:"+strconv.Itoa(udp+1))
		x.Close()
		if err == nil {
			y.Close()
			return l.Addr().(*net.TCPAddr).Port, udp
		}
	}
	t.Fatal("no ports")
	return 0, 0
}

// startCamera starts one that sends a scene.
func startCamera(t testing.TB, s *scene, change func(*testCamera)) *testCamera {
	t.Helper()
	c := &testCamera{t: t, scene: s, conns: map[*gortsplib.ServerConn]bool{}}
	if change != nil {
		change(c)
	}
	c.start(s)
	t.Cleanup(c.close)
	return c
}

func (c *testCamera) start(s *scene) {
	c.t.Helper()
	tcp, udp := freePorts(c.t)
	if c.port == 0 {
		c.port = tcp
	}
	server := &gortsplib.Server{
		Handler: c, RTSPAddress: "127.0.0.1:" + strconv.Itoa(c.port), AuthMethods: c.methods, TLSConfig: c.tls,
	}
	if !c.noUDP {
		server.UDPRTPAddress = "127.0.0.1:" + strconv.Itoa(udp)
		server.UDPRTCPAddress = "127.0.0.1:" + strconv.Itoa(udp+1)
	}
	if err := server.Start(); err != nil {
		c.t.Fatal(err)
	}
	stream := &gortsplib.ServerStream{Server: server, Desc: s.desc}
	if err := stream.Initialize(); err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	c.server, c.stream, c.scene, c.stop = server, stream, s, make(chan struct{})
	c.mu.Unlock()
	for i := range s.tracks {
		c.done.Go(func() { c.send(&s.tracks[i], stream, c.stop) })
	}
}

// send plays a track until stop is closed.
func (c *testCamera) send(track *sceneTrack, stream *gortsplib.ServerStream, stop chan struct{}) {
	tick := time.NewTicker(track.every)
	defer tick.Stop()
	seq, start := uint16(100), uint32(4_000_000_000)
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		i := n % len(track.moments)
		if i == 0 && n > 0 {
			start += track.round
		}
		if c.paused.Load() {
			continue
		}
		for _, p := range track.moments[i] {
			q := *p
			q.SequenceNumber, q.Timestamp, q.SSRC = seq, start+track.step[i], 7
			if c.garble.Load() {
				q.Payload = make([]byte, len(p.Payload))
				_, _ = rand.Read(q.Payload)
			}
			seq++
			_ = stream.WritePacketRTP(track.media, &q) // the stream may have ended
		}
	}
}

// kill ends the server and all of its connections.
func (c *testCamera) kill() {
	c.mu.Lock()
	server, stream, stop := c.server, c.stream, c.stop
	c.server = nil
	c.mu.Unlock()
	if server == nil {
		return
	}
	close(stop)
	c.done.Wait()
	stream.Close()
	server.Close()
}

func (c *testCamera) close() { c.kill() }

func (c *testCamera) url(path string) string {
	scheme := "rtsp"
	if c.tls != nil {
		scheme = "rtsps"
	}
	user := ""
	if c.user != "" {
		user = c.user + ":" + c.password + "@"
	}
	return scheme + "://" + user + "127.0.0.1:" + strconv.Itoa(c.port) + "/" + path
}

func (c *testCamera) OnConnOpen(ctx *gortsplib.ServerHandlerOnConnOpenCtx) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns[ctx.Conn] = true
}

func (c *testCamera) OnConnClose(ctx *gortsplib.ServerHandlerOnConnCloseCtx) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, ctx.Conn)
}

// connections is how many there are now.
func (c *testCamera) connections() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.conns)
}

func (c *testCamera) OnSessionClose(ctx *gortsplib.ServerHandlerOnSessionCloseCtx) {
	if ctx.Session.UserData() == "plays" {
		c.playing.Add(-1)
	}
}

func (c *testCamera) OnDescribe(ctx *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	c.describe.Add(1)
	time.Sleep(time.Duration(c.slow.Load()))
	if len(ctx.Request.Header["Require"]) > 0 {
		c.asked.Store(true)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.redirect != "" {
		return &base.Response{StatusCode: base.StatusFound, Header: base.Header{"Location": base.HeaderValue{c.redirect}}}, nil, nil
	}
	if c.user != "" && !ctx.Conn.VerifyCredentials(ctx.Request, c.user, c.password) {
		return &base.Response{StatusCode: base.StatusUnauthorized}, nil, liberrors.ErrServerAuth{}
	}
	if ctx.Path == "/nowhere" {
		return &base.Response{StatusCode: base.StatusNotFound}, nil, nil
	}
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

func (c *testCamera) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	c.setups.Add(1)
	if c.noTCP && ctx.Transport == gortsplib.TransportTCP {
		return &base.Response{StatusCode: base.StatusUnsupportedTransport}, nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

func (c *testCamera) OnPlay(ctx *gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	c.plays.Add(1)
	c.playing.Add(1)
	ctx.Session.SetUserData("plays")
	if c.holdUDP {
		c.paused.Store(*ctx.Session.SetuppedTransport() == gortsplib.TransportUDP)
	}
	ctx.Session.OnPacketRTPAny(func(_ *description.Media, _ format.Format, p *rtp.Packet) {
		c.heard.Add(1)
		c.byte.Store(int32(p.Payload[0]))
	})
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// selfSigned is a certificate as cameras make them.
func selfSigned(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
