package model

import "time"

// Artifact is a file that a task run has left. URL is a path on the server.
type Artifact struct {
	Name      string
	Size      int64
	SHA256    string
	URL       string
	CreatedAt time.Time
}
