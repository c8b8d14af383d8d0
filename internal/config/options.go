package config

import "strings"

// Option is one setting as users know it. What is written about settings – the
// reference in the docs, the help in LuCI, the messages – is held against this list.
type Option struct {
	Section string // type of the section that it belongs to
	Name    string
	List    bool // takes `list` as well as `option`
	Secret  bool // its value is never shown
	URL     bool // its value is shown as RedactURL has it
	// Default is what holds when nothing is said, as it would be written; ""
	// is nothing.
	Default string
	// Cloud holds in place of Default where UMBRELLA_CLOUD is 1: on a server, in a
	// container behind a proxy.
	Cloud   string
	Allowed string // what is allowed, in words
	Help    string // what it is for, in one sentence
	// Environment is the variable that goes over the file, Aliases are other
	// names for it. Both are set for `main` and for the backhaul `backhaul`.
	Environment string
	Aliases     []string
}

// SectionTypes returns the types of section that there are.
func SectionTypes() []string { return []string{typeMain, TypeRoom, TypeBackhaul, TypeCamera} }

// Types of section that programs add, change and remove.
const (
	TypeRoom     = "room"
	TypeBackhaul = "backhaul"
	TypeCamera   = "camera"
)

const (
	packageName = "umbrella"
	typeMain    = "umbrella"

	sectionMain     = "main"     // the one section of type umbrella
	sectionBackhaul = "backhaul" // the backhaul that the environment sets

	variablePrefix = "UMBRELLA_"
	variableCloud  = variablePrefix + "CLOUD"
)

const (
	allowedBool     = "1 or 0"
	allowedRoomName = "1 to 64 letters and digits of any script, '-', '_' and '.', the first one not a '.'"
	allowedShown    = "1 to 64 characters that can be printed"
	allowedListen   = "HOST:PORT or :PORT, with a port from 1 to 65535 and an IPv6 address in brackets"
	allowedFile     = "the path of a file that is there"
	allowedONVIF    = "http://HOST or https://HOST, with a port and a path where needed, without user name, query and fragment"
	allowedRTSP     = "rtsp://HOST/PATH or rtsps://HOST/PATH, with USER:PASSWORD@ before the host where needed, a port from 1 to 65535, no blanks, without # and what follows it, and other characters of the password as %XX"
)

// Options returns every option there is, in the order of the reference.
func Options() []Option {
	options := []Option{
		{Section: typeMain, Name: "enabled", Default: "1", Allowed: allowedBool,
			Help: "Run at all."},
		{Section: typeMain, Name: "listen", Default: ":8081", Aliases: []string{"UMBRELLA_HTTP_SERVE_ADDR"},
			Allowed: allowedListen,
			Help:    "TCP address of the web server."},
		{Section: typeMain, Name: "prefix", Aliases: []string{"UMBRELLA_HTTP_PREFIX"},
			Allowed: "a path such as /umbrella: at most 128 letters, digits, '-', '_', '.', '~' and '/', starting with '/', without '.' or '..' as a part",
			Help:    "Path below which everything is served."},
		{Section: typeMain, Name: "tls", Default: "auto", Cloud: "off", Allowed: "auto, files, acme or off",
			Help: "Where HTTPS gets its certificate: from the node's own CA, from cert and key, from a public CA, or no HTTPS behind a proxy."},
		{Section: typeMain, Name: "cert", Allowed: allowedFile,
			Help: "PEM file of the certificate and its chain, for tls 'files'."},
		{Section: typeMain, Name: "key", Allowed: allowedFile,
			Help: "PEM file of the certificate's private key, for tls 'files'."},
		{Section: typeMain, Name: "acme_domain", List: true, Allowed: "a DNS name such as call.example.org",
			Help: "Name to be certified, for tls 'acme'; the names in public_address if not set."},
		{Section: typeMain, Name: "acme_email", Allowed: "an address such as admin@example.org",
			Help: "Where the public CA may write to, for tls 'acme'."},
		{Section: typeMain, Name: "acme_directory", Allowed: "https://HOST/PATH, without user name, query and fragment",
			Help: "Directory of the public CA, for tls 'acme'; that of Let's Encrypt if not set."},
		{Section: typeMain, Name: "acme_http", Allowed: allowedListen,
			Help: "TCP address, such as ':80', where the public CA looks for proofs and people are sent on to HTTPS; if not set, it looks at the web server, which then has to be reached at port 443."},
		{Section: typeMain, Name: "media_port", Default: "8082", Allowed: "a port number from 1 to 65535",
			Help: "UDP and TCP port of all audio and video."},
		{Section: typeMain, Name: "turn", Default: "0", Allowed: allowedBool,
			Help: "Relay audio and video over the web server's port (TURN) for those whose firewalls let nothing else through."},
		{Section: typeMain, Name: "turn_url", List: true, Allowed: "turns:HOST:PORT or turn:HOST:PORT, with ?transport=tcp behind it or not",
			Help: "Where they reach that relay; as they reach the web server if not set."},
		{Section: typeMain, Name: "public_address", List: true, Aliases: []string{"UMBRELLA_PUBLIC_IP", "UMBRELLA_PUBLIC_HOST"},
			Allowed: "an IP address or a DNS name, without a port",
			Help:    "Address or name by which people reach the node, beside its own; it answers to no other name."},
		{Section: typeMain, Name: "wan", Default: "0", Allowed: allowedBool,
			Help: "Have the firewall of the access point let people in from the WAN, too."},
		{Section: typeMain, Name: "zone", List: true, Default: "lan", Allowed: "the name of a firewall zone, such as guest: letters, digits, '_' and '-'",
			Help: "Firewall zone of the access point that people may come from; with wan 1, the zone wan besides."},
		{Section: typeMain, Name: "trusted_proxy", List: true,
			// All that counts as local. Whoever is in one of these may join from there as
			// well, and whom such a one names is never local himself: that one stands
			// before another proxy, so it seems.
			Cloud:   "127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 ::1 fc00::/7 fe80::/10",
			Allowed: "an IP address or a network such as 192.168.1.0/24",
			Help:    "Proxy whose X-Forwarded-For is believed."},
		{Section: typeMain, Name: "cors_origin", List: true, Allowed: "an origin such as https://player.example.org, with a port if it has one, or '*'",
			Help: "Origin of pages elsewhere that may publish and watch by WHIP and WHEP; '*' is any."},
		{Section: typeMain, Name: "access", Default: "lan", Cloud: "token", Allowed: "lan, token or open",
			Help: "Who may enter rooms that have no section of their own."},
		{Section: typeMain, Name: "max_rooms", Default: "100", Allowed: "a whole number from 0 (no limit) to 10000",
			Help: "How many rooms may be open at once; 0 is no limit."},
		{Section: typeMain, Name: "publish_limit", Default: "20000", Allowed: "a whole number from 0 (no limit) to 1000000",
			Help: "How many kbit/s are taken of each person or program that publishes; 0 is no limit."},
		{Section: typeMain, Name: "admin_password", Secret: true, Allowed: "8 to 128 characters that can be printed, or a hash as `umbrellad hash` prints it",
			Help: "What admins log in with; if not set, the first start makes one and shows it in the log."},
		{Section: typeMain, Name: "token_key", Allowed: allowedFile,
			Help: "PEM file of an Ed25519 public key, of somebody else who makes invitations; nobody becomes an admin by it."},
		{Section: typeMain, Name: "state_dir", Default: "/etc/umbrella", Cloud: "/var/lib/umbrella", Allowed: "the path of a directory",
			Help: "Directory of what the node itself writes, such as its CA."},
		{Section: typeMain, Name: "log_level", Default: "info", Allowed: "debug, info, warn or error",
			Help: "The least level that is logged."},

		{Section: TypeRoom, Name: "name", Allowed: allowedRoomName,
			Help: "Name of the room, as in its address; the section's name if not set."},
		{Section: TypeRoom, Name: "password", Secret: true, Allowed: "1 to 128 characters that can be printed, or a hash as `umbrellad hash` prints it",
			Help: "What people have to know to enter."},
		{Section: TypeRoom, Name: "access", Default: "lan", Allowed: "lan, password, token or open",
			Help: "Who may enter; 'password' if a password is set."},
		{Section: TypeRoom, Name: "max_participants", Default: "0", Allowed: "a whole number from 0 (no limit) to 10000",
			Help: "How many people may be in the room by this node; 0 is no limit."},

		{Section: TypeBackhaul, Name: "enabled", Default: "1", Allowed: allowedBool,
			Help: "Keep this trunk."},
		{Section: TypeBackhaul, Name: "url", URL: true,
			Allowed: "wss://HOST/PATH/wsb or ws://HOST/PATH/wsb, without user name, query and fragment",
			Help:    "Node to dial; without it, this node waits for a trunk that proves the secret."},
		{Section: TypeBackhaul, Name: "secret", Secret: true,
			Allowed: "16 to 256 characters that can be printed, without blanks",
			Help:    "What both ends of the trunk know."},
		{Section: TypeBackhaul, Name: "fingerprint", Allowed: "the SHA-256 of a certificate: 64 hexadecimal digits, with or without colons",
			Help: "SHA-256 of the other node's certificate, in place of a CA."},
		{Section: TypeBackhaul, Name: "ca", Allowed: allowedFile,
			Help: "PEM file of the CA that signed the other node's certificate; the system's CAs if not set."},
		{Section: TypeBackhaul, Name: "room", List: true, Allowed: allowedRoomName,
			Help: "Room that the trunk joins; all rooms if not set."},

		{Section: TypeCamera, Name: "enabled", Default: "1", Allowed: allowedBool,
			Help: "Use this camera."},
		{Section: TypeCamera, Name: "name", Allowed: allowedShown,
			Help: "Name to show; the section's name if not set."},
		{Section: TypeCamera, Name: "url", URL: true, Allowed: allowedRTSP,
			Help: "RTSP address of the main stream."},
		{Section: TypeCamera, Name: "substream", URL: true, Allowed: allowedRTSP,
			Help: "RTSP address of the same picture in a smaller size."},
		{Section: TypeCamera, Name: "onvif", Allowed: allowedONVIF,
			Help: "Where the camera's ONVIF is, for snapshots; looked for at the host of url if not set."},
		{Section: TypeCamera, Name: "transport", Default: "auto", Allowed: "auto, tcp or udp",
			Help: "How RTP comes from the camera."},
		{Section: TypeCamera, Name: "room", Default: DefaultRoom, Allowed: allowedRoomName,
			Help: "Room that the camera is in."},
		{Section: TypeCamera, Name: "audio", Default: "1", Allowed: allowedBool,
			Help: "Take the camera's audio, too."},
		{Section: TypeCamera, Name: "on_demand", Default: "1", Allowed: allowedBool,
			Help: "Connect to the camera only while somebody watches."},
	}
	for i, o := range options {
		switch {
		case o.Section == typeMain:
			options[i].Environment = variablePrefix + strings.ToUpper(o.Name)
		case o.Section == TypeBackhaul && o.Name != "enabled":
			options[i].Environment = variablePrefix + "BACKHAUL_" + strings.ToUpper(o.Name)
		}
	}
	return options
}

// shown returns value as a message may show it.
func (o Option) shown(value string) string {
	switch {
	case o.Secret:
		return "…"
	case o.URL:
		return RedactURL(value)
	}
	return value
}
