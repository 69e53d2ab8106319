import { graphql } from "../gql";

// What the page asks of the API about notifications, and how it sends them again.

export const NotificationRow = graphql(`
  fragment NotificationRow on Notification {
    id
    run
    event
    ofTasks
    tasks {
      name
    }
    taskCount
    recipient
    state
    tries
    lastError
    at
    dueAt
    sentAt
  }
`);

export const RunNotificationsQuery = graphql(`
  query RunNotifications($run: ID!) {
    notifications(first: 100, filter: { workflowRunId: $run }) {
      nodes {
        ...NotificationRow
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`);

export const NotificationsQuery = graphql(`
  query Notifications($first: Int!, $after: String, $state: NotificationState) {
    notifications(first: $first, after: $after, filter: { state: $state }) {
      nodes {
        ...NotificationRow
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

// Its node has the answer asked again as soon as one was sent.
export const StuckQuery = graphql(`
  query Stuck {
    notifications(first: 1, filter: { state: STUCK }) {
      nodes {
        id
      }
      totalCount
      totalCountIsExact
    }
  }
`);

export const SendNotificationMutation = graphql(`
  mutation SendNotification($input: SendNotificationInput!) {
    sendNotification(input: $input) {
      notification {
        id
      }
      userErrors {
        message
      }
    }
  }
`);
