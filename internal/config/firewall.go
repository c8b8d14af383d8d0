package config

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Zone is a zone of OpenWrt's firewall.
type Zone struct {
	Name string
	// Networks are interfaces by their names in /etc/config/network, Devices those by
	// the kernel's names.
	Networks, Devices []string
	// Open is a zone from which every port of this machine is reached anyway.
	Open bool
}

// Zones reads the zones of the firewall from the UCI package `firewall` in dir. known is
// false where there is none, as on other systems than OpenWrt, or none that can be read.
func Zones(dir string) (zones []Zone, known bool) {
	text, err := Read(filepath.Join(dir, "firewall"))
	if err != nil || strings.IndexByte(text, 0) >= 0 {
		return nil, false
	}
	statements, problems := parseSyntax("", text)
	if len(problems) > 0 {
		return nil, false
	}
	const accept = "ACCEPT"
	usual, kind := "REJECT", ""
	inputs := map[int]string{} // by the index of the zone
	for _, st := range statements {
		switch {
		case st.keyword == "config":
			if kind = st.words[0]; kind == "zone" && len(zones) < maxSections {
				zones = append(zones, Zone{})
			}
		case st.keyword == "package" || len(st.words) < 2:
		case kind == "defaults" && st.words[0] == "input":
			usual = st.words[1]
		case kind == "zone":
			zone, value := &zones[len(zones)-1], st.words[1]
			switch st.words[0] {
			case "name":
				zone.Name = value
			case "network":
				zone.Networks = append(zone.Networks, strings.Fields(value)...)
			case "device":
				zone.Devices = append(zone.Devices, strings.Fields(value)...)
			case "input":
				inputs[len(zones)-1] = value
			}
		}
	}
	for i := range zones {
		zones[i].Open = strings.EqualFold(cmp.Or(inputs[i], usual), accept)
	}
	return slices.DeleteFunc(zones, func(z Zone) bool { return z.Name == "" }), true
}

// zones warns of zones from which nobody can come, since the firewall does not know
// them or they have no network.
func (l *loader) zones(s *section, m Main) {
	zones, known := Zones(l.dir)
	if !known {
		return
	}
	var names []string
	for _, z := range zones {
		names = append(names, z.Name)
	}
	for _, name := range m.Zones {
		option := "zone"
		if name == zoneWAN && m.WAN && !slices.Contains(s.words("zone"), zoneWAN) {
			option = "wan"
		}
		i := slices.IndexFunc(zones, func(z Zone) bool { return z.Name == name })
		switch {
		case i < 0:
			l.warn(s, option, fmt.Sprintf("lets nobody in from the zone %s: the firewall has none of that name, %s", quoted(name), suggestion(name, names)))
		case len(zones[i].Networks) == 0 && len(zones[i].Devices) == 0:
			l.warn(s, option, fmt.Sprintf("lets nobody in from the zone %s: it has no network, see /etc/config/firewall", quoted(name)))
		}
	}
}

// words returns the values of an option that takes a list.
func (s *section) words(option string) []string {
	return strings.Fields(strings.Join(s.entries[option].values, " "))
}

// zoneWAN is the zone of the Internet.
const zoneWAN = "wan"

// parseZone takes names of firewall zones.
func parseZone(s string) (string, bool) {
	for _, c := range []byte(s) {
		if !isAlphanumeric(c) && c != '_' && c != '-' {
			return "", false
		}
	}
	return s, s != "" && len(s) <= 32
}
