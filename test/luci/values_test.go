package luci_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"umbrella/internal/config"
)

func TestViewTakesWhatTheNodeTakes(t *testing.T) {
	const (
		argon    = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
		bcrypted = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	)
	ports := []string{"1", "65535", "0", "65536", "08083", "+1", "1e3", "8083 ", "x", "-1", "1.0", "0x10"}
	rooms := []string{"a", "A-b_c.9", ".a", "a b", "ä", "a/b", strings.Repeat("r", 64), strings.Repeat("r", 65), "Ku\u0308che", "кухня", "Зал-A", "lоunge", "Αthens", "居間・台所", "ｷｯﾁﾝ", "आँगन", "סלון",
		"ג׳ונגל", "آشپز\u200cخانه", "آشپز\u200c", "ශ්\u200dරී", "ක්\u200d", "a\u200db", "\u200dа", "a\u200bb", "a\u202eb", "a\u00adb", "🏠", "½", "٣-غرفة", "sal·la", "a·b", "\u0301a", "a" + strings.Repeat("\u0310", 8), "a" + strings.Repeat("\u0310", 9),
		"\u3164", "\u115f", "字" + "\ufe00", "a\ufe0f", "ﷺ", strings.Repeat("字", 64), strings.Repeat("字", 65), "𞤀𞤣", "ﬁsh", "a\u2044b", "*", "a@b", "Ⅷ", "ʻa", "a\u2800", "K\u034f"}
	urls := []string{
		"H/P", "192.168.1.64/a", "192.168.1.64:554/a", "h:0/a", "h:65536/a", "h:/a", "h", "/a", "", "[::1]:554/a", "[::1]/a", "[::1/a", "::1/a", "[192.168.1.1]/a",
		"u:p@h/a", "u:p%40@h/a", "u:p@q@h/a", "u:p%4@h/a", "u:p^@h/a", "u:p|@h/a", "@h/a", "h/a?b=c", "h/a?", "h/a#b", "h/a b", "h/%zz", "h/%20", "h/ä", "1.2.3/a", "1.2.3.4.5/a",
		"-h/a", "h-/a", "h_1.lan/a", "h./a", "h..lan/a", "[fe80::1%25eth0]/a", "[fe80::1%25]/a", "h:5x/a", "h/wsb", "h/x/wsb", "u@h/wsb", "h/wsb?", "h/wsb?x", "h/wsb/", "h:8081/wsb", "h/" + strings.Repeat("x", 2040),
	}
	var cameras, trunks []string
	for _, rest := range urls {
		cameras = append(cameras, "rtsp://"+rest, "rtsps://"+rest)
		trunks = append(trunks, "ws://"+rest, "WSS://"+rest)
	}
	cameras = append(cameras, "http://h/a", "rtsp:/h/a", "rtsp:h", "h/a", "RTSP://h/a")
	cases := map[string][]string{
		"umbrella.listen": {":1", ":0", ":70000", "8081", "ap.lan:8081", "192.168.1.1:8083", "[::]:8083", "[fe80::1%br-lan]:8083", "::1:8083",
			"[::1]", "192.168.1.256:8083", "224.0.0.1:8083", "239.1.1.1:8083", "240.0.0.1:8083", "[ff02::1]:8083", "[ap]:8083", "a b:8083", "x:", "0.0.0.0:8083", "1.2.3:8083", "[]:8083", "a:b:1", "192.168.01.1:8083"},
		"umbrella.prefix": {"/", "//", "/umbrella", "/umbrella/", "/a/b", "/a//b", "umbrella", "/..", "/a/.", "/...", "/a b", "/ä", "/~a-b_c.d", "/a%20b",
			"/" + strings.Repeat("a", 127), "/" + strings.Repeat("a", 128), "/" + strings.Repeat("a", 127) + "/"},
		"umbrella.tls":            {"auto", "files", "off", "Auto", "on"},
		"umbrella.acme_domain":    {"call.example.org", "call.example.org.", "Call.Example.org", "call", "1.2.3.4", "::1", "a_b.org", "*.example.org", "-a.org", "a..org", "a.1", ".org", "org.", "a.b:80"},
		"umbrella.acme_email":     {"a@b.org", "a.b+c@b.org", "a@b", "a@", "@b.org", "a b@b.org", "a@b@c.org", ".a@b.org", "a..b@b.org", "a.@b.org", "ä@b.org", "a@1.2.3.4", "a@b_c.org", "<a@b.org>", "mailto:a@b.org", strings.Repeat("a", 64) + "@b.org", strings.Repeat("a", 65) + "@b.org"},
		"umbrella.acme_directory": {"https://h/a", "https://h", "HTTPS://h/a", "http://h/a", "https://u@h/a", "https://h/a?b", "https://h/a?", "https://h/a#b", "https://h:0/a", "https://h:14000/dir", "https://[::1]:14000/dir", "h/a"},
		"umbrella.acme_http":      {":80", "192.168.1.1:80", "80", ":0", "[::]:80", "a b:80"},
		"umbrella.turn_url": {"turns:h:443", "turns:h:443?transport=tcp", "turns:h:443?transport=udp", "turns:h", "turns:h?transport=tcp", "turn:h:3478", "TURNS:h:443", "turns:h:443?TRANSPORT=tcp",
			"turns::443", "turns://h:443", "stun:h:443", "h:443", "turns:[::1]:443", "turns:[fe80::1%25a]:443", "turns:[fe80::1%a]:443", "turns:1.2.3.4:443", "turns:1.2.3:443", "turns:224.0.0.1:443", "turns:h:0", "turns:u@h:443", "turns:h:443?", "turns:h:443?transport=tcp?transport=tcp"},
		"umbrella.log_level":      {"debug", "info", "warn", "error", "warning"},
		"umbrella.media_port":     ports,
		"umbrella.public_address": {"203.0.113.7", "::", "0.0.0.0", "2001:db8::1", "fe80::1%eth0", "224.0.0.1", "ff02::1", "ap.example.org", "ap.example.org.", "ap.", ".", "ap.example.org:80", "1.2.3", "-a", "a_b", "::ffff:1.2.3.4", "1::2::3", "12345::", "192.168.1.1/24", "FF02::1", "::ffff:0.0.0.0", "::ffff:224.0.0.1"},
		"umbrella.trusted_proxy":  {"192.168.1.0/24", "192.168.1.1", "192.168.1.0/33", "192.168.1.0/024", "192.168.1.0/", "fd00::/8", "fd00::/129", "fd00::1", "fe80::1%eth0", "ap.lan", "192.168.1/24", "::/0", "::ffff:1.2.3.4", "::ffff:1.2.3.4/95", "::ffff:1.2.3.4/96", "1.2.3.4/8/8"},
		"umbrella.zone":           {"lan", "guest_2", "a-b", "a.b", "*", "@zone[0]", strings.Repeat("z", 32), strings.Repeat("z", 33)},
		"umbrella.cors_origin":    {"*", "https://player.example.org", "http://192.168.1.1:8080", "https://a/", "https://a?", "https://u@a", "ftp://a", "null", "https://*.a", "https://[::1]:8", "https://[fe80::1%25a]", "https://a:0", "a"},
		"umbrella.access":         {"lan", "password", "token", "open", "all"},
		"umbrella.max_rooms":      {"0", "10000", "10001", "-1", "007", "x"},
		"umbrella.publish_limit":  {"0", "20000", "1000000", "1000001", "-1", "1e3"},
		"umbrella.admin_password": {"1234567", "12345678", strings.Repeat("ä", 8), strings.Repeat("😀", 128), strings.Repeat("x", 129), "a\tbcdefgh", argon, argon + "$", strings.Replace(argon, "m=19456", "m=99999", 1), bcrypted, bcrypted + "x", "$2a$15" + bcrypted[6:]},
		"room.name":               rooms,
		"room.password":           {"x", "correct horse", "ä€😀", "a\tb", "a\u00a0b", "a\u200bb", "a\ufffdb", strings.Repeat("ä", 128), strings.Repeat("😀", 128), strings.Repeat("x", 129), argon, bcrypted, "$argon2i$x", "$2y$x"},
		"room.access":             {"lan", "password", "token", "open", "all"},
		"room.max_participants":   {"0", "10000", "10001", "-1", "007", "1.5", "1e2", "x"},
		"backhaul.url":            trunks,
		"backhaul.secret":         {strings.Repeat("s", 15), strings.Repeat("s", 16), strings.Repeat("s", 256), strings.Repeat("s", 257), strings.Repeat("s", 16) + " s", strings.Repeat("ä", 16)},
		"backhaul.fingerprint":    {strings.Repeat("aB", 32), strings.Repeat("ab:", 31) + "ab", strings.Repeat("ab", 31), strings.Repeat("ab", 33), strings.Repeat("xy", 32), strings.Repeat("ab ", 32)},
		"backhaul.room":           slices.DeleteFunc(slices.Clone(rooms), func(s string) bool { return strings.Contains(s, " ") }), // two rooms in one line
		"camera.name": {"Front door", strings.Repeat("ä", 64), strings.Repeat("x", 65), "a\u0007b", "درِ جلو\u200cی خانه", "ශ්\u200dරී ලංකා", "👨\u200d👩\u200d👧\u200d👦", "👩🏽\u200d💻", "🏳️\u200d🌈", "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", "🏴\U000e0067\U000e0062",
			"1️⃣", "❤️\u200d🔥", "🙂\u200d↔️", "a\u200bb", "a\u00a0b", "山田\u3000太郎", "a\u202eb", "a\u200e", "a\u200db", "👩\u200dA", "a\u200d", "علی\u200c", "علی\u200c\u200cرضا", "葛\U000e0100", "a\U000e0100", "a\ufe0f", "\u2800", "\u3164", "\ufeffa",
			"\u0301a", "a" + strings.Repeat("\u0310", 9), "ខ្មែរ\u200bខ្មែរ", "a\u034fb", "a\ufffdb", "\u200d", strings.Repeat("👨\u200d👩", 22), "½ ™ ©", "O’Brien"},
		"camera.url":       cameras,
		"camera.substream": cameras,
		"camera.onvif":     {"http://h", "https://h:8443/a", "HTTP://h/a", "http://u@h/", "http://h/?", "http://h/?b", "http://h/#b", "http://[::1]:81/", "h", "rtsp://h/", "http://h:0", "http://h/" + strings.Repeat("x", 503), "http://h/" + strings.Repeat("x", 504)},
		"camera.transport": {"auto", "tcp", "udp", "UDP"},
		"camera.room":      rooms,
	}
	// What is there on the disk is for the node alone to tell.
	onDisk := []string{"umbrella.cert", "umbrella.key", "umbrella.token_key", "umbrella.state_dir", "backhaul.ca"}
	for _, o := range config.Options() {
		key := o.Section + "." + o.Name
		if _, ok := cases[key]; !ok && o.Allowed != "1 or 0" && !slices.Contains(onDisk, key) {
			t.Errorf("%s: no values to try", key)
		}
	}
	var input [][2]string
	for key, values := range cases {
		for _, v := range values {
			input = append(input, [2]string{key, v})
		}
	}
	view := judge(t, input)
	dir := t.TempDir()
	for i, c := range input {
		if node := nodeTakes(t, dir, c[0], c[1]); view[i] != node {
			t.Errorf("%s %q: the view says %t, the node says %t", c[0], c[1], view[i], node)
		}
	}
}

// nodeTakes reports whether the node has nothing against the value itself.
func nodeTakes(t *testing.T, dir, key, value string) bool {
	t.Helper()
	kind, name, _ := strings.Cut(key, ".")
	section := map[string]string{"umbrella": "main"}[kind]
	if section == "" {
		section = "x"
	}
	text := "config " + kind + " '" + section + "'\n\toption " + name + " '" + value + "'\n"
	for _, o := range config.Options() {
		if o.Section == kind && o.Name == name && o.List {
			text = strings.Replace(text, "option", "list", 1)
		}
	}
	if strings.HasPrefix(key, "umbrella.acme_") {
		text += "\toption tls 'acme'\n\tlist public_address 'call.example.org'\n"
	}
	if key == "backhaul.fingerprint" {
		text += "\toption url 'wss://h/wsb'\n"
	}
	if kind != "umbrella" {
		text += "\nconfig umbrella 'main'\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "umbrella"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(dir, nil)
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		t.Fatal(err)
	}
	return !slices.ContainsFunc(problems, func(p config.Problem) bool { return p.Option == name || p.Option == "" })
}
