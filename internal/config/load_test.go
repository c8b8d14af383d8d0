package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

// write puts text into the UCI file of a new directory.
func write(t testing.TB, text string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, packageName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// withMain adds the section main, which a file has to have, where a text has none.
func withMain(text string) string {
	if strings.Contains(text, "config umbrella") {
		return text
	}
	return text + "\nconfig umbrella main\n"
}

// load loads text, which has to be valid.
func load(t testing.TB, text string, environ ...string) *Config {
	t.Helper()
	cfg, err := Load(write(t, withMain(text)), environ)
	if err != nil {
		t.Fatalf("unexpected problems:\n%v\nin:\n%s", err, text)
	}
	return cfg
}

// refuse loads text, which has to be invalid, and returns the lines of the
// report with the directory cut off.
func refuse(t testing.TB, text string, environ ...string) []string {
	t.Helper()
	dir := write(t, withMain(text))
	cfg, err := Load(dir, environ)
	problems, ok := errors.AsType[Problems](err)
	if !ok || len(problems) == 0 {
		t.Fatalf("got error %v, want Problems, for:\n%s", err, text)
	}
	if cfg != nil {
		t.Fatalf("got a Config with an error")
	}
	return strings.Split(strings.ReplaceAll(err.Error(), dir+"/", ""), "\n")
}

func TestDefaults(t *testing.T) {
	want := &Config{Main: Main{
		Enabled:   true,
		Listen:    ":8081",
		TLS:       TLSAuto,
		MediaPort: 8082,
		MaxRooms:  100, PublishLimit: 20000,
		Zones:    []string{"lan"},
		StateDir: "/etc/umbrella",
		LogLevel: slog.LevelInfo,
	}}
	for name, dir := range map[string]string{
		"no file":      t.TempDir(),
		"no directory": filepath.Join(t.TempDir(), "none"),
		"empty values": write(t, "config umbrella main\n\toption prefix ''\n\toption listen \"\"\n\tlist public_address ''\n"),
	} {
		got, err := Load(dir, []string{"UMBRELLA_LISTEN=", "UMBRELLA_PUBLIC_ADDRESS= ", "HOME=/root"})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, want)
		}
	}
}

func TestWholeFile(t *testing.T) {
	file := pairFile(t)
	got := load(t, strings.ReplaceAll(`
# everything that can be said
package umbrella

config umbrella 'main'
	option enabled 'off'
	option listen '[::1]:443'
	option prefix '/a/b/'
	option tls 'files'
	option cert 'FILE'
	option key "FILE"
	option media_port 443   # the next line puts it right
	option media_port 444
	list public_address '192.0.2.1'
	list public_address 'AP.Example.org.'
	list public_address '192.0.2.1'
	option trusted_proxy '10.0.0.7 fd00::/8 ::ffff:192.0.2.9'
	option state_dir '/tmp/x/'
	option log_level 'debug'

config room
	option name 'lobby'
	option password 'it'\''s "open"'

config room 'choir'
	option access 'open'
	option max_participants '12'

config backhaul 'backhaul'
	option url 'WSS://cloud.example.org/umbrella/wsb'
	option secret '0123456789abcdef'
	option fingerprint '00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF'
	option ca 'FILE'
	list room 'lobby'
	list room 'choir'

config backhaul 'accept'
	option secret 'another-secret-1'

config backhaul 'waiting'

config camera 'front_door'
	option name "Anna's door"
	option url 'rtsp://user:p%40ss@192.0.2.20:554/stream1?x=1'
	option substream 'rtsps://camera.lan/2'
	option onvif 'http://192.0.2.20:8080'
	option transport 'tcp'
	option room 'choir'
	option audio '0'
	option on_demand 'no'

config camera 'yard'
	option url 'rtsp://[fd00::20]/'

config camera 'spare'
	option enabled '0'
`, "FILE", file))
	want := &Config{
		Main: Main{
			Listen: "[::1]:443", Prefix: "/a/b", TLS: TLSFiles, Cert: file, Key: file, MediaPort: 444,
			PublicAddress: []string{"192.0.2.1", "ap.example.org"},
			TrustedProxy: []netip.Prefix{
				netip.MustParsePrefix("10.0.0.7/32"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("192.0.2.9/32"),
			},
			MaxRooms: 100, PublishLimit: 20000, StateDir: "/tmp/x", LogLevel: slog.LevelDebug, Zones: []string{"lan"},
		},
		Rooms: []Room{
			{Section: "@room[0]", Name: "lobby", Password: `it's "open"`, Access: AccessPassword},
			{Section: "choir", Name: "choir", Access: AccessOpen, MaxParticipants: 12},
		},
		Backhauls: []Backhaul{
			{Section: "backhaul", Enabled: true, URL: "wss://cloud.example.org/umbrella/wsb", Secret: "0123456789abcdef",
				Fingerprint: strings.Repeat("00112233445566778899aabbccddeeff", 2), CA: file, Rooms: []string{"lobby", "choir"}},
			{Section: "accept", Enabled: true, Secret: "another-secret-1"},
			{Section: "waiting"},
		},
		Cameras: []Camera{
			{Section: "front_door", Enabled: true, Name: "Anna's door", URL: "rtsp://user:p%40ss@192.0.2.20:554/stream1?x=1",
				Substream: "rtsps://camera.lan/2", ONVIF: "http://192.0.2.20:8080", Transport: TransportTCP, Room: "choir"},
			{Section: "yard", Enabled: true, Name: "yard", URL: "rtsp://[fd00::20]/", Room: DefaultRoom, Audio: true, OnDemand: true},
			{Section: "spare", Name: "spare", Room: DefaultRoom, Audio: true, OnDemand: true},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%#v\nwant\n%#v", got, want)
	}
}

// frame puts one option into a file that is valid but for it.
func frame(o Option, pair, value string) string {
	header := map[string]string{
		typeMain:     "config umbrella 'main'\n",
		TypeRoom:     "config room 'r'\n",
		TypeBackhaul: "config backhaul 'b'\n option secret '0123456789abcdef'\n option url 'wss://h/wsb'\n",
		TypeCamera:   "config camera 'c'\n option url 'rtsp://h/'\n",
	}[o.Section]
	switch o.Section + "." + o.Name {
	case "umbrella.cert", "umbrella.key":
		header += " option tls files\n option cert " + pair + "\n option key " + pair + "\n"
	case "umbrella.acme_domain", "umbrella.acme_email", "umbrella.acme_directory", "umbrella.acme_http":
		header += " option tls acme\n option public_address call.example.org\n"
	}
	return header + " option " + o.Name + " '" + strings.ReplaceAll(value, "'", `'\''`) + "'\n"
}

// TestFragmentOfGo2rtc: an address that is copied from go2rtc or Frigate is refused in words
// that say what is too much of it (AlexxIT/go2rtc#124).
func TestFragmentOfGo2rtc(t *testing.T) {
	text := strings.Join(refuse(t, "config camera c\n option name c\n option room r\n option url 'rtsp://admin:x@192.168.1.64/stream1#backchannel=0'\n"), "\n")
	if !strings.Contains(text, "without # and what follows it") {
		t.Error(text)
	}
}

func TestEveryOption(t *testing.T) {
	bools := [2][]string{{"1", "0", "on", "off", "true", "false", "yes", "no", "enabled", "disabled"}, {"2", "-1", "TRUE", "ja", "1 "}}
	pair := pairFile(t)
	file := [2][]string{{"/proc/self/exe"}, {"/nowhere", "/", "/dev/null", "relative-and-not-there", "/proc/self/exe/"}}
	roomName := [2][]string{
		{"a", "Room-1_x.y", strings.Repeat("a", 64), "-", "_", "ä", "кухня", "آشپز\u200cخانه", "ශ්\u200dරී"},
		{".a", "a/b", "a\u200bb", "🏠", "lоunge", "a?b", strings.Repeat("a", 65), "a%20", "a'b"},
	}
	rtsp := [2][]string{
		{"rtsp://h", "rtsps://h:322/x", "RTSP://h/y", "rtsp://u@h/", "rtsp://u:p%23w@1.2.3.4:554/a?b=c&d=e", "rtsp://[fe80::1]:554/", "rtsp://[fe80::1%25eth0]/"},
		{"http://h/", "h:554", "rtsp:///x", "rtsp://", "rtsp:h", "rtsp://h:0/", "rtsp://h:65536/", "rtsp://h:/", "rtsp://h:x/", "rtsp://h /", "rtsp://h/\u00a0", "rtsp://u:p#w@h/", "rtsp://h/x#backchannel=0", "rtsp://u:p%zz@h/", "rtsp://1.2.3.4.5/", "rtsp://h/" + strings.Repeat("x", 2048)},
	}
	const (
		hash     = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
		bcrypted = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	)
	cases := map[string][2][]string{ // good, bad
		"umbrella.enabled": bools,
		"umbrella.listen": {
			{":8081", "0.0.0.0:1", "127.0.0.1:65535", "[::]:443", "[fe80::1%eth0]:443", "localhost:80", "ap.lan:80"},
			{"8081", ":0", ":65536", ":http", "127.0.0.1", "::1:80", "[::1]", "1.2.3.4.5:80", "a b:80", ":+80", ":080", "-a:80", "ff02::1:80", "[ff02::1]:80", "http://x:80"},
		},
		"umbrella.prefix": {
			{"/", "/x", "/x/", "/a/b-c_d.e~f", "/" + strings.Repeat("a", 127)},
			{"x", "x/", "//x", "/a//b", "/a/../b", "/.", "/a b", "/ä", "/a?b", "/a#b", "/a%20", "/" + strings.Repeat("a", 128), `/"`},
		},
		"umbrella.tls":  {{"auto", "off"}, {"on", "Auto", "none", "1"}},
		"umbrella.cert": {{pair}, file[1]},
		"umbrella.key":  {{pair}, file[1]},
		"umbrella.acme_domain": {
			{"call.example.org", "A.B.", "a.b c.d", "xn--a.b"},
			{"call", "192.0.2.1", "::1", "*.example.org", "a_b.org", "a.b:80", "ä.de"},
		},
		"umbrella.acme_email":     {{"a@b.org", "a.b+c@b.org"}, {"a", "a@b", "@b.org", "a..b@b.org", "a b@b.org", "a@b.org, c@d.org", "mailto:a@b.org"}},
		"umbrella.acme_directory": {{"https://ca.lan/acme/directory", "https://1.2.3.4:14000/dir"}, {"http://ca.lan/dir", "ca.lan", "https://u:p@ca.lan/dir", "https://ca.lan/?x"}},
		"umbrella.acme_http":      {{":80", "192.0.2.1:80"}, {"80", ":0", "http://x"}},
		"umbrella.turn":           bools,
		"umbrella.turn_url": {
			{"turns:call.example.org:443", "turns:call.example.org:443?transport=tcp", "turn:192.0.2.1:3478", "turns:[2001:db8::1]:443", "turns:a:1 turn:b:2"},
			{"turns:call.example.org", "turns::443", "turns://a:443", "stun:a:443", "turns:a:443?transport=udp", "turns:[fe80::1%eth0]:443", "a:443"},
		},
		"umbrella.media_port": {{"1", "8082", "65535"}, {"0", "-1", "65536", "99999", "x", "8082x", "0x1f", "1e3", " 82", "+82", "082", "9999999999999999999999"}},
		"umbrella.public_address": {
			{"192.0.2.1", "2001:db8::1", "ap", "ap.example.org", "ap.example.org.", "xn--a.b", "a_b.lan", "1.2.3.4 fd00::1 ap"},
			{"192.0.2.1:80", "192.0.2.256", "1.2.3", "0.0.0.0", "::", "224.0.0.1", "fe80::1%eth0", "[::1]", "https://ap", "a..b", "-a", "a,b", "ä.de", strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a"},
		},
		"umbrella.wan":  bools,
		"umbrella.zone": {{"lan", "guest IoT_2", "a-b", "wan", strings.Repeat("z", 32)}, {"a.b", "*", "ä", "@zone[0]", strings.Repeat("z", 33)}},
		"umbrella.trusted_proxy": {
			{"192.0.2.1", "192.0.2.0/24", "192.0.2.77/24", "fd00::/8", "::1", "0.0.0.0/0", "::ffff:10.0.0.0/104", "10.0.0.1 10.0.0.2"},
			{"proxy.lan", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/", "192.0.2.0/255.255.255.0", "fe80::1%eth0", "::ffff:10.0.0.0/64"},
		},
		"umbrella.cors_origin": {
			{"*", "https://player.example.org", "https://Player.example.org:443", "http://192.0.2.1:8080", "http://[2001:db8::1]:8080", "HTTPS://h", "https://a https://b"},
			{"player.example.org", "https://", "https://a/", "https://a/b", "https://a?", "https://a#", "https://u@a", "ftp://a", "null", "https://*.example.org", "https://a:0", "http://[fe80::1%25a]"},
		},
		"umbrella.access":        {{"lan", "token", "open"}, {"password", "LAN", "none"}},
		"umbrella.max_rooms":     {{"0", "1", "10000"}, {"-1", "10001", "x", "01"}},
		"umbrella.publish_limit": {{"0", "20000", "1000000"}, {"-1", "1000001", "x", "20 000"}},
		"umbrella.admin_password": {
			{"12345678", "correct horse", strings.Repeat("ä", 128), hash, bcrypted},
			{"1234567", "äöüäöüä", strings.Repeat("a", 129), "12345678\t", "$argon2id$correct horse", hash + "$", "$2a$05$horse"},
		},
		"umbrella.token_key":    file,
		"umbrella.state_dir":    {{"/etc/umbrella", "/tmp", ".state", "/not there"}, {"/proc/self/exe", "/a\tb"}},
		"umbrella.log_level":    {{"debug", "info", "warn", "error"}, {"warning", "INFO", "0", "trace"}},
		"room.name":             roomName,
		"room.password":         {{"x", "a b", "ä", `'"\%#;`, strings.Repeat("ä", 128), hash, "$1$horse"}, {strings.Repeat("a", 129), "a\tb", "\u202e", "$argon2i$horse", "$2y$05$horse"}},
		"room.access":           {{"lan", "token", "open"}, {"LAN", "public", "none"}},
		"room.max_participants": {{"0", "1", "10000"}, {"-1", "10001", "x", "1.5", "01"}},
		"backhaul.enabled":      bools,
		"backhaul.url":          {{"wss://h/wsb", "ws://h:8081/wsb", "wss://1.2.3.4/umbrella/wsb", "wss://[fd00::1]:8081/wsb"}, {"https://h/wsb", "wss://h", "wss://h/", "wss://h/wsb/", "wss://h/wsb?x=1", "wss://h/wsb?", "wss://h/wsb#x", "wss://u:p@h/wsb", "wss:///wsb", "h/wsb"}},
		"backhaul.secret":       {{"0123456789abcdef", strings.Repeat("ä", 16), strings.Repeat("a", 256), `aaaaaaaaaaaaaaa'`, `aaaaaaaaaaaaaaa\`}, {"0123456789abcde", strings.Repeat("a", 257), "0123456789 abcdef"}},
		"backhaul.fingerprint":  {{strings.Repeat("0f", 32), strings.Repeat("AB:", 31) + "AB"}, {"0f", strings.Repeat("0g", 32), strings.Repeat("0f", 33), strings.Repeat("0f", 20)}},
		"backhaul.ca":           file,
		"backhaul.room":         {append(roomName[0], "a b c"), roomName[1]},
		"camera.enabled":        bools,
		"camera.name":           {{"x", "Anna's door", "Tür 2", strings.Repeat("ä", 64), "درِ جلو\u200cی خانه", "👨\u200d👩\u200d👧 Haus"}, {strings.Repeat("a", 65), "a\u0007b", "a\u202eb", "a\u200db"}},
		"camera.url":            rtsp,
		"camera.substream":      {rtsp[0][1:], rtsp[1]},
		"camera.onvif":          {{"http://cam.lan", "https://192.0.2.20:8443/onvif/device_service", "http://[fd00::20]:81/"}, {"cam.lan", "rtsp://cam.lan/", "http://u:p@cam.lan/", "http://cam.lan/?x", "http://cam.lan/" + strings.Repeat("x", 512)}},
		"camera.transport":      {{"auto", "tcp", "udp"}, {"TCP", "both"}},
		"camera.room":           roomName,
		"camera.audio":          bools,
		"camera.on_demand":      bools,
	}
	for _, o := range Options() {
		key := o.Section + "." + o.Name
		c, ok := cases[key]
		if !ok || o.Allowed == "" || o.Help == "" {
			t.Errorf("option %s is not tested, or not explained", key)
			continue
		}
		for _, good := range c[0] {
			load(t, frame(o, pair, good))
		}
		for _, bad := range c[1] {
			lines := refuse(t, frame(o, pair, bad))
			name := map[string]string{typeMain: "main", TypeRoom: "r", TypeBackhaul: "b", TypeCamera: "c"}[o.Section]
			start := fmt.Sprintf("umbrella: section '%s', option '%s': ", name, o.Name)
			if len(lines) != 1 || !strings.HasPrefix(lines[0], start) || !strings.HasSuffix(lines[0], " is not allowed: "+o.Allowed) {
				t.Errorf("%s %q: got %q", key, bad, lines)
			}
			if o.Secret && strings.Contains(lines[0], bad) {
				t.Errorf("%s: the secret is shown: %q", key, lines[0])
			}
		}
		if o.Default != "" {
			load(t, frame(o, pair, o.Default))
		}
		if !o.List {
			text := frame(o, pair, c[0][0])
			lines := refuse(t, text+strings.Replace(text[strings.LastIndex(text, " option"):], "option", "list", 1)+" list "+o.Name+" another")
			if want := fmt.Sprintf("option '%s' has more than one value: %s", o.Name, o.Allowed); !strings.Contains(lines[0], want) {
				t.Errorf("%s twice: got %q", key, lines)
			}
		}
	}
	if len(cases) != len(Options()) {
		t.Errorf("%d options are tested, there are %d", len(cases), len(Options()))
	}
}

func TestBetweenOptions(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"every problem at once": {
			"config umbrella main\n option media_port 99999\n option tls maybe\n option nonsense 1\nconfig camera c\nconfig room\nconfig chamber\n option x 1",
			[]string{
				"umbrella: line 4, section 'main', option 'nonsense' is not known: known are enabled, listen, prefix, tls, cert, key, acme_domain, acme_email, acme_directory, acme_http, media_port, turn, turn_url, public_address, wan, zone, trusted_proxy, cors_origin, access, max_rooms, publish_limit, admin_password, token_key, state_dir, log_level",
				"umbrella: line 7, section '@chamber[0]' has the unknown type 'chamber': known are umbrella, room, backhaul, camera",
				"umbrella: section 'main', option 'tls': 'maybe' is not allowed: auto, files, acme or off",
				"umbrella: section 'main', option 'media_port': '99999' is not allowed: a port number from 1 to 65535",
				"umbrella: section 'c', option 'url' is missing, and a camera that is enabled needs it: " + allowedRTSP,
				"umbrella: section '@room[0]', option 'name' is missing, and a room needs one: " + allowedRoomName,
			},
		},
		"slips": {
			"config umbrella main\n option medai_port 1\nconfig rooms x\nconfig camera c\n option on_demnd 1\n option enabled 0",
			[]string{
				"umbrella: line 2, section 'main', option 'medai_port' is not known: did you mean 'media_port'?",
				"umbrella: line 3, section 'x' has the unknown type 'rooms': did you mean 'room'?",
				"umbrella: line 5, section 'c', option 'on_demnd' is not known: did you mean 'on_demand'?",
			},
		},
		"files without files": {
			"config umbrella main\n option tls files",
			[]string{
				"umbrella: section 'main', option 'cert' is missing, and tls 'files' needs it: " + allowedFile,
				"umbrella: section 'main', option 'key' is missing, and tls 'files' needs it: " + allowedFile,
			},
		},
		"acme without a name": {
			"config umbrella main\n option tls acme\n list public_address 192.0.2.1\n list public_address ap",
			[]string{"umbrella: section 'main', option 'acme_domain' is missing, and tls 'acme' needs it, or a name in public_address: a DNS name such as call.example.org"},
		},
		"acme on a port that is taken": {
			"config umbrella main\n option tls acme\n option acme_domain a.b\n option acme_http :8081",
			[]string{"umbrella: section 'main', option 'acme_http' has the port of listen or media_port: another port, such as ':80'"},
		},
		"one port for two": {
			"config umbrella main\n option listen :8082",
			[]string{"umbrella: section 'main', option 'media_port' is the port of listen as well: both take TCP connections, so they need two ports"},
		},
		"main of another name": {
			"config umbrella\nconfig umbrella settings",
			[]string{
				"umbrella: section '@umbrella[0]' of type 'umbrella' is one too many: there is one, written config umbrella 'main'",
				"umbrella: section 'settings' of type 'umbrella' is one too many: there is one, written config umbrella 'main'",
			},
		},
		"one name, two types": {
			"config room x\nconfig camera x",
			[]string{"umbrella: line 2, section 'x' is there already, with the type 'room': give it another name"},
		},
		"rooms of one name": {
			"config room x\nconfig room\n option name x",
			[]string{"umbrella: section '@room[1]', option 'name' is the name of another room as well: 'x' is taken by the section 'x'"},
		},
		"password access without one": {
			"config room x\n option access password",
			[]string{"umbrella: section 'x', option 'password' is missing, and access 'password' needs it: 1 to 128 characters that can be printed, or a hash as `umbrellad hash` prints it"},
		},
		"backhaul enabled for nothing": {
			"config backhaul x\n option enabled 1",
			[]string{"umbrella: section 'x', option 'url' is missing, and a trunk that is enabled needs it, or a secret to accept one: wss://HOST/PATH/wsb or ws://HOST/PATH/wsb, without user name, query and fragment"},
		},
		"backhaul without a name": {
			"config backhaul\n option url ws://h/wsb",
			[]string{"umbrella: section '@backhaul[0]' has no name: write config backhaul 'NAME', with letters, digits and '_'"},
		},
		"fingerprint without TLS": {
			"config backhaul x\n option url ws://h/wsb\n option fingerprint " + strings.Repeat("00", 32),
			[]string{"umbrella: section 'x', option 'fingerprint' cannot be checked: the url has to begin with wss://"},
		},
		"two accept one secret": {
			"config backhaul x\n option secret 0123456789abcdef\nconfig backhaul y\n option secret 0123456789abcdef",
			[]string{"umbrella: section 'y', option 'secret' is the secret of another trunk as well: the section 'x' has it, and trunks that come in are told apart by it"},
		},
		"camera without a name": {
			"config camera\n option url rtsp://h/",
			[]string{"umbrella: section '@camera[0]' has no name: write config camera 'NAME', with letters, digits and '_'"},
		},
		"cameras of one name": {
			"config camera a\n option url rtsp://a/\n option name Door\nconfig camera b\n option url rtsp://b/\n option name Door",
			[]string{"umbrella: section 'b', option 'name' is the name of another camera in the room as well: 'Door' is taken by the section 'a'"},
		},
		"substream of the same": {
			"config camera a\n option url rtsp://u:pass@a/\n option substream rtsp://u:pass@a/",
			[]string{"umbrella: section 'a', option 'substream' is the same as url: another, smaller stream of the camera, or nothing"},
		},
	} {
		if got := refuse(t, c.text); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

func TestACME(t *testing.T) {
	got := load(t, "config umbrella main\n option tls acme\n option acme_email a@b.org\n option acme_http :80\n"+
		" option acme_directory HTTPS://ca.lan/dir\n list public_address 192.0.2.1\n list public_address Call.example.org\n list public_address ap\n").Main
	want := ACME{Domains: []string{"call.example.org"}, Email: "a@b.org", Directory: "https://ca.lan/dir", HTTP: ":80"}
	if got.TLS != TLSACME || !reflect.DeepEqual(got.ACME, want) {
		t.Errorf("got %s, %+v", got.TLS, got.ACME)
	}
	got = load(t, "config umbrella main\n option tls acme\n list acme_domain a.b\n list acme_domain A.B.\n list public_address c.d\n").Main
	if !reflect.DeepEqual(got.ACME, ACME{Domains: []string{"a.b"}}) {
		t.Errorf("got %+v", got.ACME)
	}
}

func TestWarnings(t *testing.T) {
	for text, want := range map[string]string{
		"config umbrella main\n option cert /nowhere":                                                     "section 'main', option 'cert' is not used: tls is not 'files'",
		"config umbrella main\n option acme_email a@b.org":                                                "section 'main', option 'acme_email' is not used: tls is not 'acme'",
		"config umbrella main\n option turn_url turns:a:443":                                              "section 'main', option 'turn_url' is not used: turn is 0",
		"config umbrella main\n option turn 1\n option tls off":                                           "section 'main', option 'turn' is of no use: with tls 'off' a proxy is in front, and turn_url has to say where that takes TURN",
		"config room x\n option access open\n option password hunter2":                                    "section 'x', option 'password' is not asked for: access is not 'password'",
		"config backhaul x\n option secret 0123456789abcdef\n option ca /proc/self/exe\n":                 "section 'x', option 'ca' is not used: there is no url to dial",
		"config backhaul x\n option enabled 1\n option url ws://h/wsb\n option secret 0123456789abcdef\n": "section 'x', option 'url' begins with ws://: whoever is on the way can read and change who is in the rooms and what they write",
	} {
		got := load(t, text).Warnings
		if len(got) != 1 || !strings.HasSuffix(got[0], want) || strings.Contains(got[0], "hunter2") {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestNoWarningOfWhatIsSafe(t *testing.T) {
	// The documentation itself writes passwords so; the file is root's alone.
	if got := load(t, "config umbrella main\n option admin_password hunter222\nconfig room x\n option password 'correct horse'\n").Warnings; len(got) > 0 {
		t.Errorf("passwords: %q", got)
	}
	for _, url := range []string{"wss://h/wsb", "ws://127.0.0.1:8081/wsb", "ws://[::1]:8081/wsb", "ws://localhost/wsb"} {
		if got := load(t, "config backhaul x\n option enabled 1\n option url "+url+"\n option secret 0123456789abcdef\n").Warnings; len(got) > 0 {
			t.Errorf("%s: %q", url, got)
		}
	}
}

// No message shows a secret, however it came into the file.
func TestSecretsAreNotShown(t *testing.T) {
	for _, text := range []string{
		"config room x\n option password 'hunter2\n",
		"config room x\n option password hunter2 hunter2\n",
		"config room x\n option hunter2-hunter2\n",
		"config room x\n option password 'hunter2'hunter2 x\n",
		"config room x\n password hunter2\n",
		"config room x\n option pasword hunter2\n",
		"config room hunter2-hunter2 hunter2\n",
		"option password hunter2\n",
		"config room x\n option password 'hunter2\t'\n",
		"config room x\n list password hunter2\n list password hunter2b\n",
		"config rom x\n option password hunter2\n",
		"config backhaul x\n option secret hunter2\n",
		"config backhaul x\n option url wss://u:hunter2@h/wsb\n",
		"config backhaul x\n option url wss://h/wsb?token=hunter2\n",
		"config camera x\n option url http://u:hunter2@h/\n",
		"config camera x\n option url rtsp://u:hunter2#@h/\n",
		"config camera x\n option url 'rtsp://u:hunter2/@h/'\n option transport x\n",
		"config camera x\n option url 'rtsp://u:hunter2'\n",
		"config camera x\n option url 'u:hunter2'\n",
		"config camera x\n option url u:hunter2@h\n",
		"config camera x\n option url 'rtsp://h /x?password=hunter2@'\n",
		"config camera x\n option url 'rtsp://u:hunter2?hunter2@h:x/'\n",
	} {
		for _, line := range refuse(t, text, "UMBRELLA_BACKHAUL_SECRET=hunter2") {
			if strings.Contains(line, "hunter2") {
				t.Errorf("shown: %s", line)
			}
		}
	}
	cfg := load(t, "config room x\n option password hunter2\nconfig backhaul b\n option secret hunter2hunter2hunter2\n"+
		"config camera c\n option url rtsp://u:hunter2@h/\n option substream rtsp://u:hunter2@h/2\n")
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "cfg", cfg, "room", cfg.Rooms[0], "camera", cfg.Cameras[0])
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "cfg", cfg, "room", cfg.Rooms[0], "camera", cfg.Cameras[0])
	fmt.Fprintf(&log, "%v %+v %#v", cfg, cfg, cfg)
	if strings.Contains(log.String(), "hunter2") {
		t.Errorf("shown: %s", log.String())
	}
}

// A file that was emptied or cut off, or that is another one, does not mean the
// defaults, by which anybody on the LAN would come in. Without a file, and where
// variables stand for the section main, as in a container, settings come from those.
func TestFileWithoutMain(t *testing.T) {
	const empty, without = "umbrella: it is empty, as a file is whose writing was cut off: put a copy of it back, or write the section config umbrella 'main'",
		"umbrella: it has no section config umbrella 'main': put a copy of it back, or write that section"
	room := "config room 'den'\n"
	for text, want := range map[string]string{
		"": empty, "\n\n": empty, "# only a comment\n": empty, "package umbrella\n": empty, "\r\n": empty,
		room:                   without,
		"config room 'main'\n": without,
		"config umbrella\n":    "umbrella: section '@umbrella[0]' of type 'umbrella' is one too many: there is one, written config umbrella 'main'",
	} {
		dir := write(t, text)
		_, err := Load(dir, []string{"HOME=/root", "UMBRELLA_LISTEN=", "UMBRELLA_BACKHAUL_URL=wss://h/wsb"})
		if err == nil || strings.ReplaceAll(strings.Split(err.Error(), "\n")[0], dir+"/", "") != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	for _, variable := range []string{"UMBRELLA_CLOUD=1", "UMBRELLA_LISTEN=:1"} {
		if cfg, err := Load(write(t, room), []string{variable}); err != nil || len(cfg.Rooms) != 1 {
			t.Errorf("%s: %v", variable, err)
		}
	}
	s := Source{Dir: write(t, room)}
	if _, err := s.Set(TypeCamera, "door", Values{"url": {"rtsp://h/"}}); err == nil || !strings.Contains(err.Error(), "no section config umbrella 'main'") {
		t.Errorf("it was edited: %v", err)
	}
}

func TestFileThatIsNone(t *testing.T) {
	long := "config umbrella main\n" + strings.Repeat("#", maxFileSize)
	for text, want := range map[string]string{
		"config umbrella main\n\x00": "umbrella: line 2: this is not a text file: it holds NUL bytes, as a file does whose writing was cut off; put a copy of it back",
		long:                         "umbrella: cannot be read: it is larger than 256 KiB",
	} {
		if got := refuse(t, text); len(got) != 1 || got[0] != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, packageName)
	for _, make := range []func(string, uint32) error{syscall.Mkdir, syscall.Mkfifo} {
		if err := make(path, 0o700); err != nil {
			t.Fatal(err)
		}
		_, err := Load(dir, nil)
		if want := path + ": cannot be read: it is not a file"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	// A line of a log is one line, whatever stands in the file.
	for _, line := range refuse(t, "config umbrella main\n option tls \"\\\x1b[31m"+strings.Repeat("x", 5000)+"\"") {
		if strings.ContainsRune(line, 0x1b) || len(line) > 300 {
			t.Errorf("got %q", line)
		}
	}
}

// What costs go-uci time that grows with a square is bounded, and a file that
// is wrong all over does not fill the log.
func TestBounds(t *testing.T) {
	var rooms strings.Builder
	for i := range maxSections + 500 {
		fmt.Fprintf(&rooms, "config room r%d\n", i)
	}
	for name, c := range map[string]struct {
		text  string
		lines int
		want  string
	}{
		"sections": {strings.Repeat("config camera\n option url rtsp://h/\n option bad 1\n", maxSections+500), maxProblems + 1, "more problems than these"},
		"rooms":    {rooms.String(), 1, "one too many: a file has at most 1024 sections"},
		"values":   {"config umbrella main\n" + strings.Repeat(" list public_address a\n", 5000), 1, "has more than 256 values"},
		"options":  {"config umbrella main\n" + strings.Repeat(" option nonsense a\n", 5000), 1, "is not known"},
		"garbage":  {strings.Repeat("garbage\n", 5000), maxProblems + 1, "more problems than these"},
		"types":    {strings.Repeat("config x\n", 5000), maxProblems + 1, "more problems than these"},
	} {
		got := refuse(t, c.text)
		if len(got) != c.lines || !strings.Contains(strings.Join(got, "\n"), c.want) {
			t.Errorf("%s: got %d lines, the last %q", name, len(got), got[len(got)-1])
		}
	}
}
