package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The lines of slots without a run, and of those that are due, say what people ask for:
// which, how many, and why.
func TestMissedLines(t *testing.T) {
	name, why, skipped, pending := "eu", "the workflow was paused", state("skipped"), state("pending")
	first := time.Date(2027, 1, 1, 6, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	writeMissed(&out, nil)
	writeMissed(&out, []missedView{
		{First: first, Last: first.Add(time.Hour), Count: 2, CountIsExact: true, Text: why},
		{Schedule: &name, First: first, Last: first.Add(time.Hour), Count: 10_000, Text: why},
	})
	writeDue(&out, []dueView{
		{Schedule: &name, First: first, Last: first.Add(time.Hour), Count: 10_000, Text: &why},
		{First: first, Last: first.Add(time.Hour), Count: 2, CountIsExact: true, Status: &skipped, Text: &why},
		{First: first, Last: first, Count: 1, CountIsExact: true, Status: &pending},
	})
	require.Equal(t, `nothing is known that has got no run
FIRST	LAST	COUNT	SCHEDULE	WHY
2027-01-01T06:00:00Z	2027-01-01T07:00:00Z	2	-	the workflow was paused
2027-01-01T06:00:00Z	2027-01-01T07:00:00Z	10000 or more	eu	the workflow was paused
due: eu: 2027-01-01T06:00:00Z to 2027-01-01T07:00:00Z, 10000 or more slots would get no run: the workflow was paused
due: 2027-01-01T06:00:00Z to 2027-01-01T07:00:00Z, 2 slots would get runs that are skipped: the workflow was paused
due: 2027-01-01T06:00:00Z would get a run now
`, out.String())
}
