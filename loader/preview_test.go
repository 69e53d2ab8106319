package loader_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/loader"
)

// preview returns a loader whose first look at the files has begun, and is over.
func (f *fixture) preview(ctx context.Context, change ...func(*loader.Config)) *loader.Preview {
	f.Helper()
	var p *loader.Preview
	f.loader = f.newLoader(func(c *loader.Config) {
		c.Version = "1"
		for _, change := range change {
			change(c)
		}
		p = loader.NewPreview(ctx, *c)
		c.Preview = p
	})
	f.Cleanup(p.Stop)
	p.Wait()
	return p
}

// A first look that came before the store spares a look into what is as it was, and
// hides no change that comes behind it.
func TestPreviewIsTheFirstLook(t *testing.T) {
	f := newFixture(t, func(c *loader.Config) { c.Version = "1" })
	for _, name := range []string{"a.yaml", "b.yaml", "c.yaml"} {
		f.write(name, echo("1"))
		f.date(name, -time.Hour)
	}
	require.Equal(t, 3, f.sync().Parsed)
	f.write("a.yaml", echo("2"))
	f.date("a.yaml", -time.Minute)

	p := f.preview(t.Context())
	require.ElementsMatch(t, []string{"a.yaml", "b.yaml", "c.yaml"}, p.Read())
	f.write("b.yaml", echo("2"))
	report := f.sync()
	require.Equal(t, []string{"a"}, report.Updated)
	require.Equal(t, 3, report.Files)
	require.Equal(t, []string{"b"}, f.sync().Updated, "it was changed after the look")
	require.Zero(t, f.sync().Parsed)
}

// A file counts as it is when there is a store: one that is written to since the look
// may not be whole, and one that is gone has no problem.
func TestPreviewDoesNotMakeAFileLookOlder(t *testing.T) {
	f := newFixture(t, func(c *loader.Config) { c.Version = "1" })
	for _, name := range []string{"a.yaml", "b.yaml", "c.yaml"} {
		f.write(name, echo("1"))
		f.date(name, -24*time.Hour)
	}
	f.sync()
	for _, name := range []string{"a.yaml", "b.yaml", "c.yaml"} {
		f.write(name, echo("2"))
		f.date(name, -24*time.Hour)
	}
	f.preview(t.Context(), func(c *loader.Config) { c.Debounce, c.NoWatch, c.Rescan = time.Hour, true, time.Hour })
	f.write("a.yaml", "tasks: {a: {comm")
	f.remove("b.yaml")
	f.run(f.loader)
	f.version("c", 2)
	require.Empty(t, f.importErrors())
	require.Equal(t, 1, f.workflow("a").VersionNumber)
}

// A preview that is stopped, or too old by the time there is a store, costs nothing
// but time.
func TestPreviewThatIsOfNoUse(t *testing.T) {
	f := newFixture(t, func(c *loader.Config) { c.Version = "1" })
	f.write("a.yaml", echo("1"))
	f.sync()
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	require.Empty(t, f.preview(stopped).Read())
	require.Zero(t, f.sync().Parsed)

	f.date("a.yaml", -time.Hour)
	p := f.preview(t.Context())
	require.Equal(t, []string{"a.yaml"}, p.Read())
	p.Age()
	f.write("a.yaml", echo("2"))
	require.Equal(t, []string{"a"}, f.sync().Updated, "the first pass has looked by itself")
}
