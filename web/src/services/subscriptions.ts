import { graphql } from "../gql";

// What the page is told live.

export const RunUpdates = graphql(`
  subscription RunUpdates($id: ID!, $sinceRevision: Int64) {
    workflowRunUpdated(id: $id, sinceRevision: $sinceRevision) {
      workflowRun {
        ...RunSummary
      }
      revision
      changedTaskRuns {
        ...TaskRow
      }
    }
  }
`);

export const RunsUpdates = graphql(`
  subscription RunsUpdates($filter: WorkflowRunFilter) {
    workflowRunsUpdated(filter: $filter) {
      ...RunSummary
    }
  }
`);

export const LogUpdates = graphql(`
  subscription LogUpdates($taskRunId: ID!, $attempt: Int, $fromOffset: Int64!) {
    taskLogs(taskRunId: $taskRunId, attempt: $attempt, fromOffset: $fromOffset) {
      attempt
      offset
      text
      nextOffset
      isComplete
    }
  }
`);

export const WorkersUpdates = graphql(`
  subscription WorkersUpdates {
    workersUpdated {
      id
      name
      hostname
      pid
      version
      queues
      concurrency
      running
      status
      startedAt
      lastHeartbeat
    }
  }
`);

export const CatalogUpdates = graphql(`
  subscription CatalogUpdates {
    catalogUpdated {
      changedWorkflows {
        name
      }
    }
  }
`);
