package dialect

import "github.com/sauravritesh63/miniairflow"

// LogPart is what one call of AppendLog stores.
type LogPart struct {
	Key    miniairflow.AttemptKey
	Chunks []miniairflow.LogChunk
}

// Size returns how many bytes the chunks have.
func (p LogPart) Size() int {
	size := 0
	for _, c := range p.Chunks {
		size += len(c.Data)
	}
	return size
}
