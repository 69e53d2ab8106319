package loader

import "github.com/sauravritesh63/miniairflow"

// Wait returns when the look is over.
func (p *Preview) Wait() { <-p.done }

// Read returns the files that the look has read, which is over.
func (p *Preview) Read() (paths []string) {
	for _, file := range p.found.files {
		if file.ahead.hash != "" {
			paths = append(paths, file.path)
		}
	}
	return paths
}

// Age makes the look too old to be of use.
func (p *Preview) Age() { p.ended = p.ended.Add(-2 * previewAge) }

// ParseTemplate checks a template by itself.
func ParseTemplate(name string, data []byte, limits Limits) []miniairflow.ImportError {
	return nothingAround().readTemplate(name, data, limits)
}
