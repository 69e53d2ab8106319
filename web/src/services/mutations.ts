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
