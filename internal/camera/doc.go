// Package camera brings security cameras into rooms: it takes RTSP (RFC 2326)
// in and publishes what comes as tracks that browsers play.
//
// A [Manager] has one Camera for each section of the settings, and a camera one
// feed for each of its URLs: `url` and `substream` are two layers of one track.
// A feed connects when somebody watches (or always, as it is set), describes
// the camera, and sends pictures and sound through package nal and package
// sound into the layers. What goes wrong is told in words, with what to do, and
// never with a password.
package camera
