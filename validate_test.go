package miniairflow_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// validDefinition returns a definition that uses most keys and has no problems.
func validDefinition() *miniairflow.Definition {
	task := func(name string, ups ...string) miniairflow.Task {
		return miniairflow.Task{
			Name: name, DependsOn: ups, TriggerRule: miniairflow.AllSuccess, Queue: miniairflow.QueueDefault, Priority: miniairflow.PriorityNormal,
			Command: &miniairflow.Command{Script: "true", Shell: miniairflow.ShellDefault},
		}
	}
	d := &miniairflow.Definition{
		Name: "daily-etl", IsActive: true, MaxActiveRuns: 1, MaxActiveTasks: 16,
		Schedules: []miniairflow.Schedule{{Cron: "0 2 * * *", Timezone: "Europe/Berlin", Catchup: miniairflow.CatchupLatest, Overlap: miniairflow.OverlapQueue}},
		Params: []miniairflow.Param{
			{Name: "region", Type: miniairflow.ParamString, Enum: []any{"eu", "us"}, Default: "eu"},
			{Name: "day", Type: miniairflow.ParamDate, Default: "${{ run.logical_date }}"},
		},
		Env:   map[string]string{"REGION": "${{ params.region }}", "MINIAIRFLOW_SERVER": "x"},
		Tasks: []miniairflow.Task{task("extract"), task("load", "extract"), task("report", "extract", "load")},
	}
	d.Tasks[1].Command = &miniairflow.Command{Argv: []string{"load", ""}}
	d.Tasks[1].Retry = &miniairflow.RetryPolicy{Count: 3, Delay: miniairflow.Duration(time.Second), Backoff: miniairflow.BackoffExponential, OnExitCodes: []int{75}}
	d.Tasks[2].Command, d.Tasks[2].Noop = nil, true
	d.Tasks[0].Outputs = map[string]miniairflow.OutputType{"rows": miniairflow.OutputInteger}
	return d
}

func TestValidateAcceptsAGoodDefinition(t *testing.T) {
	require.Empty(t, validDefinition().Validate())
}

func TestValidateFindsProblems(t *testing.T) {
	tests := []struct {
		change     func(d *miniairflow.Definition)
		path, want string
	}{
		{func(d *miniairflow.Definition) { d.Name = "-x" }, "name", `workflow name "-x" is not valid`},
		{func(d *miniairflow.Definition) { d.Name = strings.Repeat("a", 129) }, "name", "is not valid"},
		{func(d *miniairflow.Definition) { d.MaxActiveRuns = 0 }, "max_active_runs", "is 0, but must be at least 1"},
		{func(d *miniairflow.Definition) { d.MaxActiveTasks = -1 }, "max_active_tasks", "is -1"},
		{func(d *miniairflow.Definition) { d.Timeout = -1 }, "timeout", "must not be negative"},
		{func(d *miniairflow.Definition) { d.Schedules[0].Cron = "0 0 30 2 *" }, "schedule 0 cron", "never fires"},
		{func(d *miniairflow.Definition) { d.Schedules[0].Timezone = "+02:00" }, "schedule 0 timezone", "is an offset"},
		{func(d *miniairflow.Definition) { d.Schedules = append(d.Schedules, d.Schedules[0]) }, "schedule 1", "schedule 2 repeats schedule 1 (0 2 * * * Europe/Berlin)"},
		{func(d *miniairflow.Definition) { d.Schedules[0].Catchup = "lastest" }, "schedule 0 catchup", `catchup "lastest" is unknown: use none, latest, all; did you mean "latest"?`},
		{func(d *miniairflow.Definition) { d.Schedules[0].Overlap = "" }, "schedule 0 overlap", "use queue, skip"},
		{func(d *miniairflow.Definition) { d.Schedules[0].Cron, d.Schedules[0].Every = "", 1 }, "schedule 0 every", "but must be a whole number of seconds, from 1s to 87840h"},
		{func(d *miniairflow.Definition) { d.Schedules[0].Every = miniairflow.Duration(time.Hour) }, "schedule 0 cron", "one of cron, every and at"},
		{func(d *miniairflow.Definition) {
			d.Schedules[0].Cron, d.Schedules[0].At = "", time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC)
		}, "schedule 0 at", "is in the year 1969"},
		{func(d *miniairflow.Definition) { d.Schedules[0].Start = time.Unix(1, 1).UTC() }, "schedule 0 start", "has a fraction of a second"},
		{func(d *miniairflow.Definition) {
			d.Schedules[0].Start, d.Schedules[0].End = time.Unix(9, 0).UTC(), time.Unix(8, 0).UTC()
		}, "schedule 0 end", "end is before start"},
		{func(d *miniairflow.Definition) { d.Schedules[0].End = time.Unix(8, 0).UTC() }, "schedule 0 cron", "has no time between start and end"},
		{func(d *miniairflow.Definition) { d.Schedules[0].Jitter = miniairflow.Duration(25 * time.Hour) }, "schedule 0 jitter", "jitter is 25h, but may be at most 24h"},
		{func(d *miniairflow.Definition) { d.Schedules[0].MaxCatchup = 1001 }, "schedule 0 max_catchup", "must be from 1 to 1000"},
		{func(d *miniairflow.Definition) { d.Schedules[0].MaxCatchup = 2 }, "schedule 0 max_catchup", "max_catchup is for catchup: all"},
		{func(d *miniairflow.Definition) { d.Schedules[0].Name = "a b" }, "schedule 0 name", "\"a b\" is not valid"},
		{func(d *miniairflow.Definition) { d.Schedules[0].Params = map[string]any{"regin": "x"} }, "schedule 0 params regin", "the workflow has no param"},
		{func(d *miniairflow.Definition) {
			other := d.Schedules[0]
			other.Cron, other.Overlap = "0 3 * * *", miniairflow.OverlapSkip
			d.Schedules = append(d.Schedules, other)
		}, "schedule 1", "differs from schedule 1 in more than its times"},
		{func(d *miniairflow.Definition) {
			for range 100 {
				d.Schedules = append(d.Schedules, d.Schedules[0])
			}
		}, "schedule", "has 101 schedules, but may have at most 100"},
		{func(d *miniairflow.Definition) { d.Schedules[0].CatchupWindow = -1 }, "schedule 0 catchup_window", "must not be negative"},
		{func(d *miniairflow.Definition) { d.Params[0].Name = "the-region" }, "params the-region", "param name"},
		{func(d *miniairflow.Definition) { d.Params[1].Name = "region" }, "params region", "declared twice"},
		{func(d *miniairflow.Definition) { d.Params[0].Type = "text" }, "params region type", "use string, integer"},
		{func(d *miniairflow.Definition) { d.Params[0].Default = nil }, "params region", "has no default, but the workflow has a schedule"},
		{func(d *miniairflow.Definition) { d.Params[0].Default = "asia" }, "params region default", "is not one of eu, us"},
		{func(d *miniairflow.Definition) { d.Params[0].Enum[1] = 3 }, "params region enum 1", "3 is not a string"},
		{func(d *miniairflow.Definition) { d.Params[1].Default = "tomorrow" }, "params day default", "is not a date"},
		{func(d *miniairflow.Definition) {
			d.Params[1] = miniairflow.Param{Name: "n", Type: miniairflow.ParamNumber, Default: math.NaN()}
		}, "params n default", "NaN is not a number"},
		{func(d *miniairflow.Definition) { d.Env["1X"] = "" }, "env 1X", "variable name"},
		{func(d *miniairflow.Definition) { d.Env["MINIAIRFLOW_OUTPUT"] = "" }, "env MINIAIRFLOW_OUTPUT", "is reserved"},
		{func(d *miniairflow.Definition) { d.Env["MINIAIRFLOW_WORKFLOW"] = "" }, "env MINIAIRFLOW_WORKFLOW", "is reserved"},
		{func(d *miniairflow.Definition) { d.Env["X"] = "a\x00" }, "env X", "NUL byte"},
		{func(d *miniairflow.Definition) { d.Tasks = nil }, "tasks", "at least one"},
		{func(d *miniairflow.Definition) { d.Tasks[2].Name = "1st" }, "tasks 1st", "task name"},
		{func(d *miniairflow.Definition) {
			d.Tasks[2].Name = "extract"
			d.Tasks[2].DependsOn = nil
			d.Tasks[1].DependsOn = nil
		}, "tasks extract", "declared twice"},
		{func(d *miniairflow.Definition) { d.Tasks[2].Noop = false }, "tasks report", "has no action"},
		{func(d *miniairflow.Definition) { d.Tasks[0].Noop = true }, "tasks extract noop", "two actions"},
		{func(d *miniairflow.Definition) { d.Tasks[0].Command.Script = " \n" }, "tasks extract command", "is empty"},
		{func(d *miniairflow.Definition) { d.Tasks[0].Command.Shell = "fish" }, "tasks extract shell", "use bash, sh"},
		{func(d *miniairflow.Definition) { d.Tasks[1].Command.Argv = []string{""} }, "tasks load command", "names no program"},
		{func(d *miniairflow.Definition) { d.Tasks[1].Command.Argv = []string{} }, "tasks load command", "an empty list"},
		{func(d *miniairflow.Definition) { d.Tasks[1].Command.Script = "x" }, "tasks load command", "both a script and a list"},
		{func(d *miniairflow.Definition) { d.Tasks[0].TriggerRule = "al_success" }, "tasks extract trigger_rule", `did you mean "all_success"?`},
		{func(d *miniairflow.Definition) { d.Tasks[0].WorkingDir = "../x" }, "tasks extract working_dir", "leaves the folder"},
		{func(d *miniairflow.Definition) { d.Tasks[0].WorkingDir = "/etc" }, "tasks extract working_dir", "leaves the folder"},
		{func(d *miniairflow.Definition) { d.Tasks[0].Priority = 9 }, "tasks extract priority", "use low, normal, high, critical"},
		{func(d *miniairflow.Definition) { d.Tasks[0].Queue = "a,b" }, "tasks extract queue", "queue name"},
		{func(d *miniairflow.Definition) { d.Tasks[0].Timeout = -1 }, "tasks extract timeout", "must not be negative"},
		{func(d *miniairflow.Definition) { d.Tasks[0].Outputs["a-b"] = miniairflow.OutputString }, "tasks extract outputs a-b", "output name"},
		{func(d *miniairflow.Definition) { d.Tasks[0].Outputs["rows"] = "int" }, "tasks extract outputs rows", "use string, integer"},
		{func(d *miniairflow.Definition) { d.Tasks[1].Retry.Count = 101 }, "tasks load retry count", "must be 0 to 100"},
		{func(d *miniairflow.Definition) { d.Tasks[1].Retry.Delay = -1 }, "tasks load retry delay", "must not be negative"},
		{func(d *miniairflow.Definition) { d.Tasks[1].Retry.MaxDelay = 1 }, "tasks load retry max_delay", "is less than delay"},
		{func(d *miniairflow.Definition) { d.Tasks[1].Retry.Backoff = "linear" }, "tasks load retry backoff", "use constant, exponential"},
		{func(d *miniairflow.Definition) { d.Tasks[1].Retry.OnExitCodes = []int{75, 0} }, "tasks load retry on_exit_codes 1", "use 1 to 255"},
		{func(d *miniairflow.Definition) { d.Tasks[1].DependsOn = []string{"extrct"} }, "tasks load depends_on 0", `unknown task "extrct"; did you mean "extract"?`},
		{func(d *miniairflow.Definition) { d.Tasks[2].DependsOn = []string{"load", "load"} }, "tasks report depends_on 1", "twice"},
		{func(d *miniairflow.Definition) { d.Tasks[2].DependsOn = []string{"report"} }, "tasks report depends_on 0", "depends on itself"},
		{func(d *miniairflow.Definition) { d.Tasks[0].DependsOn = []string{"load"} }, "tasks extract depends_on", "extract → load → extract"},
	}
	for _, tt := range tests {
		t.Run(tt.path+" "+tt.want, func(t *testing.T) {
			d := validDefinition()
			tt.change(d)
			problems := d.Validate()
			require.Len(t, problems, 1, "%v", problems)
			require.Equal(t, tt.path, strings.Join(problems[0].Path, " "))
			require.Contains(t, problems[0].Message, tt.want)
			isOfKey := strings.Contains(tt.want, " name") && !strings.HasPrefix(tt.path, "name") && !strings.HasSuffix(tt.path, "queue") || tt.want == "is reserved" || tt.want == "the workflow has no param"
			require.Equal(t, isOfKey, problems[0].OfKey, problems[0].Message)
		})
	}
}

func TestValidateReportsEveryCycle(t *testing.T) {
	d := validDefinition()
	d.Tasks = nil
	for i, ups := range [][]string{{"t1"}, {"t0"}, {"t4"}, {"t2"}, {"t3"}, {"t5"}} {
		d.Tasks = append(d.Tasks, miniairflow.Task{Name: fmt.Sprintf("t%d", i), DependsOn: ups, Noop: true, TriggerRule: miniairflow.AllDone, Queue: "q"})
	}
	var messages []string
	for _, p := range d.Validate() {
		messages = append(messages, p.Message)
	}
	require.Equal(t, []string{
		`task "t5" depends on itself: remove it`,
		"tasks wait for each other: t0 → t1 → t0; take one of these dependencies out",
		"tasks wait for each other: t2 → t3 → t4 → t2; take one of these dependencies out",
	}, messages)
}

func TestValidateOfManyTasks(t *testing.T) {
	d := validDefinition()
	d.Tasks = nil
	for i := range miniairflow.TasksMax + 1 {
		d.Tasks = append(d.Tasks, miniairflow.Task{Name: fmt.Sprintf("task_%d", i), DependsOn: []string{fmt.Sprintf("tusk_%d", i)}, Noop: true, TriggerRule: miniairflow.AllDone, Queue: "q"})
	}
	problems := d.Validate()
	require.Len(t, problems, miniairflow.TasksMax+2, "all of them, and the count itself")
	require.Contains(t, problems[0].Message, "at most 100000")
	require.Contains(t, problems[1].Message, "did you mean")
}

func TestHashIsThatOfTheContent(t *testing.T) {
	d := validDefinition()
	require.Len(t, d.Hash(), 64)
	require.Equal(t, d.Hash(), validDefinition().Hash())

	content, err := json.Marshal(d)
	require.NoError(t, err)
	var read miniairflow.Definition
	require.NoError(t, json.Unmarshal(content, &read))
	require.Equal(t, d.Hash(), read.Hash(), "what the store gives back has the same hash")

	d.Tasks[0].Command.Script = "false"
	require.NotEqual(t, d.Hash(), validDefinition().Hash())
	require.Equal(t, "0 2 * * *", d.ScheduleCron())
	require.Empty(t, (&miniairflow.Definition{}).ScheduleCron())
	d.Schedules = append(d.Schedules, miniairflow.Schedule{Cron: "@daily"})
	require.Equal(t, "0 2 * * *, @daily", d.ScheduleCron())
	require.NotEqual(t, miniairflow.ScheduleGroup{d.Schedules[0]}.Hash(), miniairflow.ScheduleGroup{d.Schedules[1]}.Hash())
}

func TestNearest(t *testing.T) {
	known := []string{"depends_on", "trigger_rule", "retry", "env", "tags", "tasks"}
	for word, want := range map[string]string{
		"depend_on": "depends_on", "Retry": "retry", "triger_rule": "trigger_rule", "en": "env",
		"nev": "env", "rerty": "retry", "dependsOn": "depends_on", "Depends-On": "depends_on", "command": "", "": "", "xy": "",
		"taks": "tasks", "tgs": "tags", "tag": "tags", "task": "tasks",
	} {
		got, ok := miniairflow.Nearest(word, known)
		require.Equal(t, want, got, word)
		require.Equal(t, want != "", ok)
	}
}
