package ubus

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
)

// What netifd answers of a router with PPPoE, in the form that 24.10 has it.
const dump = `{"interface":[
	{"interface":"lan","up":true,"l3_device":"br-lan","device":"br-lan","ipv4-address":[{"address":"192.168.1.1","mask":24}]},
	{"interface":"wan","up":true,"l3_device":"pppoe-wan","device":"eth1","proto":"pppoe"},
	{"interface":"guest","up":false,"available":true,"device":"br-guest"},
	{"interface":"modem","up":false,"available":false}
]}`

func TestNetworks(t *testing.T) {
	path := socketPath(t)
	b := startBus(t, path)
	startClient(t, &Client{Path: path, Object: "network.interface", Methods: map[string]Method{
		"dump": {Handler: func(context.Context, *Call) (any, error) { return json.RawMessage(dump), nil }},
	}})
	waitFor(t, "netifd", func() bool { return b.published("network.interface") })
	c := &Client{Path: path}
	if _, err := c.Networks(t.Context()); !errors.Is(err, ErrNotConnected) {
		t.Errorf("without a bus: %v", err)
	}
	startClient(t, c)
	waitFor(t, "the connection", c.Connected)
	got, err := c.Networks(t.Context())
	want := map[string][]string{"lan": {"br-lan"}, "wan": {"pppoe-wan"}, "guest": {"br-guest"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}
