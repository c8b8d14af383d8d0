// Package ubus is a client of OpenWrt's bus, which ubusd carries: it publishes
// an object with methods, answers those who call it, sends events, and calls
// the objects of others. It also knows the Wi-Fi stations, which hostapd tells
// on the bus, and which of them an IP address belongs to.
//
// On the bus data are blobmsg: tables of named, typed values. Here they are
// whatever encoding/json can read and write, as they are for the command `ubus`:
// see Marshal and Unmarshal.
package ubus
