package loader

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLongLooksAtAllFilesAreRare(t *testing.T) {
	for _, c := range []struct {
		took, want time.Duration
		toldAll    bool
	}{
		{took: time.Millisecond, toldAll: true, want: 30 * time.Second},
		{took: 30 * time.Millisecond, toldAll: true, want: time.Minute},
		{took: time.Hour, toldAll: true, want: 2 * time.Minute},
		{took: time.Hour, toldAll: false, want: 30 * time.Second},
	} {
		require.Equal(t, c.want, rescanAfter(c.took, 30*time.Second, c.toldAll), "%+v", c)
	}
}
