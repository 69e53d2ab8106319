import { graphql } from "../gql";

// What the page asks of the API about backfills, and changes of them.

export const BackfillSummary = graphql(`
  fragment BackfillSummary on Backfill {
    id
    name
    label
    status
    pausedAt
    problem
    hold
    scheduleName
    timezone
    from
    to
    mode
    order
    concurrency
    total
    created
    leftAlone
    remaining
    runStates {
      status
      count
    }
    createdBy
    createdAt
    finishedAt
  }
`);

export const BackfillsQuery = graphql(`
  query Backfills($workflow: String!, $first: Int!, $after: String) {
    backfills(first: $first, after: $after, filter: { workflow: $workflow }) {
      nodes {
        ...BackfillSummary
      }
      pageInfo {
        hasNextPage
        endCursor
      }
      totalCount
      totalCountIsExact
    }
  }
`);

export const BackfillQuery = graphql(`
  query Backfill($workflow: String!, $name: String!, $first: Int!, $after: String) {
    backfills(first: 1, filter: { workflow: $workflow, name: $name }) {
      nodes {
        ...BackfillSummary
        reason
        params
        selection {
          only
          from
          until
        }
        keepsRuns
        version {
          id
          number
        }
        runs(first: $first, after: $after) {
          nodes {
            ...RunSummary
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
    }
  }
`);

export const PlanBackfillMutation = graphql(`
  mutation PlanBackfill($input: CreateBackfillInput!) {
    createBackfill(input: $input) {
      dates {
        logicalDate
        action
        reason
      }
      userErrors {
        field
        message
      }
    }
  }
`);

export const CreateBackfillMutation = graphql(`
  mutation CreateBackfill($input: CreateBackfillInput!) {
    createBackfill(input: $input) {
      backfill {
        id
        name
      }
      isNew
      userErrors {
        field
        message
      }
    }
  }
`);

export const PauseBackfillMutation = graphql(`
  mutation PauseBackfill($input: PauseBackfillInput!) {
    pauseBackfill(input: $input) {
      backfill {
        ...BackfillSummary
      }
      userErrors {
        message
      }
    }
  }
`);

export const ResumeBackfillMutation = graphql(`
  mutation ResumeBackfill($input: ResumeBackfillInput!) {
    resumeBackfill(input: $input) {
      backfill {
        ...BackfillSummary
      }
      userErrors {
        message
      }
    }
  }
`);

export const CancelBackfillMutation = graphql(`
  mutation CancelBackfill($input: CancelBackfillInput!) {
    cancelBackfill(input: $input) {
      backfill {
        ...BackfillSummary
      }
      userErrors {
        message
      }
    }
  }
`);
