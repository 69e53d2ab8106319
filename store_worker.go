package miniairflow

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// WorkerStore keeps the sessions of workers (T6, T7).
type WorkerStore interface {
	// StartSession registers a session under w.ID with a lease of that length.
	// A second session of the same name is refused with CodeConflict until the
	// first has ended or was fenced: only a reaper knows that it is silent, and no
	// clock. Sessions that ended more than a week ago are forgotten.
	StartSession(ctx context.Context, w Worker, lease time.Duration) error
	// Heartbeat raises the session's beat, extends its lease, and tells what the
	// worker must know. held are the tokens and keys of the attempts it runs.
	// ErrFenced if the session is inactive.
	Heartbeat(ctx context.Context, sessionID uuid.UUID, held []HeldAttempt, lease time.Duration) (HeartbeatResult, error)
	// EndSession makes the session inactive. Attempts it still holds end by Reap,
	// for the given reason, unless the session was over before.
	EndSession(ctx context.Context, sessionID uuid.UUID, reason EndReason) error
	// DrainWorker makes the session of that name that is not inactive take nothing
	// new and end when what it runs has ended, and writes the audit log. It is
	// idempotent; ErrNotFound if there is none.
	DrainWorker(ctx context.Context, name string, by Actor) (*Worker, error)
	// Sessions returns the sessions that are not inactive, and the server that told it.
	Sessions(ctx context.Context) (Sessions, error)
	// FenceSession makes a session inactive if its beat is still the given one,
	// and reports whether it did.
	FenceSession(ctx context.Context, sessionID uuid.UUID, beat int64) (bool, error)
	// Reap ends up to limit open attempts of inactive sessions as lost; what becomes
	// of their task runs is LossOf. It returns how many. A run of which that fails
	// is the error, and holds up no other.
	Reap(ctx context.Context, limit int) (int, error)
	// FindWorkers returns all sessions that are not inactive, and those that ended
	// within the last day, newest first.
	FindWorkers(ctx context.Context) ([]*Worker, error)
}

// EndReason says of a worker why it ended its session, as the reasons of the
// attempts that it still held then do: "worker w1 …". Of one that was fenced by
// others, or that does not say, it is that it went silent.
type EndReason string

// The reasons that a worker has.
const (
	EndStopped      EndReason = "was stopped before the task ended"
	EndGuardianDied EndReason = "lost its guardian"
	EndContactLost  EndReason = "lost contact with the database"
)

// Sessions is the answer of WorkerStore.Sessions.
type Sessions struct {
	// Server names the server process that answered and the history of data that it
	// serves. While it stays the same and no call fails, a beat that does not move
	// was not raised; after a restart or a failover that is unknown.
	Server  string
	Workers []*Worker
}

// HeldAttempt is an attempt that a worker runs.
type HeldAttempt struct {
	RunID uuid.UUID
	Seq   int
	Token uuid.UUID
}

// HeartbeatResult is the answer of WorkerStore.Heartbeat.
type HeartbeatResult struct {
	Draining bool
	Cancel   []HeldAttempt // held attempts whose run is being cancelled
	NotOwned []HeldAttempt // held attempts that are not open for this session: kill them
	Unknown  []HeldAttempt // open attempts of this session that are not held: a reply was lost, or is on its way
}

// LogStore keeps the logs of attempts as compressed chunks.
type LogStore interface {
	// AppendLog stores chunks of one attempt, durable when it returns. A chunk
	// whose offset is stored already is left as it is. On each success TopicLog is
	// published for the run.
	AppendLog(ctx context.Context, key AttemptKey, chunks []LogChunk) error
	// ReadLog returns the chunks that hold bytes at or after offset, in order, at
	// most limit chunks. An attempt without a log has none.
	ReadLog(ctx context.Context, key AttemptKey, offset int64, limit int) ([]LogChunk, error)
	// LogSize returns how many bytes, uncompressed, the log has.
	LogSize(ctx context.Context, key AttemptKey) (int64, error)
}
