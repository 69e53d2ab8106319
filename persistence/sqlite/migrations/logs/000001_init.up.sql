-- Logs have a file of their own, so that their writes never wait for the others.
CREATE TABLE task_logs (
    workflow_run_id text NOT NULL,
    seq             integer NOT NULL,
    attempt         integer NOT NULL,
    start           integer NOT NULL, -- offset of the first byte, uncompressed
    size            integer NOT NULL, -- bytes, uncompressed
    data            blob NOT NULL,    -- zstd
    PRIMARY KEY (workflow_run_id, seq, attempt, start)
);

-- Files that attempts have left. The bytes of one that is in a folder are not here.
CREATE TABLE artifacts (
    workflow_run_id text NOT NULL,
    seq             integer NOT NULL,
    attempt         integer NOT NULL,
    name            text NOT NULL,
    number          integer NOT NULL, -- of its chunks
    size            integer NOT NULL,
    sha256          text NOT NULL,
    place           text NOT NULL CHECK (place IN ('store', 'folder')),
    created_at      integer NOT NULL,
    PRIMARY KEY (workflow_run_id, seq, attempt, name)
);

CREATE TABLE artifact_chunks (
    workflow_run_id text NOT NULL,
    seq             integer NOT NULL,
    attempt         integer NOT NULL,
    number          integer NOT NULL,
    start           integer NOT NULL, -- offset of the first byte, uncompressed
    size            integer NOT NULL, -- bytes, uncompressed
    data            blob NOT NULL,    -- zstd
    PRIMARY KEY (workflow_run_id, seq, attempt, number, start)
);
