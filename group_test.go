package miniairflow_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// grouped returns a definition of noops from lines such as "b load: a, c": a task,
// its group if it has one, and what it depends on. Lines that begin with # are groups.
func grouped(lines ...string) *miniairflow.Definition {
	d := &miniairflow.Definition{Name: "w", IsActive: true, MaxActiveRuns: 1, MaxActiveTasks: 16}
	for _, line := range lines {
		head, list, _ := strings.Cut(line, ":")
		words := strings.Fields(head)
		var ups []string
		for _, up := range strings.Split(list, ",") {
			if up = strings.TrimSpace(up); up != "" {
				ups = append(ups, up)
			}
		}
		if words[0] == "#" {
			d.Groups = append(d.Groups, miniairflow.Group{Name: words[1], DependsOn: ups})
			continue
		}
		t := miniairflow.Task{
			Name: words[0], DependsOn: ups, TriggerRule: miniairflow.AllSuccess, Queue: miniairflow.QueueDefault,
			Priority: miniairflow.PriorityNormal, Noop: true,
		}
		if len(words) > 1 {
			t.Group = words[1]
		}
		t.Finally = strings.HasSuffix(t.Group, "_end")
		d.Tasks = append(d.Tasks, t)
	}
	return d
}

// edges returns the dependencies of d in the form of grouped.
func edges(d *miniairflow.Definition) (list []string) {
	for i := range d.Tasks {
		if len(d.Tasks[i].DependsOn) > 0 {
			list = append(list, d.Tasks[i].Name+": "+strings.Join(d.Tasks[i].DependsOn, ", "))
		}
	}
	return list
}

func TestExpandGroups(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		want  []string
	}{
		{"none", []string{"a", "b: a"}, []string{"b: a"}},
		{"last and first tasks", []string{"# load: start", "start", "x load", "y load: x", "z load: x", "end: load"}, []string{"x: start", "y: x", "z: x", "end: y, z"}},
		{"one task", []string{"# load", "x load", "end: load"}, []string{"end: x"}},
		{"group after group", []string{"# a", "# b: a", "x a", "y a", "p b", "q b: p"}, []string{"p: x, y", "q: p"}},
		{"in the order of the file", []string{"# a", "first", "x a", "end: first, a, more", "more"}, []string{"end: first, x, more"}},
		{"named twice over", []string{"# a", "x a", "y a", "end: a, x"}, []string{"end: y, x"}},
		{"has it already", []string{"# a: start", "start", "x a: start", "y a: other", "other"}, []string{"x: start", "y: other, start"}},
		{"through a task that is in none", []string{"# a", "x a", "out: x", "y a: out", "end: a"}, []string{"out: x", "y: out", "end: x, y"}},
		{"of finally", []string{"# all_end", "main", "x all_end", "y all_end: x"}, []string{"y: x"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := grouped(tt.lines...)
			origins, problems := d.ExpandGroups()
			require.Empty(t, problems)
			require.Equal(t, tt.want, edges(d))
			require.Empty(t, d.Validate())
			for i, paths := range origins {
				require.Len(t, paths, len(d.Tasks[i].DependsOn))
			}
			hash := d.Hash()
			_, problems = d.ExpandGroups()
			require.Empty(t, problems)
			require.Equal(t, hash, d.Hash(), "a second call changes nothing")
		})
	}
}

// A problem of an expanded dependency is placed where the file has the group.
func TestExpandGroups_Origins(t *testing.T) {
	d := grouped("# a", "# b: start, a", "start", "x a", "y a", "z b: start, x", "end: start, a")
	origins, problems := d.ExpandGroups()
	require.Empty(t, problems)
	require.Equal(t, []string{"end: start, x, y", "z: start, x, y"}, []string{edges(d)[1], edges(d)[0]})
	require.Equal(t, map[int][][]string{
		3: {{"tasks", "z", "depends_on", "0"}, {"tasks", "z", "depends_on", "1"}, {"groups", "b", "depends_on", "1"}},
		4: {{"tasks", "end", "depends_on", "0"}, {"tasks", "end", "depends_on", "1"}, {"tasks", "end", "depends_on", "1"}},
	}, origins)
}

func TestExpandGroups_Problems(t *testing.T) {
	for want, lines := range map[string][]string{
		`tasks x depends_on 0: task "x" is in group "a" and cannot wait for all of it: name the tasks of the group that it depends on`: {"# a", "x a: a"},
		`tasks end depends_on 1: task "end" depends on "a" twice: remove one`:                                                          {"# a", "x a", "end: a, a"},
	} {
		_, problems := grouped(lines...).ExpandGroups()
		require.Len(t, problems, 1)
		require.Equal(t, want, strings.Join(problems[0].Path, " ")+": "+problems[0].Message)
	}
	lines := []string{"# a", "# b: a"}
	for i := range 400 {
		lines = append(lines, fmt.Sprintf("x%d a", i), fmt.Sprintf("y%d b", i))
	}
	d := grouped(lines...)
	_, problems := d.ExpandGroups()
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Message, "put one task with noop: true between large groups")
	require.Empty(t, edges(d), "nothing is expanded by halves")
}

func TestValidateFindsProblemsOfGroups(t *testing.T) {
	for want, lines := range map[string][]string{
		`tasks x group: task "x" is in group "a", but the workflow has no groups: add ` + "`groups: {a: {}}`":                        {"x a"},
		`tasks x group: task "x" is in unknown group "laod": the groups are load; did you mean "load"?`:                              {"# load", "x laod", "y load"},
		`groups a: group "a" has no tasks: write ` + "`group: a`" + ` in each of its tasks, or remove it`:                            {"# a", "x"},
		`groups x: group "x" has the name of a task: rename one of them, since depends_on may name both`:                             {"# x", "x x"},
		`groups 1st: group name "1st" is not valid: up to 128 letters, digits, _ and -, starting with a letter or _`:                 {"# 1st", "x 1st"},
		`groups a depends_on 0: group "a" depends on itself: remove it`:                                                              {"# a: a", "x a"},
		`groups a depends_on 1: group "a" depends on "y" twice: remove one`:                                                          {"# a: y, y", "x a", "y"},
		`groups a depends_on 0: group "a" depends on its own task "x": tasks of a group wait for each other by their own depends_on`: {"# a: x", "x a"},
		`groups a depends_on 0: group "a" depends on unknown task or group "extrct"; did you mean "extract"?`:                        {"# a: extrct", "x a", "extract"},
		`tasks end depends_on 0: task "end" depends on unknown task "laod"; did you mean "load"?`:                                    {"# load", "x load", "end: laod"},
		`tasks x depends_on: tasks wait for each other: x (group a) → y (group b) → x (group a); take one of these dependencies out`: {"# a: b", "# b: a", "x a", "y b"},
	} {
		d := grouped(lines...)
		_, problems := d.ExpandGroups()
		require.Empty(t, problems)
		problems = d.Validate()
		require.Len(t, problems, 1, "%s: %v", want, problems)
		require.Equal(t, want, strings.Join(problems[0].Path, " ")+": "+problems[0].Message)
	}
	d := grouped("# a_end", "main a_end", "x a_end")
	d.Tasks[0].Finally = false
	require.Contains(t, d.Validate()[0].Message, "give those of finally a group of their own")
}
