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
