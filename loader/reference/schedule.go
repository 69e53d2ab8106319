package reference

import "github.com/sauravritesh63/miniairflow"

// load is the rest of an example of schedules.
const load = "\ntasks:\n  load: {command: echo hello}\n"

func moment() Type { return quoted("time") }

func scheduleMap() Map {
	return Map{
		Name: "schedule", Table: "scheduleFields", NeedsA: []string{"cron", "every", "at"},
		Intro: "An entry of the workflow's `schedule`, where a cron expression alone is not enough. Entries without a name are one schedule: where they fall together " +
			"they make one run, and they differ in their times only. See [scheduling](scheduling.md).",
		Keys: append(scheduleTimes(), schedulePolicies()...),
	}
}

func scheduleTimes() []Key {
	return []Key{
		{
			Name: "name", Absent: "none", Type: named("name", miniairflow.NamePattern()),
			Text:    "The name of a schedule whose runs are its own, and may have values of their own.",
			Sample:  "nightly",
			Example: "schedule:\n  - {name: nightly, cron: \"0 2 * * *\", catchup: all}\n  - {name: hourly, cron: \"@hourly\", overlap: skip}" + load,
		},
		{
			Name: "cron", Absent: "none: it has other times", Type: quoted("cron expression"),
			Text:    "Minute, hour, day of month, month and day of week, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. One of `cron`, `every` and `at` is needed.",
			Sample:  `"0 2 * * *"`,
			Example: "schedule: {cron: \"30 2 * * 1-5\"}" + load,
		},
		{
			Name: "every", Absent: "none: it has other times", Type: duration(),
			Text:    "A slot each time that so much time has gone by, in whole seconds, counted from `start`, or from the beginning of 1970 UTC. Clock changes do not matter.",
			Sample:  "90m",
			Example: "schedule: {every: 90m}" + load,
		},
		{
			Name: "at", Absent: "none: it has other times", Type: moment(),
			Text:    "One slot, then: a time with its offset, or one by the clocks of `timezone`, such as `2027-01-31 06:00`.",
			Sample:  "2027-01-31T06:00:00Z",
			Example: "schedule: {at: 2027-01-31 06:00, timezone: Europe/Berlin}" + load,
		},
		{
			Name: "timezone", Default: "UTC", Type: quoted("IANA name"),
			Text:    "The zone in which the fields of `cron` count, and times without an offset. A slot that a clock change leaves out fires once, right after the gap, unless the schedule fires every hour.",
			Sample:  "Europe/Berlin",
			Example: "schedule: {cron: \"0 2 * * *\", timezone: Europe/Berlin}" + load,
		},
		{
			Name: "start", Absent: "no bound", Type: moment(),
			Text:    "No slot is before, written as `at` is. `every` counts from it.",
			Sample:  "2027-01-01",
			Example: "schedule: {every: 36h, start: 2027-01-01 06:00, timezone: Asia/Tokyo}" + load,
		},
		{
			Name: "end", Absent: "no bound", Type: moment(),
			Text:    "No slot is after, written as `at` is; one at that very time is the last.",
			Sample:  "2027-12-31",
			Example: "schedule: {cron: \"@daily\", end: 2027-12-31}" + load,
		},
		{
			Name: "jitter", Default: "0s", Type: duration(),
			Text: "Runs come later than their slots by a time between zero and this, at most 24h: the same for all runs of the schedule, and another one for each workflow, so that " +
				"they do not all start together. The logical date stays that of the slot.",
			Sample:  "10m",
			Example: "schedule: {cron: \"@hourly\", jitter: 10m}" + load,
		},
		{
			Name: "params", Absent: "the defaults", Type: mapOf("map of param names to values", miniairflow.IdentifierPattern(), anything("value of its type")), Reads: readsRun,
			Text:    "Values for the runs of the schedule, in place of the defaults of the workflow's `params`.",
			Sample:  "{region: eu}",
			Example: "params:\n  region: {type: string, default: eu}\nschedule:\n  - {name: eu, cron: \"0 2 * * *\", params: {region: eu}}\n  - {name: us, cron: \"0 8 * * *\", params: {region: us}}\ntasks:\n  load: {command: [echo, \"${{ params.region }}\"]}\n",
		},
	}
}

func schedulePolicies() []Key {
	return []Key{
		{
			Name: "catchup", Default: "latest", Type: word(miniairflow.Catchups),
			Text:    "What happens to slots that were missed while nothing was up: none of them, the latest one, or all. Paused time, new files and edited schedules miss nothing.",
			Sample:  "all",
			Example: "schedule: {cron: \"@daily\", catchup: none}" + load,
		},
		{
			Name: "catchup_window", Absent: "no limit", Type: duration(),
			Text:    "How old a missed slot may be to be caught up.",
			Sample:  "12h",
			Example: "schedule: {cron: \"@hourly\", catchup: all, catchup_window: 12h}" + load,
		},
		{
			Name: "max_catchup", Absent: "1000", Type: integer(1, miniairflow.SlotsMax),
			Text:    "How many missed slots `catchup: all` makes up for at once: the newest. No more than 100 runs wait for their turn, unless `overlap` is `skip`.",
			Sample:  "24",
			Example: "schedule: {cron: \"@hourly\", catchup: all, max_catchup: 24}" + load,
		},
		{
			Name: "overlap", Default: "queue", Type: word(miniairflow.Overlaps),
			Text:    "What a slot does that comes while `max_active_runs` is reached: it waits, is recorded as skipped, or takes the place of the oldest scheduled runs, which are cancelled.",
			Sample:  "skip",
			Example: "schedule: {cron: \"*/5 * * * *\", overlap: skip}\ntasks:\n  poll: {command: echo hello}\n",
		},
	}
}
