// Package rtsp makes regular what cameras send as RTSP (RFC 2326), before the RTSP
// library reads it.
//
// A Conn stands between the socket and the library. It reads what a camera sends as
// leniently as it can be understood, and hands on strict messages with the headers that
// are of use here. It answers the requests of a camera itself. Each rule says which
// camera or program it was seen with; nothing behind the Conn knows about them.
package rtsp
