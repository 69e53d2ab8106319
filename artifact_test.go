package miniairflow_test

import (
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// matches walks down to a file as a worker does.
func matches(t *testing.T, pattern, file string) bool {
	t.Helper()
	p, err := miniairflow.ParseArtifactPath(pattern)
	require.NoError(t, err)
	state := p.Start()
	for part := range strings.SplitSeq(file, "/") {
		state = p.Step(state, part)
	}
	return p.IsMatch(state)
}

func TestArtifactPathMatches(t *testing.T) {
	for _, c := range []struct {
		pattern string
		yes, no string // files
	}{
		{"report.csv", "report.csv", "report.csvx out/report.csv .report.csv"},
		{"./out/", "out/a out/b/c", "out2 a/out .out"},
		{"*.csv", "a.csv b.csv d.csv/in", "a.txt out/a.csv .a.csv"},
		{".*.csv", ".a.csv", "a.csv"},
		{"out/*", "out/a out/b/c", "out2/a a out/.a out/b/.c"},
		{"**/*.csv", "a.csv out/a.csv out/b/c.csv", "a out/a.txt .git/a.csv out/.a.csv"},
		{"out/**", "out/a out/b/c", "a out/.git/config"},
		{"a/**/b/**/c", "a/b/c a/x/b/y/z/c a/b/b/c", "a/c b/c a/b"},
		{"**/**/**/**/x", "x a/x a/b/c/x", "a/b"},
		{"[a-c]?.txt", "b1.txt", "d1.txt b.txt"},
		{"größe/Ä*", "größe/Äpfel", "größe/äpfel"},
		{"$MINIAIRFLOW_SCRATCH/a", "a", "b"},
		{"${MINIAIRFLOW_RUN_DIR}/a/*.b", "a/c.b", "a/c"},
	} {
		for file := range strings.FieldsSeq(c.yes) {
			require.True(t, matches(t, c.pattern, file), "%s should match %s", c.pattern, file)
		}
		for file := range strings.FieldsSeq(c.no) {
			require.False(t, matches(t, c.pattern, file), "%s should not match %s", c.pattern, file)
		}
	}
}

func TestArtifactPathGoesOnWithOneName(t *testing.T) {
	p, err := miniairflow.ParseArtifactPath("out/*/x")
	require.NoError(t, err)
	name, ok := p.Only(p.Start())
	require.True(t, ok)
	require.Equal(t, "out", name)
	_, ok = p.Only(p.Step(p.Start(), "out"))
	require.False(t, ok, "any folder")
	require.False(t, p.IsPlain())
}

// What is taken for a name is a path that stays below any folder, on one line.
func TestCheckArtifactName(t *testing.T) {
	for _, name := range []string{"a", "a/b.csv", "ünïcode/名前", " ", "-rf", "a b", "...", "c:", strings.Repeat("x", 255)} {
		require.NoError(t, miniairflow.CheckArtifactName(name), name)
		require.Equal(t, name, path.Clean(name))
	}
	for _, name := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/.", "a\nb", "a\x00", "a\x7f", "\u0085", "\xff", `a\b`, `..\a`,
		strings.Repeat("x", 256), strings.Repeat("a/", 60) + "b", strings.Repeat("abcdefghijklmno/", 70) + "x",
	} {
		require.Error(t, miniairflow.CheckArtifactName(name), "%q", name)
	}
}

func TestArtifactsAreThoseOfTheLastSuccess(t *testing.T) {
	attempts := func(states ...miniairflow.AttemptStatus) (list []*miniairflow.TaskAttempt) {
		for i, state := range states {
			list = append(list, &miniairflow.TaskAttempt{Number: i + 1, Status: state})
		}
		return list
	}
	const success, failed, lost, running = miniairflow.AttemptSuccess, miniairflow.AttemptFailed, miniairflow.AttemptLost, miniairflow.AttemptRunning
	for _, c := range []struct {
		seq    int
		status miniairflow.TaskStatus
		want   int
		states []miniairflow.AttemptStatus
	}{
		{0, miniairflow.TaskRunning, 0, []miniairflow.AttemptStatus{failed, lost, running}},
		{0, miniairflow.TaskRunning, 2, []miniairflow.AttemptStatus{success, success, lost, running}},
		{0, miniairflow.TaskSuccess, 3, []miniairflow.AttemptStatus{success, lost, success}},
		{miniairflow.FirstItem, miniairflow.TaskSuccess, 3, []miniairflow.AttemptStatus{success, lost, success}},
		// The first attempt may have been one of another item.
		{miniairflow.FirstItem, miniairflow.TaskRunning, 0, []miniairflow.AttemptStatus{success, running}},
		{miniairflow.FirstItem, miniairflow.TaskFailed, 0, []miniairflow.AttemptStatus{success, failed}},
		{miniairflow.FirstItem, miniairflow.TaskSkipped, 0, []miniairflow.AttemptStatus{success}},
	} {
		require.Equal(t, c.want, miniairflow.ArtifactAttempt(c.seq, c.status, attempts(c.states...)), c)
	}
}

// The key of an item names the folder of its artifacts.
func TestCheckItemFolders(t *testing.T) {
	require.NoError(t, miniairflow.CheckItemFolders([]miniairflow.Item{{Key: "0"}, {Key: "eu west"}, {Key: "größe[1]"}, {Key: ".x"}}))
	for _, key := range []string{"", "a/b", "/", "..", ".", `a\b`, "\xff", strings.Repeat("ü", 128)} {
		err := miniairflow.CheckItemFolders([]miniairflow.Item{{Key: "fine"}, {Index: 1, Key: key}})
		require.Equal(t, miniairflow.CodeInvalid, miniairflow.ErrorCode(err), key)
		require.ErrorContains(t, err, "key of item 1 is ")
	}
	for _, key := range []string{"0", "a]b", "[x", "a[b]"} {
		require.Equal(t, key, miniairflow.ItemKey("per_file", miniairflow.ItemName("per_file", key)))
	}
	for _, name := range []string{"per_file", "per_file2[x]", "per_file[x", ""} {
		require.Empty(t, miniairflow.ItemKey("per_file", name))
	}
}
