package chaos

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The judge finds what it is there for.
func TestJudge(t *testing.T) {
	narrow := func(what string) (lines string) {
		for i := range poolSlots + 1 {
			lines += fmt.Sprintf("r1 %s%d 1 %s\n", poolTask, i, what)
		}
		return lines
	}
	one, pay, call := taskKey{"r1", "a"}, taskKey{"r1", "pay"}, taskKey{"r1", childTask}
	success := taskRow{key: one, status: "success"}
	for name, c := range map[string]struct {
		lines    string
		tasks    []taskRow
		attempts []attemptRow
		keys     []string
		children int // of call
		wrong    string
	}{
		"all is well": {
			lines: "r1 a 1 start\nr1 a 1 alive\nr1 a 2 start\nr1 a 2 end\n",
			tasks: []taskRow{success}, attempts: []attemptRow{attempt(one, 1, "lost"), attempt(one, 2, "success")},
		},
		"two attempts at a time": {
			lines: "r1 a 1 start\nr1 a 2 start\nr1 a 1 alive\nr1 a 2 end\n",
			tasks: []taskRow{success}, attempts: []attemptRow{attempt(one, 1, "lost"), attempt(one, 2, "success")},
			wrong: "task a of run r1: attempt 1 lived on line 3, when attempt 2 had begun on line 2",
		},
		"an item is missing": {
			lines:    "r1 items[0] 1 start\nr1 items[0] 1 end\n",
			tasks:    []taskRow{{key: taskKey{"r1", itemsTask}, status: "success"}, {key: taskKey{"r1", "items[0]"}, status: "success"}},
			attempts: []attemptRow{attempt(taskKey{"r1", "items[0]"}, 1, "success")},
			wrong:    "item 5 of run r1 is missing",
		},
		"a second child run": {
			tasks: []taskRow{{key: call, status: "success"}}, attempts: []attemptRow{attempt(call, 1, "lost"), attempt(call, 2, "success")},
			children: 2, wrong: "task wait_for_run of run r1 has 2 child runs, and was opened again 0 times",
		},
		"one child run": {
			tasks: []taskRow{{key: call, status: "success"}}, attempts: []attemptRow{attempt(call, 1, "lost"), attempt(call, 2, "success")}, children: 1,
		},
		"a success that never was": {
			tasks: []taskRow{success}, attempts: []attemptRow{attempt(one, 1, "success")},
			wrong: "task a of run r1: attempt 1 is a success, and the witness has not seen it",
		},
		"a success without an attempt": {
			tasks: []taskRow{success}, wrong: "task a of run r1: is a success without a successful attempt",
		},
		"done twice": {
			lines: "r1 a 1 start\nr1 a 1 end\nr1 a 2 start\nr1 a 2 end\n",
			tasks: []taskRow{success}, attempts: []attemptRow{attempt(one, 1, "success"), attempt(one, 2, "success")},
			wrong: "task a of run r1: has 2 successes",
		},
		"done again after its success": {
			lines: "r1 a 1 start\nr1 a 1 end\nr1 a 2 start\n",
			tasks: []taskRow{success}, attempts: []attemptRow{attempt(one, 1, "success"), attempt(one, 2, "lost")},
			wrong: "task a of run r1: attempt 2 ran after the success of attempt 1",
		},
		"one attempt started twice": {
			lines: "r1 a 1 start\nr1 a 1 start\nr1 a 1 end\n",
			tasks: []taskRow{success}, attempts: []attemptRow{attempt(one, 1, "success")},
			wrong: "task a of run r1: attempt 1 started 2 times",
		},
		"an attempt that nobody knows": {
			lines: "r1 a 1 start\nr1 a 1 end\nr1 a 2 start\n",
			tasks: []taskRow{success}, attempts: []attemptRow{attempt(one, 1, "success")},
			wrong: "task a of run r1: attempt 2 ran, and the database does not know of it",
		},
		"a run that nobody knows": {
			lines: "r2 a 1 start\n", wrong: "task a of run r2 ran 1 times, and nobody knows of it",
		},
		"a task that is not done": {
			tasks: []taskRow{{key: one, status: "queued"}}, wrong: "task a of run r1: is queued ()",
		},
		"a payment that is lost": {
			lines: "r1 pay 1 start\n", tasks: []taskRow{{key: pay, status: "failed"}},
			attempts: []attemptRow{attempt(pay, 1, "lost")},
		},
		"a payment made twice": {
			lines: "r1 pay 1 start\nr1 pay 2 start\nr1 pay 2 end\n", tasks: []taskRow{{key: pay, status: "success"}},
			attempts: []attemptRow{attempt(pay, 1, "lost"), attempt(pay, 2, "success")},
			wrong:    "task pay of run r1: was begun 2 times",
		},
		"a failure without a reason": {
			lines:    "r1 a 1 start\nr1 a 1 end\nr1 a 2 start\nr1 a 2 end\n",
			tasks:    []taskRow{{key: one, status: "success", reopens: 1}},
			attempts: []attemptRow{attempt(one, 1, "failed"), attempt(one, 2, "success")},
			wrong:    "task a of run r1: attempt 1 is failed, and nothing in it fails",
		},
		"a payment that fails without a loss": {
			tasks: []taskRow{{key: pay, status: "failed", reason: "why"}},
			wrong: "task pay of run r1: is failed (why), and was not lost",
		},
		"a pool that overflows": {
			lines: narrow("start") + narrow("alive"),
			wrong: "4 tasks were in the pool of 3",
		},
		"a trigger without a run": {keys: []string{"k"}, wrong: "the trigger k has made 0 runs"},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := readWitness(strings.NewReader(c.lines))
			require.NoError(t, err)
			for i, a := range c.attempts {
				if e := w.attempts[a.key][a.number]; e != nil {
					c.attempts[i].log = printedBy(a.id, e.signs*linesPerSign)
				}
			}
			wrong := judge(&told{tasks: c.tasks, attempts: c.attempts, children: map[taskKey]int{call: c.children}}, w, c.keys)
			if c.wrong == "" {
				require.Empty(t, wrong)
				return
			}
			require.Contains(t, wrong, c.wrong)
		})
	}
	_, err := readWitness(strings.NewReader("r1 a 1 sta\nrt\n"))
	require.ErrorContains(t, err, "line 2 of the witness")
}

func attempt(key taskKey, number int, status string) attemptRow {
	return attemptRow{key: key, number: number, status: status, id: fmt.Sprintf("%s-%s.%d", key.run, key.task, number)}
}

// printedBy is what an attempt prints until its n-th line.
func printedBy(id string, n int) (text string) {
	for i := range n {
		text += numbered(i+1, id) + "\n"
	}
	return text
}

// The judge finds what is wrong with a log, also through judge itself.
func TestJudgeOfLogs(t *testing.T) {
	success, lost := attempt(taskKey{"r1", "a"}, 1, "success"), attempt(taskKey{"r1", "a"}, 1, "lost")
	all := printedBy(success.id, 20)
	without := func(n int) string { return strings.Replace(all, numbered(n, success.id)+"\n", "", 1) }
	gap := noteMark + "7" + gapMark + ": the log store did not take them\n"
	for name, c := range map[string]struct {
		of    attemptRow
		log   string
		wrong string
	}{
		"whole":                        {of: success, log: all},
		"whole with a note":            {of: success, log: all + noteMark + "a note\n"},
		"without its last line":        {of: success, log: without(20), wrong: "ends after line 19 of 20"},
		"without its last line end":    {of: success, log: strings.TrimSuffix(all, "\n"), wrong: "ends after line 19 of 20"},
		"without its last byte":        {of: success, log: strings.TrimSuffix(all, "1\n"), wrong: "ends after line 19 of 20"},
		"empty":                        {of: success, wrong: "ends after line 0 of 20"},
		"only a note":                  {of: success, log: noteMark + "a note\n", wrong: "ends after line 0 of 20"},
		"without a line":               {of: success, log: without(5), wrong: `"line 6 of r1-a.1" stands where line 5 is expected`},
		"a line twice":                 {of: success, log: all + numbered(20, success.id) + "\n", wrong: `"line 20 of r1-a.1" stands where line 21 is expected`},
		"longer than what was printed": {of: lost, log: printedBy(lost.id, 21), wrong: "has 21 lines, and 20 can have been printed"},
		"of another attempt":           {of: success, log: printedBy("r1-a.2", 20), wrong: `"line 1 of r1-a.2" stands where line 1 is expected`},
		"with a gap":                   {of: success, log: strings.Replace(all, numbered(5, success.id)+"\n", gap, 1)},
		"with a gap inside lines":      {of: success, log: strings.Replace(all, "r1-a.1\nline 6", "r1\n"+gap+" 6", 1)},
		"backwards after a gap":        {of: success, log: all + gap + numbered(3, success.id) + "\n", wrong: `"line 3 of r1-a.1" stands where line 21 is expected`},
		"lost, and nothing stored":     {of: lost},
		"lost, and cut":                {of: lost, log: all[:100]},
		"lost, cut, and a note":        {of: lost, log: all[:100] + "\n" + noteMark + "a note\n"},
		"lost, without a line":         {of: lost, log: without(5), wrong: `"line 6 of r1-a.1" stands where line 5 is expected`},
		"lost, with bytes of no line":  {of: lost, log: all[:100] + "\x00\x00", wrong: "stands where line 6 is expected"},
	} {
		t.Run(name, func(t *testing.T) {
			c.of.log = c.log
			w, err := readWitness(strings.NewReader("r1 a 1 start\nr1 a 1 end\n"))
			require.NoError(t, err)
			wrong := judge(&told{attempts: []attemptRow{c.of}}, w, nil)
			wrong = slices.DeleteFunc(wrong, func(text string) bool { return !strings.HasPrefix(text, "log of") })
			if c.wrong == "" {
				require.Empty(t, wrong)
				return
			}
			require.Len(t, wrong, 1)
			require.Contains(t, wrong[0], c.wrong)
		})
	}
}

// A campaign with anything wrong in it, also in an episode of an earlier call, is a failure.
func TestProblems(t *testing.T) {
	lease := scaledTimers.lease
	good := &episode{Kind: recovery, Commit: "a", Lease: lease, Faults: map[string]int{"kill worker": 1}, RequeuedMS: []int64{1700}}
	require.Empty(t, sum([]*episode{good}).problems())
	for problem, e := range map[string]*episode{
		"x is wrong": {Kind: storm, Commit: "a", Wrong: []string{"x is wrong"}},
		"the episodes are of 2 versions: start with other RESULTS": {Kind: storm, Commit: "b"},
		"patient: no task was queued again":                        {Kind: patient, Commit: "a", Faults: map[string]int{"kill worker": 1}},
		"patient: p99 is above the bound":                          {Kind: patient, Commit: "a", Lease: lease, Faults: map[string]int{"kill worker": 1}, RequeuedMS: []int64{2200}},
	} {
		require.Equal(t, []string{problem}, sum([]*episode{good, e}).problems())
	}
}
