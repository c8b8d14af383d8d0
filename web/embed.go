// Package web holds the built web client.
package web

import "embed"

// Dist is the build of the client, below "dist/". Text files stand there only
// gzipped, as NAME.gz. A checkout in which the client was never built has an
// empty one.
//
//go:embed all:dist
var Dist embed.FS
