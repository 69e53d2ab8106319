import { graphql } from "../gql";

// What the page asks of the API; mutations.ts has what it changes, subscriptions.ts what it is told live, and backfillDocuments.ts and notificationDocuments.ts all about these.

export const RunSummary = graphql(`
  fragment RunSummary on WorkflowRun {
    id
    number
    label
    status
    reason
    revision
    cause {
      kind
      detail
      by
    }
    runAfter
    logicalDate
    createdAt
    startedAt
    finishedAt
    cancelRequestedAt
    pausedAt
    lateAt
    generation
    taskCount
    taskStates {
      status
      count
    }
    workflow {
      id
      name
    }
  }
`);

export const TaskRow = graphql(`
  fragment TaskRow on TaskRun {
    id
    name
    index
    status
    attempt
    reason
    exitCode
    queuedAt
    startedAt
    finishedAt
    nextRetryAt
  }
`);

export const WorkflowSummary = graphql(`
  fragment WorkflowSummary on Workflow {
    id
    name
    description
    owner
    tags
    sourceFile
    scheduleCron
    isActive
    isPaused
    pausedAt
    retiredAt
    schedules {
      name
      text
      timezone
      nextFireAt
    }
    triggers {
      kind
      text
    }
    params {
      name
      type
      description
      enum
      default
      isRequired
      pattern
      minimum
      maximum
    }
    latestRun {
      ...RunSummary
    }
  }
`);

export const WorkflowsQuery = graphql(`
  query Workflows($first: Int!, $after: String, $filter: WorkflowFilter) {
    workflows(first: $first, after: $after, filter: $filter) {
      nodes {
        ...WorkflowSummary
      }
      pageInfo {
        hasNextPage
        endCursor
      }
      totalCount
      totalCountIsExact
    }
    importErrors {
      file
      line
      column
      message
      since
    }
  }
`);

export const WorkflowQuery = graphql(`
  query Workflow($name: String!, $first: Int!, $after: String) {
    workflow(name: $name) {
      ...WorkflowSummary
      docs
      triggers {
        after {
          workflow
          isThere
        }
      }
      starts
      maxActiveRuns
      updatedAt
      vars {
        name
        isSet
      }
      secrets {
        name
        isSet
      }
      version {
        id
        number
        commit {
          hash
          author
          authoredAt
          isDirty
        }
        tasks {
          name
          dependsOn
        }
      }
      runs(first: $first, after: $after) {
        nodes {
          ...RunSummary
        }
        pageInfo {
          hasNextPage
          endCursor
        }
        totalCount
        totalCountIsExact
      }
    }
  }
`);

export const NextSlotsQuery = graphql(`
  query NextSlots($workflow: String!) {
    nextSlots(workflow: $workflow) {
      at
      timezone
      schedule
      times
      note
    }
  }
`);

export const MissedSlotsQuery = graphql(`
  query MissedSlots($workflow: String!) {
    workflow(name: $workflow) {
      id
      dueSlots {
        schedule
        first
        last
        count
        countIsExact
        status
        text
      }
      missedSlots(first: 100) {
        nodes {
          schedule
          first
          last
          count
          countIsExact
          text
        }
        pageInfo {
          hasNextPage
        }
      }
    }
  }
`);

export const RunQuery = graphql(`
  query Run($workflow: String!, $number: Int64!) {
    workflow(name: $workflow) {
      id
      name
      run(number: $number) {
        ...RunSummary
        deadlineAt
        lateMarks {
          task
          deadline
        }
        backfill {
          id
          name
          workflow {
            id
            name
          }
        }
        params
        outputs
        outputsError
        parent {
          id
          name
          workflowRun {
            id
            number
            label
            workflow {
              id
              name
            }
          }
        }
        workflow {
          isActive
          isPaused
          maxActiveRuns
          version {
            id
            number
          }
        }
        version {
          id
          number
          tasks {
            name
            dependsOn
          }
        }
      }
    }
  }
`);

export const TaskRunQuery = graphql(`
  query TaskRun($id: ID!) {
    taskRun(id: $id) {
      ...TaskRow
      outputs
      childRun {
        id
        number
        label
        status
        workflow {
          id
          name
        }
      }
      queue
      task {
        description
        group
        triggerRule
        when
        noop
        approval {
          approvers
          fields {
            name
            type
            description
            enum
            default
            isRequired
            pattern
            minimum
            maximum
          }
        }
        timeoutSeconds
        command {
          script
          argv
        }
        retry {
          count
        }
      }
      waitReason
      dependsOn
      artifacts(first: 100) {
        nodes {
          name
          size
          sha256
          url
        }
        totalCount
        totalCountIsExact
      }
      attempts {
        number
        status
        reason
        exitCode
        worker
        startedAt
        finishedAt
      }
    }
  }
`);

export const LogsQuery = graphql(`
  query Logs($id: ID!, $attempt: Int, $fromOffset: Int64!, $limit: Int!) {
    taskRun(id: $id) {
      id
      logs(attempt: $attempt, fromOffset: $fromOffset, limit: $limit) {
        offset
        text
        nextOffset
        isComplete
      }
    }
  }
`);

export const LoadQuery = graphql(`
  query Load {
    queueDepths {
      queue
      depth
    }
    pools {
      name
      slots
      used
      waiting
      description
      origin
      holders {
        run
        task
        slots
        taskRunId
      }
    }
  }
`);
