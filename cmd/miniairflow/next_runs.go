package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow"
)

func newNextRunsCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "next-runs [NAME|FILE]",
		Short: "Print when a workflow, or a schedule tried out, starts runs by itself",
		Long: `Prints the next slots of a workflow of the server, of a file, or of a schedule that is tried out with
--cron or --every, each by the clocks of its zone, with what a clock change does to it. Of a workflow,
it also says what would become of the slots that are due if a scheduler looked now.`,
		Example: `  miniairflow workflows next-runs daily-etl
  miniairflow workflows next-runs --cron "30 2 * * *" --timezone Europe/Berlin --from 2027-03-27`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			count, _ := cmd.Flags().GetInt("count")
			if count < 1 || count > miniairflow.UpcomingMax {
				return usageErrorf("--count %d: write a number from 1 to %d", count, miniairflow.UpcomingMax)
			}
			from, err := fromFlag(cmd)
			if err != nil {
				return err
			}
			schedules, due, err := schedulesOf(cmd, std, args)
			if err != nil {
				return err
			}
			views, err := nextRuns(schedules, from, count)
			if err != nil {
				return err
			}
			return write(std.out, format, views, func(w io.Writer) {
				writeDue(w, due)
				if len(schedules) == 0 {
					fmt.Fprintln(w, "no schedule")
				}
				writeNextRuns(w, views)
			})
		},
	}
	addFileFlags(cmd.Flags())
	addOutputFlag(cmd)
	cmd.Flags().String("from", "", "count from this time on: RFC 3339, or by the clocks of --timezone (default: now)")
	cmd.Flags().Int("count", 10, "how many to print")
	cmd.Flags().String("cron", "", "try this cron expression out")
	cmd.Flags().String("every", "", "try this distance out, such as 90m")
	cmd.Flags().String("timezone", "UTC", "the IANA zone of --cron and --from")
	return cmd
}

// fromFlag returns the time from which on to count.
func fromFlag(cmd *cobra.Command) (time.Time, error) {
	text, _ := cmd.Flags().GetString("from")
	if text == "" {
		return time.Now(), nil
	}
	name, _ := cmd.Flags().GetString("timezone")
	zone, err := miniairflow.LoadZone(name)
	if err != nil {
		return time.Time{}, usageErrorf("--timezone: %v", err)
	}
	from, err := miniairflow.ParseMoment(text, zone)
	if err != nil {
		return time.Time{}, usageErrorf("--from: %v", err)
	}
	return from, nil
}

// schedulesOf returns the schedules of a workflow in the database, with what is due of
// it, or of the workflows of a file, or that of the flags.
func schedulesOf(cmd *cobra.Command, std stdio, args []string) ([]miniairflow.Schedule, []dueView, error) {
	tried, isTried, err := triedSchedule(cmd)
	switch {
	case err != nil:
		return nil, nil, err
	case isTried == (len(args) == 1):
		return nil, nil, usageErrorf("name a workflow, a file, or a schedule to try out: next-runs daily-etl, or next-runs --cron \"0 2 * * *\"")
	case isTried:
		return []miniairflow.Schedule{tried}, nil, nil
	}
	if info, err := os.Stat(args[0]); err == nil && !info.IsDir() {
		schedules, err := schedulesOfFile(cmd, std, args[0])
		return schedules, nil, err
	}
	var schedules []miniairflow.Schedule
	var due []dueView
	err = withClient(cmd, std, func(ctx context.Context, c *client) error {
		v, err := c.findWorkflow(ctx, args[0])
		if err != nil {
			return err
		}
		for _, s := range v.Schedules {
			schedules = append(schedules, s.schedule())
		}
		due, err = c.findDue(ctx, args[0])
		return err
	})
	return schedules, due, err
}

// triedSchedule returns the schedule that the flags describe, and whether they do.
func triedSchedule(cmd *cobra.Command) (miniairflow.Schedule, bool, error) {
	cron, _ := cmd.Flags().GetString("cron")
	every, _ := cmd.Flags().GetString("every")
	zone, _ := cmd.Flags().GetString("timezone")
	s := miniairflow.Schedule{Cron: cron, Timezone: zone}
	switch {
	case cron == "" && every == "":
		return s, false, nil
	case cron != "" && every != "":
		return s, false, usageErrorf("--cron and --every: try one of them out")
	case every != "":
		d, err := miniairflow.ParseDuration(every)
		if err != nil || d <= 0 {
			return s, false, usageErrorf("--every %s: write a duration such as 90m", every)
		}
		s.Every = d
	}
	if err := miniairflow.CheckTimes(s); err != nil {
		return s, false, usageErrorf("%v", err)
	}
	return s, true, nil
}

func schedulesOfFile(cmd *cobra.Command, std stdio, path string) ([]miniairflow.Schedule, error) {
	config, err := loadConfig(cmd)
	if err != nil {
		return nil, err
	}
	definitions, err := loadFileOrExplain(config, std, path)
	if err != nil {
		return nil, err
	}
	var schedules []miniairflow.Schedule
	for _, d := range definitions {
		for _, s := range d.Schedules {
			if len(definitions) > 1 { // those of several workflows are several
				s.Name = strings.TrimSuffix(d.Name+" "+s.Name, " ")
			}
			schedules = append(schedules, s)
		}
	}
	return schedules, nil
}

// nextRunView is a slot to come as the commands show it.
type nextRunView struct {
	At       time.Time `json:"at"`
	Schedule string    `json:"schedule,omitempty"`
	Times    string    `json:"times"`
	Note     string    `json:"note,omitempty"`
}

// nextRuns returns the slots of all schedules together from a time on, in order.
func nextRuns(schedules []miniairflow.Schedule, from time.Time, count int) ([]nextRunView, error) {
	slots, err := miniairflow.Upcoming(schedules, from.Add(-1), count)
	if err != nil {
		return nil, err
	}
	views := make([]nextRunView, len(slots))
	for i, s := range slots {
		views[i] = nextRunView{At: s.At, Schedule: s.Schedule, Times: s.Text, Note: s.Note}
	}
	return views, nil
}

// writeNextRuns prints slots in columns that tabs separate.
func writeNextRuns(w io.Writer, views []nextRunView) {
	for _, v := range views {
		name := ""
		if v.Schedule != "" {
			name = v.Schedule + ": "
		}
		line := v.At.Format(time.RFC3339) + "\t" + printable(name+v.Times)
		if v.Note != "" {
			line += "\t" + v.Note
		}
		fmt.Fprintln(w, line)
	}
}
