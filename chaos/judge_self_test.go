package chaos

import (
	"fmt"
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
	one := taskKey{"r1", "a"}
	success := taskRow{key: one, status: "success"}
	for name, c := range map[string]struct {
		lines    string
		tasks    []taskRow
		attempts []attemptRow
		keys     []string
		wrong    string
	}{
		"all is well": {
			lines: "r1 a 1 start\nr1 a 1 alive\nr1 a 2 start\nr1 a 2 end\n",
			tasks: []taskRow{success}, attempts: []attemptRow{{one, 1, "lost"}, {one, 2, "success"}},
		},
		"two attempts at a time": {
			lines: "r1 a 1 start\nr1 a 2 start\nr1 a 1 alive\nr1 a 2 end\n",
			tasks: []taskRow{success}, attempts: []attemptRow{{one, 1, "lost"}, {one, 2, "success"}},
			wrong: "task a of run r1: attempt 1 lived on line 3, when attempt 2 had begun on line 2",
		},
		"a success that never was": {
			tasks: []taskRow{success}, attempts: []attemptRow{{one, 1, "success"}},
			wrong: "task a of run r1: attempt 1 is a success, and the witness has not seen it",
		},
		"a success without an attempt": {
			tasks: []taskRow{success}, wrong: "task a of run r1: is a success without a successful attempt",
		},
		"done twice": {
			lines: "r1 a 1 start\nr1 a 1 end\nr1 a 2 start\nr1 a 2 end\n",
			tasks: []taskRow{success}, attempts: []attemptRow{{one, 1, "success"}, {one, 2, "success"}},
			wrong: "task a of run r1: has 2 successes",
		},
		"done again after its success": {
			lines: "r1 a 1 start\nr1 a 1 end\nr1 a 2 start\n",
			tasks: []taskRow{success}, attempts: []attemptRow{{one, 1, "success"}, {one, 2, "lost"}},
			wrong: "task a of run r1: attempt 2 ran after the success of attempt 1",
		},
		"one attempt started twice": {
			lines: "r1 a 1 start\nr1 a 1 start\nr1 a 1 end\n",
			tasks: []taskRow{success}, attempts: []attemptRow{{one, 1, "success"}},
			wrong: "task a of run r1: attempt 1 started 2 times",
		},
		"an attempt that nobody knows": {
			lines: "r1 a 1 start\nr1 a 1 end\nr1 a 2 start\n",
			tasks: []taskRow{success}, attempts: []attemptRow{{one, 1, "success"}},
			wrong: "task a of run r1: attempt 2 ran, and the database does not know of it",
		},
		"a run that nobody knows": {
			lines: "r2 a 1 start\n", wrong: "task a of run r2 ran 1 times, and nobody knows of it",
		},
		"a task that is not done": {
			tasks: []taskRow{{key: one, status: "queued"}}, wrong: "task a of run r1: is queued ()",
		},
		"a payment that is lost": {
			lines: "r1 pay 1 start\n", tasks: []taskRow{{key: taskKey{"r1", "pay"}, status: "failed"}},
			attempts: []attemptRow{{taskKey{"r1", "pay"}, 1, "lost"}},
		},
		"a payment made twice": {
			lines: "r1 pay 1 start\nr1 pay 2 start\nr1 pay 2 end\n", tasks: []taskRow{{key: taskKey{"r1", "pay"}, status: "success"}},
			attempts: []attemptRow{{taskKey{"r1", "pay"}, 1, "lost"}, {taskKey{"r1", "pay"}, 2, "success"}},
			wrong:    "task pay of run r1: was begun 2 times",
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
			wrong := judge(&told{tasks: c.tasks, attempts: c.attempts}, w, c.keys)
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
