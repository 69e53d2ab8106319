-- The tables of the PostgreSQL dialect, with times as microseconds since 1970 in UTC
-- and UUIDs and JSON as text. Logs are in a file of their own, see logs/.

-- Identity of workflows; the content is in workflow_versions.
CREATE TABLE workflows (
    id              text PRIMARY KEY,
    name            text NOT NULL UNIQUE,
    description     text NOT NULL DEFAULT '',
    owner           text NOT NULL DEFAULT '',
    tags            text NOT NULL DEFAULT '[]',
    origin          text NOT NULL CHECK (origin IN ('file', 'api')),
    source_file     text NOT NULL DEFAULT '',
    source_hash     text NOT NULL DEFAULT '', -- of the file when it was last synced without a problem
    version_id      text NOT NULL,
    version_number  integer NOT NULL,
    schedule_cron   text NOT NULL DEFAULT '',
    is_active       integer NOT NULL,
    paused_at       integer,
    retired_at      integer,
    max_active_runs integer NOT NULL CHECK (max_active_runs > 0),
    last_run_number integer NOT NULL DEFAULT 0,
    created_at      integer NOT NULL,
    updated_at      integer NOT NULL
);
CREATE INDEX workflows_source_file ON workflows (source_file) WHERE origin = 'file';

-- One content of a workflow, for ever. The document is the truth; tasks and
-- task_dependencies are its rows.
CREATE TABLE workflow_versions (
    id            text PRIMARY KEY,
    workflow_id   text NOT NULL REFERENCES workflows (id),
    number        integer NOT NULL,
    hash          text NOT NULL,
    document      text NOT NULL,
    created_at    integer NOT NULL,
    commit_hash   text NOT NULL DEFAULT '', -- that its file was checked out from; empty: it was in no checkout
    commit_author text NOT NULL DEFAULT '',
    commit_at     integer,
    commit_dirty  integer NOT NULL DEFAULT 0,
    has_deadlines integer NOT NULL DEFAULT 0, -- of runs, or of tasks
    UNIQUE (workflow_id, number)
);

-- Contents of the files that versions carry, each once, by its SHA-256.
CREATE TABLE file_blobs (
    hash    text PRIMARY KEY,
    size    integer NOT NULL,
    data    blob NOT NULL, -- zstd
    kept_at integer NOT NULL -- when somebody was last about to name it in a version
);

-- Which contents a version needs. The foreign keys see to it that none is missing.
CREATE TABLE version_files (
    version_id text NOT NULL REFERENCES workflow_versions (id),
    hash       text NOT NULL REFERENCES file_blobs (hash),
    PRIMARY KEY (version_id, hash)
) WITHOUT ROWID;
CREATE INDEX version_files_hash ON version_files (hash);

CREATE TABLE tasks (
    id                  text PRIMARY KEY, -- the version's id plus seq, see MemberID
    version_id          text NOT NULL REFERENCES workflow_versions (id),
    seq                 integer NOT NULL,
    name                text NOT NULL,
    command             text NOT NULL DEFAULT '', -- a script, or argv as JSON
    retry_count         integer NOT NULL DEFAULT 0,
    retry_delay_seconds real NOT NULL DEFAULT 0,
    timeout_seconds     real NOT NULL DEFAULT 0,
    created_at          integer NOT NULL,
    UNIQUE (version_id, seq),
    UNIQUE (version_id, name)
);

CREATE TABLE task_dependencies (
    task_id            text NOT NULL REFERENCES tasks (id),
    depends_on_task_id text NOT NULL REFERENCES tasks (id),
    PRIMARY KEY (task_id, depends_on_task_id),
    CHECK (task_id <> depends_on_task_id)
) WITHOUT ROWID;
CREATE INDEX task_dependencies_upstream ON task_dependencies (depends_on_task_id);

-- Cursors of schedules. next_at is null until a scheduler has computed it.
CREATE TABLE schedules (
    workflow_id text NOT NULL REFERENCES workflows (id),
    name        text NOT NULL,
    version_id  text NOT NULL,
    entries     text NOT NULL, -- schedules whose times together are those of the row
    hash        text NOT NULL,
    params      text NOT NULL, -- of the version, so that a firing reads no versions
    is_active   integer NOT NULL, -- the workflow is active, not paused, not retired
    next_at     integer,
    last_at     integer,
    is_finished integer NOT NULL DEFAULT 0, -- never fires again
    since       integer NOT NULL, -- it owes no slot up to then
    PRIMARY KEY (workflow_id, name)
) WITHOUT ROWID;
CREATE INDEX schedules_due ON schedules (next_at) WHERE is_active AND NOT is_finished;

-- Slots that have got no run: a row for each range of a schedule with one reason, and one
-- for each kind of triggers of a workflow that could not start a run.
CREATE TABLE missed_slots (
    id            integer PRIMARY KEY,
    workflow_id   text NOT NULL REFERENCES workflows (id),
    schedule_name text NOT NULL,
    hash          text NOT NULL, -- of the schedule
    first_slot    integer NOT NULL,
    last_slot     integer NOT NULL CHECK (last_slot >= first_slot),
    slots         integer NOT NULL CHECK (slots > 0), -- how many
    has_more      integer NOT NULL DEFAULT 0, -- than slots
    reason        text NOT NULL,
    text          text NOT NULL, -- the reason as people read it
    noted_at      integer NOT NULL
);
CREATE INDEX missed_slots_workflow ON missed_slots (workflow_id, id);
CREATE INDEX missed_slots_last ON missed_slots (workflow_id, last_slot);
CREATE INDEX missed_slots_old ON missed_slots (last_slot);
CREATE UNIQUE INDEX missed_slots_triggers ON missed_slots (workflow_id, reason) WHERE reason IN ('after_failed', 'file_failed');

-- Backfills: which dates of the past get runs, and how far that is.
CREATE TABLE backfills (
    id          text PRIMARY KEY,
    workflow_id text NOT NULL REFERENCES workflows (id),
    version_id  text NOT NULL REFERENCES workflow_versions (id),
    name        text NOT NULL,
    hash        text NOT NULL, -- of the request, by which it is known again
    entries     text NOT NULL, -- schedules whose times together are its dates
    from_at     integer NOT NULL,
    to_at       integer NOT NULL,
    mode        text NOT NULL CHECK (mode IN ('missing', 'failed', 'all')),
    direction   text NOT NULL CHECK (direction IN ('oldest', 'newest')), -- first
    concurrency integer NOT NULL CHECK (concurrency > 0),
    params      text NOT NULL,
    selection   text NOT NULL, -- as that of its runs
    status      text NOT NULL CHECK (status IN ('running', 'finished', 'cancelled')),
    paused_at   integer,
    keeps_runs  integer NOT NULL DEFAULT 0, -- cancelled, but its runs go on
    problem     text NOT NULL DEFAULT '', -- why it cannot make its next run
    total       integer NOT NULL, -- dates
    created     integer NOT NULL DEFAULT 0, -- those that got a run
    left_alone  integer NOT NULL DEFAULT 0, -- those that got none
    cursor_at   integer, -- the last date that it went over
    created_by  text NOT NULL,
    reason      text NOT NULL,
    created_at  integer NOT NULL,
    finished_at integer,
    UNIQUE (workflow_id, name),
    CHECK (created + left_alone <= total),
    CHECK ((finished_at IS NOT NULL) = (status <> 'running'))
);
CREATE INDEX backfills_running ON backfills (created_at, id) WHERE status = 'running';
CREATE INDEX backfills_newest ON backfills (created_at DESC, id DESC);
CREATE INDEX backfills_finished ON backfills (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX backfills_by_workflow ON backfills (workflow_id, created_at DESC, id DESC);

CREATE TABLE workflow_runs (
    id                  text PRIMARY KEY,
    workflow_id         text NOT NULL REFERENCES workflows (id),
    version_id          text NOT NULL REFERENCES workflow_versions (id),
    number              integer NOT NULL,
    status              text NOT NULL CHECK (status IN ('pending', 'running', 'success', 'failed', 'cancelled', 'skipped')),
    reason              text NOT NULL DEFAULT '',
    type                text NOT NULL CHECK (type IN ('scheduled', 'manual', 'child', 'backfill')),
    cause               text NOT NULL DEFAULT 'manual' CHECK (cause IN ('schedule', 'manual', 'child', 'after', 'webhook', 'file', 'backfill')),
    cause_detail        text NOT NULL DEFAULT '', -- in words
    created_by          text NOT NULL DEFAULT '', -- who has asked for it
    schedule_name       text NOT NULL DEFAULT '',
    logical_date        integer NOT NULL,
    data_interval_start integer NOT NULL,
    run_after           integer NOT NULL,
    deadline_at         integer,
    late_after          integer, -- when its deadlines are looked at next; null: there are none to come
    late_at             integer, -- when it or a task of it was first noted as late
    params              text NOT NULL DEFAULT '{}',
    selection           text NOT NULL DEFAULT '', -- JSON: the tasks that the run executes; empty: all
    idempotency_key     text,
    task_count          integer NOT NULL DEFAULT 0,
    created_at          integer NOT NULL,
    started_at          integer,
    finished_at         integer,
    cancel_requested_at integer,
    timed_out           integer NOT NULL DEFAULT 0, -- or fails fast: when its end was asked for, it fails
    paused_at           integer,
    parent_run_id       text,    -- of a child run: the task run that it was made for
    parent_seq          integer,
    replaces            integer NOT NULL DEFAULT 0, -- a scheduled run for which older ones make room
    backfill_id         text,    -- that it is part of; of a child run, that of its parent
    is_awaited          integer NOT NULL DEFAULT 0, -- a child run, or one of a backfill, that has not ended yet: it ends when nobody waits for it
    generation          integer NOT NULL DEFAULT 1, -- rises each time the run is opened again
    outcome             text NOT NULL DEFAULT '',   -- of all but the tasks of finally, from when these begin
    changed             integer NOT NULL,
    UNIQUE (workflow_id, number),
    CHECK ((type = 'child') = (parent_run_id IS NOT NULL)),
    CHECK (CASE type WHEN 'backfill' THEN backfill_id IS NOT NULL WHEN 'child' THEN true ELSE backfill_id IS NULL END),
    CHECK ((finished_at IS NOT NULL) = (status IN ('success', 'failed', 'cancelled', 'skipped')))
);
CREATE UNIQUE INDEX workflow_runs_slot ON workflow_runs (workflow_id, schedule_name, logical_date) WHERE type = 'scheduled';
CREATE UNIQUE INDEX workflow_runs_idempotency ON workflow_runs (workflow_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX workflow_runs_pending ON workflow_runs (workflow_id, run_after, id) WHERE status = 'pending' AND paused_at IS NULL AND type NOT IN ('child', 'backfill');
CREATE INDEX workflow_runs_held ON workflow_runs (workflow_id) WHERE status = 'pending' AND paused_at IS NOT NULL AND type NOT IN ('child', 'backfill');
CREATE INDEX workflow_runs_pending_apart ON workflow_runs (workflow_id, run_after, id) WHERE status = 'pending' AND paused_at IS NULL AND type IN ('child', 'backfill');
CREATE INDEX workflow_runs_running ON workflow_runs (workflow_id, type) WHERE status = 'running';
CREATE INDEX workflow_runs_parent ON workflow_runs (parent_run_id, parent_seq) WHERE parent_run_id IS NOT NULL;
CREATE UNIQUE INDEX workflow_runs_backfill_date ON workflow_runs (backfill_id, logical_date) WHERE type = 'backfill';
CREATE INDEX workflow_runs_backfill_open ON workflow_runs (backfill_id) WHERE is_awaited AND type = 'backfill';
CREATE INDEX workflow_runs_awaited ON workflow_runs (id) WHERE is_awaited;
CREATE INDEX workflow_runs_scheduled ON workflow_runs (workflow_id, number) WHERE type = 'scheduled' AND status IN ('pending', 'running');
CREATE INDEX workflow_runs_replacing ON workflow_runs (workflow_id) WHERE replaces AND status IN ('pending', 'running');
CREATE INDEX workflow_runs_deadline ON workflow_runs (deadline_at) WHERE status = 'running' AND deadline_at IS NOT NULL;
CREATE INDEX workflow_runs_late ON workflow_runs (late_after) WHERE late_after IS NOT NULL;
CREATE INDEX workflow_runs_newest ON workflow_runs (created_at DESC, id DESC);
CREATE INDEX workflow_runs_by_workflow ON workflow_runs (workflow_id, created_at DESC, id DESC);
CREATE INDEX workflow_runs_usual ON workflow_runs (workflow_id, created_at DESC, id DESC) WHERE status = 'success' AND type IN ('scheduled', 'manual') AND selection = '';
CREATE INDEX workflow_runs_logical ON workflow_runs (workflow_id, logical_date);
CREATE INDEX workflow_runs_finished ON workflow_runs (finished_at) WHERE finished_at IS NOT NULL;

-- Runs and tasks that were not over at their deadline.
CREATE TABLE late_marks (
    workflow_run_id text NOT NULL,
    task            text NOT NULL, -- its name; empty: the run
    deadline        integer NOT NULL,
    noted_at        integer NOT NULL,
    PRIMARY KEY (workflow_run_id, task)
) WITHOUT ROWID;

-- A new run of a version with deadlines is looked at once, to see when these are.
CREATE TRIGGER workflow_runs_deadlines AFTER INSERT ON workflow_runs
    WHEN NEW.status <> 'skipped' AND (SELECT has_deadlines FROM workflow_versions WHERE id = NEW.version_id)
BEGIN
    UPDATE workflow_runs SET late_after = NEW.created_at WHERE id = NEW.id;
END;

-- What a run knows of its task runs as a whole; changed under the run's lock.
CREATE TABLE run_counters (
    workflow_run_id text PRIMARY KEY,
    done            integer NOT NULL DEFAULT 0, -- terminal task runs
    failed          integer NOT NULL DEFAULT 0, -- those that make the run fail
    active          integer NOT NULL DEFAULT 0, -- queued or running: bounded by max_active_tasks
    limited         integer NOT NULL DEFAULT 0  -- ready, but the run is at its max_active_tasks
) WITHOUT ROWID;

-- The state that people see. No index names the status, not even in its WHERE:
-- every task passes several, and an update stays in its page only as long as no
-- column of an index changes. is_rare changes for few, and so it has one.
CREATE TABLE task_runs (
    workflow_run_id text NOT NULL REFERENCES workflow_runs (id),
    seq             integer NOT NULL,
    task_id         text NOT NULL,
    name            text NOT NULL,
    status          text NOT NULL CHECK (status IN ('pending', 'queued', 'running', 'waiting', 'up_for_retry', 'success', 'failed', 'cancelled', 'skipped', 'upstream_failed')),
    reason          text NOT NULL DEFAULT '',
    attempt         integer NOT NULL DEFAULT 0,
    failures        integer NOT NULL DEFAULT 0,
    losses          integer NOT NULL DEFAULT 0,
    queue           text NOT NULL,
    priority        integer NOT NULL,
    queue_timeout   integer NOT NULL DEFAULT 0, -- microseconds; 0: waits for ever
    pool            text NOT NULL DEFAULT '',
    pool_slots      integer NOT NULL DEFAULT 0,
    is_finally      integer NOT NULL DEFAULT 0,
    reopens         integer NOT NULL DEFAULT 0, -- how often it was opened again, or marked
    up_total        integer NOT NULL, -- see UpstreamCounts
    up_success      integer NOT NULL DEFAULT 0,
    up_failed       integer NOT NULL DEFAULT 0,
    up_skipped      integer NOT NULL DEFAULT 0,
    exit_code       integer,
    outputs         text,
    queued_at       integer,
    started_at      integer,
    finished_at     integer,
    next_retry_at   integer,
    changed         integer NOT NULL,
    is_rare         integer GENERATED ALWAYS AS (status IN ('failed', 'waiting', 'up_for_retry', 'cancelled', 'skipped', 'upstream_failed')) STORED,
    PRIMARY KEY (workflow_run_id, seq),
    CHECK (up_success + up_failed + up_skipped <= up_total),
    CHECK ((finished_at IS NOT NULL) = (status IN ('success', 'failed', 'cancelled', 'skipped', 'upstream_failed')))
) WITHOUT ROWID;
CREATE INDEX task_runs_rare ON task_runs (workflow_run_id, seq) WHERE is_rare;

-- Ready = a row here. Only rows in state 'ready' are in the claim's index, so
-- retries that are not due and tasks above max_active_tasks cost a claim nothing.
CREATE TABLE task_queue (
    workflow_run_id text NOT NULL,
    seq             integer NOT NULL,
    state           text NOT NULL CHECK (state IN ('ready', 'paused', 'limited', 'delayed')),
    queue           text NOT NULL,
    priority        integer NOT NULL,
    pool            text NOT NULL DEFAULT '',
    pool_slots      integer NOT NULL DEFAULT 0,
    sort_key        integer NOT NULL, -- microseconds: when it became ready; the seq of one whose worker was lost; from 2^60 on: behind all runs
    due_at          integer,     -- of a delayed row
    expires_at      integer,     -- of a ready row with a queue_timeout
    PRIMARY KEY (workflow_run_id, seq)
) WITHOUT ROWID;
CREATE INDEX task_queue_ready ON task_queue (queue, priority DESC, sort_key) WHERE state = 'ready' AND pool = '';
CREATE INDEX task_queue_pooled ON task_queue (pool, queue, priority DESC, sort_key) WHERE state = 'ready' AND pool <> '';
CREATE INDEX task_queue_expiring ON task_queue (expires_at) WHERE state = 'ready' AND expires_at IS NOT NULL;
CREATE INDEX task_queue_limited ON task_queue (workflow_run_id, priority DESC, sort_key) WHERE state = 'limited';
CREATE INDEX task_queue_behind ON task_queue (workflow_run_id, priority DESC, sort_key) WHERE sort_key >= 1152921504606846976;
CREATE INDEX task_queue_delayed ON task_queue (due_at) WHERE state = 'delayed';

-- Running = a row here. Its primary key is the rule of one open attempt.
CREATE TABLE task_open (
    workflow_run_id text NOT NULL,
    seq             integer NOT NULL,
    token           text NOT NULL, -- of the Exchange that claimed it
    session_id      text NOT NULL,
    attempt         integer NOT NULL,
    pool            text NOT NULL DEFAULT '',
    pool_slots      integer NOT NULL DEFAULT 0, -- that it holds
    started_at      integer NOT NULL,
    PRIMARY KEY (workflow_run_id, seq)
) WITHOUT ROWID;
CREATE INDEX task_open_session ON task_open (session_id);
CREATE INDEX task_open_token ON task_open (token);
CREATE INDEX task_open_pool ON task_open (pool) WHERE pool <> '';

-- History = a row here, written once, when the attempt ends.
CREATE TABLE task_attempts (
    workflow_run_id text NOT NULL,
    seq             integer NOT NULL,
    number          integer NOT NULL,
    token           text NOT NULL,
    session_id      text NOT NULL,
    worker_name     text NOT NULL DEFAULT '',
    status          text NOT NULL CHECK (status IN ('success', 'failed', 'timed_out', 'cancelled', 'lost')),
    reason          text NOT NULL DEFAULT '',
    exit_code       integer,
    started_at      integer NOT NULL,
    finished_at     integer NOT NULL,
    PRIMARY KEY (workflow_run_id, seq, number)
) WITHOUT ROWID;

-- What an attempt that waits remembers from one look to the next. The attempt is
-- put aside in between: it has no row in task_open, and is no history yet.
CREATE TABLE task_waits (
    workflow_run_id text NOT NULL,
    seq             integer NOT NULL,
    attempt         integer NOT NULL,
    token           text NOT NULL, -- of the finish that put it aside
    session_id      text NOT NULL,
    since           integer NOT NULL, -- the first look, also of an earlier attempt that was lost
    started_at      integer NOT NULL, -- of the attempt
    memory          text NOT NULL,
    child_run_id    text, -- the child run that it waits for
    PRIMARY KEY (workflow_run_id, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX task_waits_child ON task_waits (child_run_id) WHERE child_run_id IS NOT NULL;

-- How far the items of a task run with for_each are, from when it has them.
CREATE TABLE task_fanouts (
    workflow_run_id text NOT NULL,
    seq             integer NOT NULL, -- of the task run that they belong to
    first           integer NOT NULL, -- the seq of its first item
    next            integer NOT NULL, -- the number of the first item that may still be held back
    total           integer NOT NULL,
    held            integer NOT NULL, -- by max_parallel
    success         integer NOT NULL DEFAULT 0,
    failed          integer NOT NULL DEFAULT 0,
    skipped         integer NOT NULL DEFAULT 0,
    cancelled       integer NOT NULL DEFAULT 0,
    keeps           integer NOT NULL DEFAULT 0, -- opened again for those items only that were no success
    PRIMARY KEY (workflow_run_id, seq)
) WITHOUT ROWID;

-- The task runs of running scheduled runs that depend on the past, that is on the
-- same task of the scheduled run before: whoever ends that one finds them here.
CREATE TABLE task_pasts (
    workflow_run_id text NOT NULL,
    seq             integer NOT NULL,
    workflow_id     text NOT NULL,
    name            text NOT NULL, -- of the task
    logical_date    integer NOT NULL, -- of the run
    reason          text NOT NULL DEFAULT '', -- what it waits for, as the last look told; empty: it has not waited
    PRIMARY KEY (workflow_run_id, seq)
) WITHOUT ROWID;
CREATE INDEX task_pasts_name ON task_pasts (workflow_id, name);

-- What each item is, as JSON.
CREATE TABLE task_items (
    workflow_run_id text NOT NULL,
    seq             integer NOT NULL,
    item            text NOT NULL,
    PRIMARY KEY (workflow_run_id, seq)
) WITHOUT ROWID;

-- What is over stays as it is: only opening it again, which counts, may change
-- the state of a task run or a run that has ended; history is never rewritten.
CREATE TRIGGER workflow_runs_frozen BEFORE UPDATE OF status, version_id ON workflow_runs
    WHEN OLD.generation = NEW.generation AND (OLD.version_id <> NEW.version_id
        OR OLD.status IN ('success', 'failed', 'cancelled', 'skipped') AND OLD.status <> NEW.status)
BEGIN SELECT RAISE(ABORT, 'the state of a finished row of workflow_runs never changes'); END;
CREATE TRIGGER task_runs_frozen BEFORE UPDATE OF status ON task_runs
    WHEN OLD.reopens = NEW.reopens AND OLD.status <> NEW.status
        AND OLD.status IN ('success', 'failed', 'cancelled', 'skipped', 'upstream_failed')
BEGIN SELECT RAISE(ABORT, 'the state of a finished row of task_runs never changes'); END;
CREATE TRIGGER task_attempts_frozen BEFORE UPDATE ON task_attempts
BEGIN SELECT RAISE(ABORT, 'the state of a finished row of task_attempts never changes'); END;

-- Which workflows start after which others, of the latest versions.
CREATE TABLE after_triggers (
    upstream    text NOT NULL, -- the name of a workflow
    workflow_id text NOT NULL REFERENCES workflows (id), -- that starts after its runs
    status      text NOT NULL CHECK (status IN ('success', 'failed', 'cancelled', 'finished')),
    PRIMARY KEY (upstream, workflow_id)
) WITHOUT ROWID;
CREATE INDEX after_triggers_workflow ON after_triggers (workflow_id);

-- The ends of runs that a workflow starts after, until a scheduler has looked at them.
CREATE TABLE after_ends (
    workflow_run_id text NOT NULL,
    workflow_id     text NOT NULL, -- that may start
    status          text NOT NULL,
    noted           integer NOT NULL, -- the revision of the run with this end
    PRIMARY KEY (workflow_run_id, workflow_id, status)
) WITHOUT ROWID;

-- Whatever ends a run notes it for them.
CREATE TRIGGER workflow_runs_ended AFTER UPDATE OF status ON workflow_runs
    WHEN NEW.status IN ('success', 'failed', 'cancelled') AND OLD.status <> NEW.status AND NEW.selection = '' AND NEW.backfill_id IS NULL
BEGIN
    INSERT INTO after_ends (workflow_run_id, workflow_id, status, noted)
    SELECT NEW.id, a.workflow_id, NEW.status, NEW.changed
    FROM workflows u JOIN after_triggers a ON a.upstream = u.name JOIN workflows w ON w.id = a.workflow_id
    WHERE u.id = NEW.workflow_id AND a.status IN (NEW.status, 'finished') AND w.is_active AND w.paused_at IS NULL AND w.retired_at IS NULL
    ON CONFLICT (workflow_run_id, workflow_id, status) DO UPDATE SET noted = excluded.noted;
END;

-- The workflows of whose latest versions files start runs.
CREATE TABLE file_triggers (
    workflow_id text PRIMARY KEY REFERENCES workflows (id),
    hash        text NOT NULL DEFAULT '', -- of what is looked at; empty, or of none: it begins with the files that are there
    fault       text NOT NULL DEFAULT '' -- what is wrong with its files now
) WITHOUT ROWID;

-- The files that these have seen, as long as they are there, and for a while after.
CREATE TABLE seen_files (
    workflow_id text NOT NULL,
    path        text NOT NULL,
    size        integer NOT NULL,
    modified    integer NOT NULL,
    gone_at     integer, -- since when it is not there; null: it is
    PRIMARY KEY (workflow_id, path)
) WITHOUT ROWID;

-- Task runs that need a decision of Advance. The generation rises with each
-- request, so that an answer to an older one leaves the newer one open.
CREATE TABLE task_decisions (
    workflow_run_id text NOT NULL,
    seq             integer NOT NULL,
    generation      integer NOT NULL DEFAULT 1,
    PRIMARY KEY (workflow_run_id, seq)
) WITHOUT ROWID;

-- What happened of which somebody wants to be told, until notifications are made of it.
CREATE TABLE notices (
    id              integer PRIMARY KEY,
    workflow_run_id text NOT NULL,
    version_id      text NOT NULL, -- whose definition says who is told
    seq             integer NOT NULL, -- of the task run; -1: the run itself
    event           text NOT NULL,
    task            text NOT NULL,
    status          text NOT NULL, -- this and what follows: as it was then
    attempt         integer NOT NULL,
    reason          text NOT NULL,
    at              integer NOT NULL
);
CREATE INDEX notices_run ON notices (workflow_run_id, id);

-- The outbox: messages, each to one recipient.
CREATE TABLE notifications (
    id              text PRIMARY KEY,
    workflow_run_id text NOT NULL REFERENCES workflow_runs (id) ON DELETE CASCADE,
    event           text NOT NULL CHECK (event IN ('success', 'failure', 'retry', 'cancel', 'late')),
    of_tasks        integer NOT NULL, -- it is about tasks of the run, else about the run itself
    recipient       text NOT NULL, -- JSON
    destination     text NOT NULL, -- the server that it goes to
    fold_key        text NOT NULL, -- the same for those of the run that can be one message
    facts           text NOT NULL, -- JSON: what it tells; it stays from the first try on
    task_count      integer NOT NULL,
    at              integer NOT NULL, -- when the first thing happened that it tells
    state           text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'stuck')),
    due_at          integer NOT NULL, -- of one in somebody's hands: when these give it up
    since           integer NOT NULL, -- when the first try of the round was
    tries           integer NOT NULL DEFAULT 0,
    round           integer NOT NULL DEFAULT 0, -- the tries since it was last sent by hand, or made
    last_error      text NOT NULL DEFAULT '',
    token           text, -- of the last claim
    claimed_until   integer NOT NULL DEFAULT 0,
    created_at      integer NOT NULL,
    sent_at         integer,
    CHECK ((sent_at IS NOT NULL) = (state = 'sent'))
);
CREATE INDEX notifications_due ON notifications (due_at) WHERE state = 'pending';
CREATE INDEX notifications_destination ON notifications (destination, due_at, id) WHERE state = 'pending';
CREATE INDEX notifications_claimed ON notifications (claimed_until) WHERE state = 'pending' AND claimed_until > 0;
CREATE INDEX notifications_unsent ON notifications (state, id) WHERE state <> 'sent';
CREATE INDEX notifications_run ON notifications (workflow_run_id, fold_key);

-- Sessions of workers: a row per process start.
CREATE TABLE workers (
    id             text PRIMARY KEY,
    name           text NOT NULL,
    hostname       text NOT NULL,
    pid            integer NOT NULL,
    version        text NOT NULL,
    queues         text NOT NULL,
    concurrency    integer NOT NULL,
    status         text NOT NULL CHECK (status IN ('active', 'draining', 'inactive')),
    beat           integer NOT NULL DEFAULT 0,
    lease          integer NOT NULL,
    lease_until    integer NOT NULL,
    started_at     integer NOT NULL,
    last_heartbeat integer NOT NULL,
    end_reason     text NOT NULL DEFAULT '' -- why it ended its session; empty: it did not say so itself
);
CREATE UNIQUE INDEX workers_name ON workers (name) WHERE status <> 'inactive';

CREATE TABLE pools (
    name        text PRIMARY KEY,
    slots       integer NOT NULL CHECK (slots >= 0),
    description text NOT NULL DEFAULT '',
    origin      text NOT NULL CHECK (origin IN ('file', 'api')),
    created_at  integer NOT NULL,
    updated_at  integer NOT NULL
);

-- Values that the expressions of all workflows may read.
CREATE TABLE vars (
    name        text PRIMARY KEY,
    value       text NOT NULL, -- JSON
    description text NOT NULL DEFAULT '',
    updated_at  integer NOT NULL,
    updated_by  text NOT NULL DEFAULT ''
);

-- Values that only tasks get which name them. What is sealed with a key outside of
-- the database has no meaning here.
CREATE TABLE secrets (
    name       text PRIMARY KEY,
    key_id     text NOT NULL, -- which key opens it
    sealed     blob NOT NULL,
    updated_at integer NOT NULL,
    updated_by text NOT NULL DEFAULT ''
);

CREATE TABLE api_tokens (
    name       text PRIMARY KEY,
    hash       blob NOT NULL UNIQUE, -- of the text, which nobody keeps
    created_at integer NOT NULL,
    created_by text NOT NULL DEFAULT ''
);

CREATE TABLE leases (
    name       text PRIMARY KEY,
    holder     text NOT NULL,
    expires_at integer NOT NULL
) WITHOUT ROWID;

CREATE TABLE import_errors (
    file    text NOT NULL,
    line    integer NOT NULL,
    col     integer NOT NULL,
    message text NOT NULL,
    since   integer NOT NULL
);
CREATE INDEX import_errors_file ON import_errors (file, line, col);

-- Who changed what. It names runs and workflows without a foreign key: it stays
-- when they are deleted.
CREATE TABLE audit_log (
    id          integer PRIMARY KEY,
    at          integer NOT NULL,
    actor       text NOT NULL,
    action      text NOT NULL,
    subject     text NOT NULL, -- what it was done to: an id or a name
    workflow_id text, -- of a run or a workflow
    reason      text NOT NULL DEFAULT '',
    details     text NOT NULL DEFAULT '', -- JSON: what exactly was done; empty: the action says all
    request_id  text UNIQUE -- of a request that must not be done twice
);
CREATE INDEX audit_log_subject ON audit_log (subject, id);
CREATE INDEX audit_log_workflow ON audit_log (workflow_id, id);
CREATE INDEX audit_log_action ON audit_log (action, id);

-- The last number given to a change: the revision of the rows it wrote.
CREATE TABLE revision (
    id    integer PRIMARY KEY CHECK (id = 1),
    value integer NOT NULL
);
INSERT INTO revision (id, value) VALUES (1, 0);
