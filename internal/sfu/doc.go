// Package sfu holds rooms, and in them participants who publish tracks and
// subscribe to those of others. It knows no transport: a browser, a WHIP
// publisher, a camera and a trunk are all participants to it.
package sfu
