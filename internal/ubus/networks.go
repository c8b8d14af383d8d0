package ubus

import (
	"context"
	"fmt"
)

// Networks asks netifd for its networks, as /etc/config/network names them, and returns
// the devices on which each has its addresses. The error is that of Invoke.
func (c *Client) Networks(ctx context.Context) (map[string][]string, error) {
	var dump struct {
		Interfaces []struct {
			Name   string `json:"interface"`
			Device string `json:"device"`    // that it is made on; absent while it is down
			L3     string `json:"l3_device"` // that has its addresses, such as pppoe-wan
		} `json:"interface"`
	}
	if err := c.Invoke(ctx, "network.interface", "dump", nil, &dump); err != nil {
		return nil, fmt.Errorf("networks: %w", err)
	}
	devices := map[string][]string{}
	for _, i := range dump.Interfaces {
		for _, d := range []string{i.L3, i.Device} {
			if d != "" {
				devices[i.Name] = append(devices[i.Name], d)
				break
			}
		}
	}
	return devices, nil
}
