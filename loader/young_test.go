package loader

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A file that never comes to rest is told of once, however often it is looked at.
func TestFileThatIsBeingWrittenAllTheTime(t *testing.T) {
	var log bytes.Buffer
	p := &plan{loader: New(Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}), named: map[string]bool{}}
	told := func() int { return strings.Count(log.String(), "being written all the time") }
	start := time.Now()
	p.wait(t.Context(), start, []string{"a.yaml", "b.yaml"})
	p.wait(t.Context(), start.Add(youngMax), []string{"a.yaml"})
	require.Zero(t, told())
	require.True(t, p.named["a.yaml"], "it is looked at again")
	for i := range 3 {
		p.wait(t.Context(), start.Add(youngMax+time.Duration(i+1)*time.Second), []string{"a.yaml", "b.yaml"})
	}
	require.Equal(t, 1, told(), "b.yaml had come to rest")
	p.wait(t.Context(), start.Add(2*youngMax+3*time.Second), []string{"a.yaml", "b.yaml"})
	require.Equal(t, 2, told(), "b.yaml, too")
}
