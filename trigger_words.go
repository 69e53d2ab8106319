package miniairflow

import "strings"

// Trigger is what else than a schedule or a person starts runs, as people are shown it.
type Trigger struct {
	Kind  CauseKind       // of the runs: CauseAfter, CauseWebhook or CauseFile
	Text  string          // to be read after "runs start"
	After []AfterWorkflow // of CauseAfter
	Path  string          // of CauseWebhook the address, below that of the server; of CauseFile as the file says it
}

// TriggerList returns what else than a schedule or a person starts runs of d.
func (d *Definition) TriggerList() []Trigger {
	var list []Trigger
	if after := d.After(); after != nil {
		list = append(list, Trigger{Kind: CauseAfter, Text: after.words(), After: after.Workflows})
	}
	if hook := d.Webhook(); hook != nil {
		address := "/hooks/" + d.Name
		list = append(list, Trigger{Kind: CauseWebhook, Text: "for requests to POST " + address + " of who knows the secret " + hook.Secret, Path: address})
	}
	if file := d.File(); file != nil {
		text := "for files " + file.Path + " that arrive and have not changed for " + file.StableFor.shortest()
		list = append(list, Trigger{Kind: CauseFile, Text: text, Path: file.Path})
	}
	return list
}

// words says when runs start.
func (a *AfterTrigger) words() string {
	ends := make([]string, len(a.Workflows))
	for i, w := range a.Workflows {
		ends[i] = "a run of " + w.Workflow + " " + w.Status.words()
	}
	if len(ends) == 1 {
		return "each time " + ends[0]
	}
	which := "logical date"
	if a.Match == WaitSameDay {
		which = "day in UTC"
	}
	if a.Any {
		return "once for each " + which + ", when " + strings.Join(ends, " or ")
	}
	return "once for each " + which + ", when " + strings.Join(ends, " and ")
}

func (s AfterStatus) words() string {
	switch s {
	case AfterFailed:
		return "fails"
	case AfterCancelled:
		return "is cancelled"
	case AfterFinished:
		return "is over"
	default:
		return "succeeds"
	}
}
