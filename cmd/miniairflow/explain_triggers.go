package main

import (
	"strings"

	"github.com/sauravritesh63/miniairflow"
)

// triggerWords says what else but a schedule or a person starts runs.
func triggerWords(d *miniairflow.Definition) []string {
	var words []string
	if after := d.After(); after != nil {
		words = append(words, "runs start "+afterWords(after))
	}
	if hook := d.Webhook(); hook != nil {
		words = append(words, "runs start for requests to POST /hooks/"+d.Name+" of who knows the secret "+hook.Secret)
	}
	if file := d.File(); file != nil {
		words = append(words, "runs start for files "+file.Path+" that arrive and have not changed for "+file.StableFor.String())
	}
	return words
}

func afterWords(a *miniairflow.AfterTrigger) string {
	ends := make([]string, len(a.Workflows))
	for i, w := range a.Workflows {
		ends[i] = "a run of " + w.Workflow + map[miniairflow.AfterStatus]string{
			miniairflow.AfterSuccess: " succeeds", miniairflow.AfterFailed: " fails",
			miniairflow.AfterCancelled: " is cancelled", miniairflow.AfterFinished: " is over",
		}[w.Status]
	}
	if len(ends) == 1 {
		return "each time " + ends[0]
	}
	which := "logical date"
	if a.Match == miniairflow.WaitSameDay {
		which = "day in UTC"
	}
	if a.Any {
		return "once for each " + which + ", when " + strings.Join(ends, " or ")
	}
	return "once for each " + which + ", when " + strings.Join(ends, " and ")
}
