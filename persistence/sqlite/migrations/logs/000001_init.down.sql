DROP TABLE artifact_chunks;
DROP TABLE artifacts;
DROP TABLE task_logs;
