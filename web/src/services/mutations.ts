import { graphql } from "../gql";

// Everything that the page changes through the API, in one place. Fragments are those of documents.ts.

export const TriggerMutation = graphql(`
  mutation TriggerWorkflow($input: TriggerWorkflowInput!) {
    triggerWorkflow(input: $input) {
      workflowRun {
        id
        number
        label
      }
      userErrors {
        field
        message
      }
    }
  }
`);

export const CancelMutation = graphql(`
  mutation CancelWorkflowRun($input: CancelWorkflowRunInput!) {
    cancelWorkflowRun(input: $input) {
      workflowRun {
        ...RunSummary
      }
      userErrors {
        message
      }
    }
  }
`);

export const PauseRunMutation = graphql(`
  mutation PauseWorkflowRun($input: PauseWorkflowRunInput!) {
    pauseWorkflowRun(input: $input) {
      workflowRun {
        ...RunSummary
      }
      userErrors {
        message
      }
    }
  }
`);

export const ResumeRunMutation = graphql(`
  mutation ResumeWorkflowRun($input: ResumeWorkflowRunInput!) {
    resumeWorkflowRun(input: $input) {
      workflowRun {
        ...RunSummary
      }
      userErrors {
        message
      }
    }
  }
`);

export const RetryMutation = graphql(`
  mutation RetryWorkflowRun($input: RetryWorkflowRunInput!) {
    retryWorkflowRun(input: $input) {
      workflowRun {
        ...RunSummary
      }
      taskRuns {
        name
      }
      userErrors {
        message
      }
    }
  }
`);

export const ClearMutation = graphql(`
  mutation ClearTaskRuns($input: ClearTaskRunsInput!) {
    clearTaskRuns(input: $input) {
      workflowRun {
        ...RunSummary
      }
      taskRuns {
        name
      }
      userErrors {
        message
      }
    }
  }
`);

export const MarkMutation = graphql(`
  mutation MarkTaskRuns($input: MarkTaskRunsInput!) {
    markTaskRuns(input: $input) {
      workflowRun {
        ...RunSummary
      }
      taskRuns {
        name
      }
      userErrors {
        message
      }
    }
  }
`);

export const DrainMutation = graphql(`
  mutation DrainWorker($input: DrainWorkerInput!) {
    drainWorker(input: $input) {
      worker {
        id
        status
      }
      userErrors {
        message
      }
    }
  }
`);

export const SetPoolMutation = graphql(`
  mutation SetPool($input: SetPoolInput!) {
    setPool(input: $input) {
      pool {
        name
      }
      userErrors {
        field
        message
      }
    }
  }
`);

export const DeletePoolMutation = graphql(`
  mutation DeletePool($input: DeletePoolInput!) {
    deletePool(input: $input) {
      isDeleted
      userErrors {
        message
      }
    }
  }
`);

export const PauseMutation = graphql(`
  mutation PauseWorkflow($input: PauseWorkflowInput!) {
    pauseWorkflow(input: $input) {
      workflow {
        id
        isPaused
        pausedAt
      }
      userErrors {
        message
      }
    }
  }
`);

export const UnpauseMutation = graphql(`
  mutation UnpauseWorkflow($input: UnpauseWorkflowInput!) {
    unpauseWorkflow(input: $input) {
      workflow {
        id
        isPaused
        pausedAt
      }
      userErrors {
        message
      }
    }
  }
`);

export const AnswerMutation = graphql(`
  mutation AnswerApproval($input: AnswerApprovalInput!) {
    answerApproval(input: $input) {
      workflowRun {
        ...RunSummary
      }
      userErrors {
        field
        message
      }
    }
  }
`);
