package loader

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLongLooksAtAllFilesAreRare(t *testing.T) {
	for _, c := range []struct {
		took, want time.Duration
		isWatched  bool
	}{
		{took: time.Millisecond, isWatched: true, want: 30 * time.Second},
		{took: 30 * time.Millisecond, isWatched: true, want: time.Minute},
		{took: time.Hour, isWatched: true, want: 2 * time.Minute},
		{took: time.Hour, isWatched: false, want: 30 * time.Second},
	} {
		require.Equal(t, c.want, rescanAfter(c.took, 30*time.Second, c.isWatched), "%+v", c)
	}
}
