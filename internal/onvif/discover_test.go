package onvif

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Answers to a probe in the words of several makers.
const (
	// gSOAP's prefixes, types of the device.
	matchGSOAP = `<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope" xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:wsdd="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:tdn="http://www.onvif.org/ver10/network/wsdl"><SOAP-ENV:Header><wsa:MessageID>urn:uuid:1</wsa:MessageID><wsa:RelatesTo>RELATES</wsa:RelatesTo><wsa:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</wsa:Action></SOAP-ENV:Header><SOAP-ENV:Body><wsdd:ProbeMatches><wsdd:ProbeMatch><wsa:EndpointReference><wsa:Address>ENDPOINT</wsa:Address></wsa:EndpointReference><wsdd:Types>TYPES</wsdd:Types><wsdd:Scopes>SCOPES</wsdd:Scopes><wsdd:XAddrs>XADDRS</wsdd:XAddrs><wsdd:MetadataVersion>1</wsdd:MetadataVersion></wsdd:ProbeMatch></wsdd:ProbeMatches></SOAP-ENV:Body></SOAP-ENV:Envelope>`
	// Default namespaces, and fields that others lack.
	matchDefault = `<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope"><env:Header><AppSequence xmlns="http://schemas.xmlsoap.org/ws/2005/04/discovery" InstanceId="1" MessageNumber="2"/></env:Header><env:Body><ProbeMatches xmlns="http://schemas.xmlsoap.org/ws/2005/04/discovery"><ProbeMatch><EndpointReference xmlns="http://schemas.xmlsoap.org/ws/2004/08/addressing"><Address>ENDPOINT</Address><ReferenceProperties/></EndpointReference><Types>
 TYPES
</Types><Scopes MatchBy="x">
 SCOPES
</Scopes><XAddrs>
 XADDRS
</XAddrs></ProbeMatch></ProbeMatches></env:Body></env:Envelope>`
	// No types, no end of the envelope's header, an id that relates to nothing.
	matchSparse = `<e:Envelope><e:Header><a:RelatesTo>uuid:00</a:RelatesTo></e:Header><e:Body><d:ProbeMatches><d:ProbeMatch><d:Scopes>SCOPES</d:Scopes><d:XAddrs>XADDRS</d:XAddrs></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>`
)

// TestDiscover finds cameras that answer on loopback, each once, and asks one.
func TestDiscover(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) }) // after the cameras have ended
	id := uuid()                                       // tests of another process may answer too
	start := func(c *camera) {
		c.serve(t, "127.0.0.1")
		c.listen(t, "lo", group4)
	}
	front := plain()
	front.match, front.endpoint, front.types, front.times = matchGSOAP, "urn:uuid:"+id+"-1", "tdn:NetworkVideoTransmitter", 3
	front.xaddrs = "http://HOST/onvif/device_service http://192.168.1.108/onvif/device_service"
	front.scopes = "onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/name/Front%20door%20%E9%97%A8 onvif://www.onvif.org/hardware/DS-2CD2042 " +
		"onvif://www.onvif.org/location/country/china onvif://www.onvif.org/location/city/hangzhou onvif://www.onvif.org/location/"
	start(front)
	back := plain()
	back.match, back.endpoint, back.types = matchDefault, "uuid:"+strings.ToUpper(id)+"-2", "dn:NetworkVideoTransmitter tds:Device"
	back.xaddrs, back.scopes = "http://8.8.8.8/onvif/device_service", "onvif://www.onvif.org/name/Back\x1b%1b[31m%zz"
	back.scopes = strings.ReplaceAll(back.scopes, "\x1b", "")
	start(back)
	sparse := plain()
	sparse.match, sparse.xaddrs, sparse.scopes = matchSparse, "http://HOST/onvif/device_service", "ONVIF onvif://www.onvif.org/Name/"+id
	start(sparse)
	for _, other := range []*camera{
		{match: matchGSOAP, endpoint: "urn:uuid:" + id + "-3", types: "wprt:PrintDeviceType", xaddrs: "http://127.0.0.1:5357/"},
		{match: matchGSOAP, endpoint: "urn:uuid:" + id + "-4", types: "tdn:NetworkVideoTransmitter"},
		{match: matchGSOAP, endpoint: "urn:uuid:" + id + "-5", types: "tdn:NetworkVideoTransmitter", xaddrs: "ftp://127.0.0.1/ :: javascript:1"},
		{match: "\x00garbage " + id},
		{match: strings.Repeat("<a>", 20_000)},
	} {
		other.listen(t, "lo", group4)
	}

	found, err := Discover(t.Context(), Options{Interfaces: []string{"lo"}, Wait: 1200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	mine := found[:0:0]
	for _, d := range found {
		if strings.Contains(d.Endpoint+d.Name, id) {
			mine = append(mine, d)
		}
	}
	slices.SortFunc(mine, func(a, b Device) int { return strings.Compare(a.Endpoint, b.Endpoint) })
	host := func(c *camera) string { return c.server.Listener.Addr().String() }
	want := []Device{
		{Name: id, Address: host(sparse), Services: []string{"http://" + host(sparse) + "/onvif/device_service"}, Interface: "lo", reach: reach{loopback: true, own: true}},
		{
			Endpoint: "urn:uuid:" + id + "-1", Address: host(front), Interface: "lo", reach: reach{loopback: true, own: true},
			Services: []string{"http://" + host(front) + "/onvif/device_service", "http://127.0.0.1/onvif/device_service"},
			Named:    "http://192.168.1.108/onvif/device_service",
			Name:     "Front door 门", Hardware: "DS-2CD2042", Location: "china, hangzhou",
		},
		{Endpoint: "urn:uuid:" + id + "-2", Address: "127.0.0.1", Services: []string{"http://127.0.0.1/onvif/device_service"}, Interface: "lo", Named: "http://8.8.8.8/onvif/device_service", Name: "Back%1b[31m%zz", reach: reach{loopback: true, own: true}},
	}
	if !reflect.DeepEqual(mine, want) {
		t.Fatalf("got  %+v\nwant %+v", mine, want)
	}
	profiles, err := mine[1].Streams(t.Context(), testLogin(testUser, testPassword))
	if err != nil || len(profiles) != 3 || profiles[0].URL != "rtsp://127.0.0.1:554/Streaming/Profile_1?transportmode=unicast&profile=Profile_1" {
		t.Errorf("%+v, %v", profiles, err)
	}
}

// TestDiscoverEnds with its context, and says where it cannot look.
func TestDiscoverEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Discover(ctx, Options{Interfaces: []string{"lo"}, Wait: time.Hour}); err != nil {
		t.Error(err)
	}
}

func TestChoose(t *testing.T) {
	prefixes := func(text ...string) (all []net.Addr) {
		for _, s := range text {
			p := netip.MustParsePrefix(s)
			all = append(all, &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())})
		}
		return all
	}
	for _, c := range []struct {
		addrs []net.Addr
		named bool
		want  string
	}{
		{prefixes("192.168.1.1/24", "fd00::1/64", "fe80::1/64"), false, "192.168.1.1 fe80::1"},
		{prefixes("203.0.113.1/24", "2001:db8::1/64", "fe80::1/64"), false, ""},
		{prefixes("203.0.113.1/24", "fe80::1/64"), true, "203.0.113.1 fe80::1"},
		{prefixes("203.0.113.1/24", "10.0.0.1/8", "10.1.0.1/16"), false, "10.0.0.1"},
		{prefixes("169.254.7.1/16"), false, "169.254.7.1"},
		{prefixes("fe80::1/64"), false, ""},
		{prefixes("2001:db8::1/64", "fd00::1/64", "fe80::1/64"), false, "fe80::1"},
		{prefixes("127.0.0.1/8", "::1/128"), true, "127.0.0.1"},
		{nil, true, ""},
	} {
		var got []string
		for _, p := range choose("x", c.addrs, c.named) {
			got = append(got, p.source.String())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%v, named %v: %v, want %s", c.addrs, c.named, got, c.want)
		}
	}
}

// TestGathering: who floods the network with answers fills no memory, and an
// answer by IPv4 is better than one by IPv6, whichever comes first.
func TestGathering(t *testing.T) {
	var g gathering
	for i := range 2 * maxDevices {
		g.add(answer{Device{Endpoint: fmt.Sprint("urn:", i)}, []ranked{{url: "http://10.0.0.1/"}}})
	}
	if n := len(g.devices()); n != maxDevices {
		t.Errorf("%d devices", n)
	}

	one := `<Envelope><Body><ProbeMatches>` + strings.Repeat(`<ProbeMatch><Types>NetworkVideo</Types><XAddrs>`+
		strings.Repeat("http://192.168.1.2/a ", 99)+`</XAddrs></ProbeMatch>`, 2*maxDevices) + `</ProbeMatches></Body></Envelope>`
	answers, err := parseMatches([]byte(one), netip.MustParseAddr("192.168.1.2"), "lan")
	if err != nil || len(answers) != maxDevices || len(answers[0].services) > maxServices {
		t.Errorf("%d answers, %v", len(answers), err)
	}

	six := []ranked{{"http://[fe80::1%25lan]/x", "[fe80::1%lan]", 1}}
	four := []ranked{{"http://192.168.1.2/x", "192.168.1.2", 0}, {"http://192.168.1.2:81/x", "192.168.1.2:81", 0}}
	for _, order := range [][]answer{
		{{Device{Endpoint: "a", Interface: "six", Name: "n"}, six}, {Device{Endpoint: "a", Interface: "four"}, four}},
		{{Device{Endpoint: "a", Interface: "four"}, four}, {Device{Endpoint: "a", Interface: "six", Name: "n"}, six}},
	} {
		var g gathering
		g.add(order[0])
		g.add(order[1])
		want := []Device{{Endpoint: "a", Interface: "four", Name: "n", Address: "192.168.1.2", Services: []string{four[0].url, four[1].url}}}
		if got := g.devices(); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v", got)
		}
	}

	// Another device that says that it is this one is listed beside it.
	g = gathering{}
	g.add(answer{Device{Endpoint: "a", Interface: "lan", Name: "camera"}, four})
	g.add(answer{Device{Endpoint: "a", Interface: "lan", Name: "rogue"}, []ranked{{"http://10.0.0.1/x", "10.0.0.1", 0}}})
	if got := g.devices(); len(got) != 2 || got[0].Name != "rogue" || got[1].Name != "camera" || len(got[1].Services) != 2 {
		t.Errorf("got %+v", got)
	}
}
