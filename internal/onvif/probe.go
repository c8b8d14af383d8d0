package onvif

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

const (
	nsDiscovery  = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
	nsAddressing = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
)

// probeTypes are what is asked for, each by a message of its own: most cameras
// answer to the first, some only to the second.
var probeTypes = [...]struct{ prefix, namespace, name string }{
	{"dn", "http://www.onvif.org/ver10/network/wsdl", "NetworkVideoTransmitter"},
	{"tds", nsDevice, "Device"},
}

// probes are the messages to send. They keep their ids when they are sent again,
// so that a device answers only once.
func probes() [][]byte {
	var all [][]byte
	for _, t := range probeTypes {
		all = append(all, fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>`+
			`<s:Envelope xmlns:s="%s" xmlns:a="%s" xmlns:d="%s"><s:Header>`+
			`<a:Action s:mustUnderstand="1">%s/Probe</a:Action>`+
			`<a:MessageID>uuid:%s</a:MessageID>`+
			`<a:ReplyTo><a:Address>%s/role/anonymous</a:Address></a:ReplyTo>`+
			`<a:To s:mustUnderstand="1">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>`+
			`</s:Header><s:Body><d:Probe><d:Types xmlns:%s="%s">%s:%s</d:Types></d:Probe></s:Body></s:Envelope>`,
			nsEnvelope, nsAddressing, nsDiscovery, nsDiscovery, uuid(), nsAddressing,
			t.prefix, t.namespace, t.prefix, t.name))
	}
	return all
}

// uuid is a random one (RFC 9562, version 4).
func uuid() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// matches is the body of an answer to a probe.
type matches struct {
	Match few[match] `xml:"ProbeMatch"`
}

type match struct {
	Endpoint string `xml:"EndpointReference>Address"`
	Types    string `xml:"Types"`
	Scopes   string `xml:"Scopes"`
	XAddrs   string `xml:"XAddrs"`
}

// answer is a device as one datagram told of it.
type answer struct {
	device   Device
	services []ranked
}

// parseMatches reads an answer to a probe. What it relates to is not looked at:
// some cameras echo the id wrongly, and who could forge an answer on the local
// network has heard the probe too.
func parseMatches(datagram []byte, from netip.Addr, name string) ([]answer, error) {
	var found matches
	if err := decode(datagram, &found); err != nil {
		return nil, err
	}
	var all []answer
	for _, m := range found.Match {
		// Printers and computers speak WS-Discovery too, and some answer to any probe.
		if !strings.Contains(m.Types, "NetworkVideo") && !strings.Contains(m.Scopes, "onvif://") {
			continue
		}
		a := answer{device: Device{Endpoint: endpoint(m.Endpoint), Interface: name, reach: reachFrom(from)}}
		a.services, a.device.Named = services(first(strings.Fields(m.XAddrs), 8), from)
		if len(a.services) == 0 {
			continue
		}
		a.device.scopes(first(strings.Fields(m.Scopes), 64))
		if all = append(all, a); len(all) == maxDevices {
			break
		}
	}
	return all, nil
}

func first[T any](all []T, most int) []T { return all[:min(len(all), most)] }

// endpoint is an endpoint reference in one spelling, or empty where it cannot
// tell devices apart.
func endpoint(text string) string {
	id := strings.ToLower(clean(text))
	bare := id
	for _, prefix := range []string{"urn:", "uuid:"} {
		bare = strings.TrimPrefix(bare, prefix)
	}
	if strings.Trim(bare, "0-") == "" {
		return ""
	}
	if strings.HasPrefix(id, "uuid:") {
		id = "urn:" + id
	}
	return id
}

// scopes takes what the scopes tell to people.
func (d *Device) scopes(scopes []string) {
	for _, s := range scopes {
		_, path, found := strings.Cut(s, "onvif://www.onvif.org/")
		kind, value, _ := strings.Cut(path, "/")
		if !found || value == "" {
			continue
		}
		if plain, err := url.PathUnescape(value); err == nil {
			value = plain
		}
		value = clean(value)
		switch strings.ToLower(kind) {
		case "name":
			d.Name = value
		case "hardware":
			d.Hardware = value
		case "location":
			// "country/china", "city/hangzhou", or only the place.
			value = value[strings.LastIndexByte(value, '/')+1:]
			if d.Location != "" && value != "" {
				value = ", " + value
			}
			d.Location = clean(d.Location + value)
		}
	}
}
