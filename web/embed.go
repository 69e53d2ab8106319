// Package web is the page: a React application that Vite builds into dist/,
// embedded here and served under /ui/.
package web

import (
	"embed"
	"io/fs"
)

// dist holds what `npm run build` wrote, or only .gitkeep in a checkout where
// the page was not built.
//
//go:embed all:dist
var dist embed.FS

// Assets returns the built page: index.html, playground.html and assets/, whose
// names carry a hash of their content. Text files have a .gz copy beside them.
// The HTML names its assets by absolute paths under /ui/. It reports false when
// the page was not built into this binary.
func Assets() (fs.FS, bool) {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, false
	}
	if _, err := fs.Stat(sub, "index.html"); err != nil {
		return nil, false
	}
	return sub, true
}
