package node

import (
	"net"
	"net/http"
	"net/netip"

	"umbrella/internal/access"
	"umbrella/internal/config"
	"umbrella/internal/rtc"
	"umbrella/internal/turn"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// startRelay makes the relay, which lasts as long as the node: whether it is used
// is for the settings to say.
func (n *Node) startRelay() error {
	n.relay = &turn.Relay{
		Media: func() (int, []netip.Addr) {
			e := n.engine.Load()
			return e.MediaPort, e.Addresses()
		},
		Shared: n.gate.Shared, Log: n.Log, Logs: rtc.PionLogs(n.Log),
	}
	return n.relay.Start()
}

// relayOf is what takes connections that speak TURN; nil if the settings want none.
func (n *Node) relayOf(cfg *config.Config) func(net.Conn) {
	if !cfg.Main.TURN {
		return nil
	}
	return n.relay.Serve
}

// iceServers tells whoever sent the request, and was let in, where the relay is.
func (n *Node) iceServers(r *http.Request) []*umbrellav1.IceServer {
	m := n.cfg.Load().Main
	if !m.TURN {
		return nil
	}
	urls := m.TURNURL
	if len(urls) == 0 {
		u := turnURL(r)
		if u == "" {
			return nil
		}
		urls = []string{u}
	}
	user, password := n.relay.Credentials(n.gate.Origin(r))
	return []*umbrellav1.IceServer{{Urls: urls, Username: user, Credential: password}}
}

// turnURL is where the relay is reached as the web server was: on its port. It is
// empty where a proxy stands between, which does not take TURN.
func turnURL(r *http.Request) string {
	if !access.Secure(r.Context()) || access.ViaProxy(r) {
		return ""
	}
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = r.Host, "443"
		if l := len(host); l > 2 && host[0] == '[' && host[l-1] == ']' {
			host = host[1 : l-1]
		}
	}
	return config.TURNURL(net.JoinHostPort(host, port))
}
