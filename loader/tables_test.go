package loader

import (
	"maps"
	"slices"
)

// Tables are the keys of all field tables, by the name of their variable.
var Tables = map[string][]string{
	"afterFields":            keysOf(afterFields),
	"afterWorkflowFields":    keysOf(afterWorkflowFields),
	"arrivalFields":          keysOf(arrivalFields),
	"webhookFields":          keysOf(webhookFields),
	"triggerFields":          keysOf(triggerFields),
	"caseFields":             keysOf(caseFields),
	"caseFileFields":         keysOf(caseFileFields),
	"defaultFields":          keysOf(defaultFields),
	"expectFields":           keysOf(expectFields),
	"expectedTaskFields":     keysOf(expectedTaskFields),
	"approvalFields":         keysOf(approvalFields),
	"artifactFields":         keysOf(artifactFields),
	"childFields":            keysOf(childFields),
	"containerFields":        keysOf(containerFields),
	"httpFields":             keysOf(httpFields),
	"outputFields":           keysOf(outputFields),
	"recipientFields":        keysOf(recipientFields),
	"recipientWebhookFields": keysOf(recipientWebhookFields),
	"emailFields":            keysOf(emailFields),
	"sshFields":              keysOf(sshFields),
	"waitFields":             keysOf(waitFields),
	"waitRunFields":          keysOf(waitRunFields),
	"folderFields":           keysOf(folderFields),
	"groupFields":            keysOf(groupFields),
	"mockFields":             keysOf(mockFields),
	"paramFields":            keysOf(paramFields),
	"poolFields":             keysOf(poolFields),
	"retryFields":            keysOf(retryFields),
	"runOutputFields":        keysOf(runOutputFields),
	"scheduleFields":         keysOf(scheduleFields),
	"templateFields":         keysOf(templateFields),
	"taskFields":             keysOf(taskFields),
	"workflowFields":         keysOf(workflowFields),
}

func keysOf[T any](table fields[T]) []string { return slices.Sorted(maps.Keys(table)) }
