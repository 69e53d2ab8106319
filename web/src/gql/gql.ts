/* eslint-disable */
import * as types from './graphql';
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';

/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "\n  fragment RunSummary on WorkflowRun {\n    id\n    number\n    label\n    status\n    reason\n    revision\n    type\n    runAfter\n    createdAt\n    startedAt\n    finishedAt\n    cancelRequestedAt\n    pausedAt\n    generation\n    taskCount\n    taskStates {\n      status\n      count\n    }\n    workflow {\n      id\n      name\n    }\n  }\n": typeof types.RunSummaryFragmentDoc,
    "\n  fragment TaskRow on TaskRun {\n    id\n    name\n    index\n    status\n    attempt\n    reason\n    exitCode\n    queuedAt\n    startedAt\n    finishedAt\n    nextRetryAt\n  }\n": typeof types.TaskRowFragmentDoc,
    "\n  fragment WorkflowSummary on Workflow {\n    id\n    name\n    description\n    owner\n    tags\n    sourceFile\n    scheduleCron\n    isActive\n    isPaused\n    pausedAt\n    retiredAt\n    schedules {\n      cron\n      timezone\n      nextFireAt\n    }\n    params {\n      name\n      type\n      description\n      enum\n      default\n      isRequired\n      pattern\n      minimum\n      maximum\n    }\n    latestRun {\n      ...RunSummary\n    }\n  }\n": typeof types.WorkflowSummaryFragmentDoc,
    "\n  query Workflows($first: Int!, $after: String, $filter: WorkflowFilter) {\n    workflows(first: $first, after: $after, filter: $filter) {\n      nodes {\n        ...WorkflowSummary\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      totalCount\n      totalCountIsExact\n    }\n    importErrors {\n      file\n      line\n      column\n      message\n      since\n    }\n  }\n": typeof types.WorkflowsDocument,
    "\n  query Workflow($name: String!, $first: Int!, $after: String) {\n    workflow(name: $name) {\n      ...WorkflowSummary\n      docs\n      maxActiveRuns\n      updatedAt\n      version {\n        id\n        number\n        tasks {\n          name\n          dependsOn\n        }\n      }\n      runs(first: $first, after: $after) {\n        nodes {\n          ...RunSummary\n        }\n        pageInfo {\n          hasNextPage\n          endCursor\n        }\n        totalCount\n        totalCountIsExact\n      }\n    }\n  }\n": typeof types.WorkflowDocument,
    "\n  query Run($workflow: String!, $number: Int64!) {\n    workflow(name: $workflow) {\n      id\n      name\n      run(number: $number) {\n        ...RunSummary\n        deadlineAt\n        params\n        workflow {\n          isActive\n          isPaused\n          maxActiveRuns\n          version {\n            id\n            number\n          }\n        }\n        version {\n          id\n          number\n          tasks {\n            name\n            dependsOn\n          }\n        }\n      }\n    }\n  }\n": typeof types.RunDocument,
    "\n  query TaskRun($id: ID!) {\n    taskRun(id: $id) {\n      ...TaskRow\n      outputs\n      queue\n      task {\n        description\n        group\n        triggerRule\n        when\n        noop\n        approval {\n          fields {\n            name\n            type\n            description\n            enum\n            default\n            isRequired\n            pattern\n            minimum\n            maximum\n          }\n        }\n        timeoutSeconds\n        command {\n          script\n          argv\n        }\n        retry {\n          count\n        }\n      }\n      waitReason\n      dependsOn\n      artifacts(first: 100) {\n        nodes {\n          name\n          size\n          sha256\n          url\n        }\n        totalCount\n        totalCountIsExact\n      }\n      attempts {\n        number\n        status\n        reason\n        exitCode\n        worker\n        startedAt\n        finishedAt\n      }\n    }\n  }\n": typeof types.TaskRunDocument,
    "\n  query Logs($id: ID!, $attempt: Int, $fromOffset: Int64!, $limit: Int!) {\n    taskRun(id: $id) {\n      id\n      logs(attempt: $attempt, fromOffset: $fromOffset, limit: $limit) {\n        offset\n        text\n        nextOffset\n        isComplete\n      }\n    }\n  }\n": typeof types.LogsDocument,
    "\n  query Load {\n    queueDepths {\n      queue\n      depth\n    }\n    pools {\n      name\n      slots\n      used\n      waiting\n      description\n      origin\n      holders {\n        run\n        task\n        slots\n        taskRunId\n      }\n    }\n  }\n": typeof types.LoadDocument,
    "\n  subscription RunUpdates($id: ID!, $sinceRevision: Int64) {\n    workflowRunUpdated(id: $id, sinceRevision: $sinceRevision) {\n      workflowRun {\n        ...RunSummary\n      }\n      revision\n      changedTaskRuns {\n        ...TaskRow\n      }\n    }\n  }\n": typeof types.RunUpdatesDocument,
    "\n  subscription RunsUpdates($filter: WorkflowRunFilter) {\n    workflowRunsUpdated(filter: $filter) {\n      ...RunSummary\n    }\n  }\n": typeof types.RunsUpdatesDocument,
    "\n  subscription LogUpdates($taskRunId: ID!, $attempt: Int, $fromOffset: Int64!) {\n    taskLogs(taskRunId: $taskRunId, attempt: $attempt, fromOffset: $fromOffset) {\n      attempt\n      offset\n      text\n      nextOffset\n      isComplete\n    }\n  }\n": typeof types.LogUpdatesDocument,
    "\n  subscription WorkersUpdates {\n    workersUpdated {\n      id\n      name\n      hostname\n      pid\n      version\n      queues\n      concurrency\n      running\n      status\n      startedAt\n      lastHeartbeat\n    }\n  }\n": typeof types.WorkersUpdatesDocument,
    "\n  subscription CatalogUpdates {\n    catalogUpdated {\n      changedWorkflows {\n        name\n      }\n    }\n  }\n": typeof types.CatalogUpdatesDocument,
    "\n  mutation TriggerWorkflow($input: TriggerWorkflowInput!) {\n    triggerWorkflow(input: $input) {\n      workflowRun {\n        id\n        number\n        label\n      }\n      userErrors {\n        field\n        message\n      }\n    }\n  }\n": typeof types.TriggerWorkflowDocument,
    "\n  mutation CancelWorkflowRun($input: CancelWorkflowRunInput!) {\n    cancelWorkflowRun(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n": typeof types.CancelWorkflowRunDocument,
    "\n  mutation PauseWorkflowRun($input: PauseWorkflowRunInput!) {\n    pauseWorkflowRun(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n": typeof types.PauseWorkflowRunDocument,
    "\n  mutation ResumeWorkflowRun($input: ResumeWorkflowRunInput!) {\n    resumeWorkflowRun(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n": typeof types.ResumeWorkflowRunDocument,
    "\n  mutation RetryWorkflowRun($input: RetryWorkflowRunInput!) {\n    retryWorkflowRun(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      taskRuns {\n        name\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n": typeof types.RetryWorkflowRunDocument,
    "\n  mutation ClearTaskRuns($input: ClearTaskRunsInput!) {\n    clearTaskRuns(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      taskRuns {\n        name\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n": typeof types.ClearTaskRunsDocument,
    "\n  mutation MarkTaskRuns($input: MarkTaskRunsInput!) {\n    markTaskRuns(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      taskRuns {\n        name\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n": typeof types.MarkTaskRunsDocument,
    "\n  mutation DrainWorker($input: DrainWorkerInput!) {\n    drainWorker(input: $input) {\n      worker {\n        id\n        status\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n": typeof types.DrainWorkerDocument,
    "\n  mutation SetPool($input: SetPoolInput!) {\n    setPool(input: $input) {\n      pool {\n        name\n      }\n      userErrors {\n        field\n        message\n      }\n    }\n  }\n": typeof types.SetPoolDocument,
    "\n  mutation DeletePool($input: DeletePoolInput!) {\n    deletePool(input: $input) {\n      isDeleted\n      userErrors {\n        message\n      }\n    }\n  }\n": typeof types.DeletePoolDocument,
    "\n  mutation PauseWorkflow($input: PauseWorkflowInput!) {\n    pauseWorkflow(input: $input) {\n      workflow {\n        id\n        isPaused\n        pausedAt\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n": typeof types.PauseWorkflowDocument,
    "\n  mutation UnpauseWorkflow($input: UnpauseWorkflowInput!) {\n    unpauseWorkflow(input: $input) {\n      workflow {\n        id\n        isPaused\n        pausedAt\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n": typeof types.UnpauseWorkflowDocument,
    "\n  mutation AnswerApproval($input: AnswerApprovalInput!) {\n    answerApproval(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      userErrors {\n        field\n        message\n      }\n    }\n  }\n": typeof types.AnswerApprovalDocument,
};
const documents: Documents = {
    "\n  fragment RunSummary on WorkflowRun {\n    id\n    number\n    label\n    status\n    reason\n    revision\n    type\n    runAfter\n    createdAt\n    startedAt\n    finishedAt\n    cancelRequestedAt\n    pausedAt\n    generation\n    taskCount\n    taskStates {\n      status\n      count\n    }\n    workflow {\n      id\n      name\n    }\n  }\n": types.RunSummaryFragmentDoc,
    "\n  fragment TaskRow on TaskRun {\n    id\n    name\n    index\n    status\n    attempt\n    reason\n    exitCode\n    queuedAt\n    startedAt\n    finishedAt\n    nextRetryAt\n  }\n": types.TaskRowFragmentDoc,
    "\n  fragment WorkflowSummary on Workflow {\n    id\n    name\n    description\n    owner\n    tags\n    sourceFile\n    scheduleCron\n    isActive\n    isPaused\n    pausedAt\n    retiredAt\n    schedules {\n      cron\n      timezone\n      nextFireAt\n    }\n    params {\n      name\n      type\n      description\n      enum\n      default\n      isRequired\n      pattern\n      minimum\n      maximum\n    }\n    latestRun {\n      ...RunSummary\n    }\n  }\n": types.WorkflowSummaryFragmentDoc,
    "\n  query Workflows($first: Int!, $after: String, $filter: WorkflowFilter) {\n    workflows(first: $first, after: $after, filter: $filter) {\n      nodes {\n        ...WorkflowSummary\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      totalCount\n      totalCountIsExact\n    }\n    importErrors {\n      file\n      line\n      column\n      message\n      since\n    }\n  }\n": types.WorkflowsDocument,
    "\n  query Workflow($name: String!, $first: Int!, $after: String) {\n    workflow(name: $name) {\n      ...WorkflowSummary\n      docs\n      maxActiveRuns\n      updatedAt\n      version {\n        id\n        number\n        tasks {\n          name\n          dependsOn\n        }\n      }\n      runs(first: $first, after: $after) {\n        nodes {\n          ...RunSummary\n        }\n        pageInfo {\n          hasNextPage\n          endCursor\n        }\n        totalCount\n        totalCountIsExact\n      }\n    }\n  }\n": types.WorkflowDocument,
    "\n  query Run($workflow: String!, $number: Int64!) {\n    workflow(name: $workflow) {\n      id\n      name\n      run(number: $number) {\n        ...RunSummary\n        deadlineAt\n        params\n        workflow {\n          isActive\n          isPaused\n          maxActiveRuns\n          version {\n            id\n            number\n          }\n        }\n        version {\n          id\n          number\n          tasks {\n            name\n            dependsOn\n          }\n        }\n      }\n    }\n  }\n": types.RunDocument,
    "\n  query TaskRun($id: ID!) {\n    taskRun(id: $id) {\n      ...TaskRow\n      outputs\n      queue\n      task {\n        description\n        group\n        triggerRule\n        when\n        noop\n        approval {\n          fields {\n            name\n            type\n            description\n            enum\n            default\n            isRequired\n            pattern\n            minimum\n            maximum\n          }\n        }\n        timeoutSeconds\n        command {\n          script\n          argv\n        }\n        retry {\n          count\n        }\n      }\n      waitReason\n      dependsOn\n      artifacts(first: 100) {\n        nodes {\n          name\n          size\n          sha256\n          url\n        }\n        totalCount\n        totalCountIsExact\n      }\n      attempts {\n        number\n        status\n        reason\n        exitCode\n        worker\n        startedAt\n        finishedAt\n      }\n    }\n  }\n": types.TaskRunDocument,
    "\n  query Logs($id: ID!, $attempt: Int, $fromOffset: Int64!, $limit: Int!) {\n    taskRun(id: $id) {\n      id\n      logs(attempt: $attempt, fromOffset: $fromOffset, limit: $limit) {\n        offset\n        text\n        nextOffset\n        isComplete\n      }\n    }\n  }\n": types.LogsDocument,
    "\n  query Load {\n    queueDepths {\n      queue\n      depth\n    }\n    pools {\n      name\n      slots\n      used\n      waiting\n      description\n      origin\n      holders {\n        run\n        task\n        slots\n        taskRunId\n      }\n    }\n  }\n": types.LoadDocument,
    "\n  subscription RunUpdates($id: ID!, $sinceRevision: Int64) {\n    workflowRunUpdated(id: $id, sinceRevision: $sinceRevision) {\n      workflowRun {\n        ...RunSummary\n      }\n      revision\n      changedTaskRuns {\n        ...TaskRow\n      }\n    }\n  }\n": types.RunUpdatesDocument,
    "\n  subscription RunsUpdates($filter: WorkflowRunFilter) {\n    workflowRunsUpdated(filter: $filter) {\n      ...RunSummary\n    }\n  }\n": types.RunsUpdatesDocument,
    "\n  subscription LogUpdates($taskRunId: ID!, $attempt: Int, $fromOffset: Int64!) {\n    taskLogs(taskRunId: $taskRunId, attempt: $attempt, fromOffset: $fromOffset) {\n      attempt\n      offset\n      text\n      nextOffset\n      isComplete\n    }\n  }\n": types.LogUpdatesDocument,
    "\n  subscription WorkersUpdates {\n    workersUpdated {\n      id\n      name\n      hostname\n      pid\n      version\n      queues\n      concurrency\n      running\n      status\n      startedAt\n      lastHeartbeat\n    }\n  }\n": types.WorkersUpdatesDocument,
    "\n  subscription CatalogUpdates {\n    catalogUpdated {\n      changedWorkflows {\n        name\n      }\n    }\n  }\n": types.CatalogUpdatesDocument,
    "\n  mutation TriggerWorkflow($input: TriggerWorkflowInput!) {\n    triggerWorkflow(input: $input) {\n      workflowRun {\n        id\n        number\n        label\n      }\n      userErrors {\n        field\n        message\n      }\n    }\n  }\n": types.TriggerWorkflowDocument,
    "\n  mutation CancelWorkflowRun($input: CancelWorkflowRunInput!) {\n    cancelWorkflowRun(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n": types.CancelWorkflowRunDocument,
    "\n  mutation PauseWorkflowRun($input: PauseWorkflowRunInput!) {\n    pauseWorkflowRun(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n": types.PauseWorkflowRunDocument,
    "\n  mutation ResumeWorkflowRun($input: ResumeWorkflowRunInput!) {\n    resumeWorkflowRun(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n": types.ResumeWorkflowRunDocument,
    "\n  mutation RetryWorkflowRun($input: RetryWorkflowRunInput!) {\n    retryWorkflowRun(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      taskRuns {\n        name\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n": types.RetryWorkflowRunDocument,
    "\n  mutation ClearTaskRuns($input: ClearTaskRunsInput!) {\n    clearTaskRuns(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      taskRuns {\n        name\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n": types.ClearTaskRunsDocument,
    "\n  mutation MarkTaskRuns($input: MarkTaskRunsInput!) {\n    markTaskRuns(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      taskRuns {\n        name\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n": types.MarkTaskRunsDocument,
    "\n  mutation DrainWorker($input: DrainWorkerInput!) {\n    drainWorker(input: $input) {\n      worker {\n        id\n        status\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n": types.DrainWorkerDocument,
    "\n  mutation SetPool($input: SetPoolInput!) {\n    setPool(input: $input) {\n      pool {\n        name\n      }\n      userErrors {\n        field\n        message\n      }\n    }\n  }\n": types.SetPoolDocument,
    "\n  mutation DeletePool($input: DeletePoolInput!) {\n    deletePool(input: $input) {\n      isDeleted\n      userErrors {\n        message\n      }\n    }\n  }\n": types.DeletePoolDocument,
    "\n  mutation PauseWorkflow($input: PauseWorkflowInput!) {\n    pauseWorkflow(input: $input) {\n      workflow {\n        id\n        isPaused\n        pausedAt\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n": types.PauseWorkflowDocument,
    "\n  mutation UnpauseWorkflow($input: UnpauseWorkflowInput!) {\n    unpauseWorkflow(input: $input) {\n      workflow {\n        id\n        isPaused\n        pausedAt\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n": types.UnpauseWorkflowDocument,
    "\n  mutation AnswerApproval($input: AnswerApprovalInput!) {\n    answerApproval(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      userErrors {\n        field\n        message\n      }\n    }\n  }\n": types.AnswerApprovalDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 *
 *
 * @example
 * ```ts
 * const query = graphql(`query GetUser($id: ID!) { user(id: $id) { name } }`);
 * ```
 *
 * The query argument is unknown!
 * Please regenerate the types.
 */
export function graphql(source: string): unknown;

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment RunSummary on WorkflowRun {\n    id\n    number\n    label\n    status\n    reason\n    revision\n    type\n    runAfter\n    createdAt\n    startedAt\n    finishedAt\n    cancelRequestedAt\n    pausedAt\n    generation\n    taskCount\n    taskStates {\n      status\n      count\n    }\n    workflow {\n      id\n      name\n    }\n  }\n"): (typeof documents)["\n  fragment RunSummary on WorkflowRun {\n    id\n    number\n    label\n    status\n    reason\n    revision\n    type\n    runAfter\n    createdAt\n    startedAt\n    finishedAt\n    cancelRequestedAt\n    pausedAt\n    generation\n    taskCount\n    taskStates {\n      status\n      count\n    }\n    workflow {\n      id\n      name\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment TaskRow on TaskRun {\n    id\n    name\n    index\n    status\n    attempt\n    reason\n    exitCode\n    queuedAt\n    startedAt\n    finishedAt\n    nextRetryAt\n  }\n"): (typeof documents)["\n  fragment TaskRow on TaskRun {\n    id\n    name\n    index\n    status\n    attempt\n    reason\n    exitCode\n    queuedAt\n    startedAt\n    finishedAt\n    nextRetryAt\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment WorkflowSummary on Workflow {\n    id\n    name\n    description\n    owner\n    tags\n    sourceFile\n    scheduleCron\n    isActive\n    isPaused\n    pausedAt\n    retiredAt\n    schedules {\n      cron\n      timezone\n      nextFireAt\n    }\n    params {\n      name\n      type\n      description\n      enum\n      default\n      isRequired\n      pattern\n      minimum\n      maximum\n    }\n    latestRun {\n      ...RunSummary\n    }\n  }\n"): (typeof documents)["\n  fragment WorkflowSummary on Workflow {\n    id\n    name\n    description\n    owner\n    tags\n    sourceFile\n    scheduleCron\n    isActive\n    isPaused\n    pausedAt\n    retiredAt\n    schedules {\n      cron\n      timezone\n      nextFireAt\n    }\n    params {\n      name\n      type\n      description\n      enum\n      default\n      isRequired\n      pattern\n      minimum\n      maximum\n    }\n    latestRun {\n      ...RunSummary\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Workflows($first: Int!, $after: String, $filter: WorkflowFilter) {\n    workflows(first: $first, after: $after, filter: $filter) {\n      nodes {\n        ...WorkflowSummary\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      totalCount\n      totalCountIsExact\n    }\n    importErrors {\n      file\n      line\n      column\n      message\n      since\n    }\n  }\n"): (typeof documents)["\n  query Workflows($first: Int!, $after: String, $filter: WorkflowFilter) {\n    workflows(first: $first, after: $after, filter: $filter) {\n      nodes {\n        ...WorkflowSummary\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      totalCount\n      totalCountIsExact\n    }\n    importErrors {\n      file\n      line\n      column\n      message\n      since\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Workflow($name: String!, $first: Int!, $after: String) {\n    workflow(name: $name) {\n      ...WorkflowSummary\n      docs\n      maxActiveRuns\n      updatedAt\n      version {\n        id\n        number\n        tasks {\n          name\n          dependsOn\n        }\n      }\n      runs(first: $first, after: $after) {\n        nodes {\n          ...RunSummary\n        }\n        pageInfo {\n          hasNextPage\n          endCursor\n        }\n        totalCount\n        totalCountIsExact\n      }\n    }\n  }\n"): (typeof documents)["\n  query Workflow($name: String!, $first: Int!, $after: String) {\n    workflow(name: $name) {\n      ...WorkflowSummary\n      docs\n      maxActiveRuns\n      updatedAt\n      version {\n        id\n        number\n        tasks {\n          name\n          dependsOn\n        }\n      }\n      runs(first: $first, after: $after) {\n        nodes {\n          ...RunSummary\n        }\n        pageInfo {\n          hasNextPage\n          endCursor\n        }\n        totalCount\n        totalCountIsExact\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Run($workflow: String!, $number: Int64!) {\n    workflow(name: $workflow) {\n      id\n      name\n      run(number: $number) {\n        ...RunSummary\n        deadlineAt\n        params\n        workflow {\n          isActive\n          isPaused\n          maxActiveRuns\n          version {\n            id\n            number\n          }\n        }\n        version {\n          id\n          number\n          tasks {\n            name\n            dependsOn\n          }\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  query Run($workflow: String!, $number: Int64!) {\n    workflow(name: $workflow) {\n      id\n      name\n      run(number: $number) {\n        ...RunSummary\n        deadlineAt\n        params\n        workflow {\n          isActive\n          isPaused\n          maxActiveRuns\n          version {\n            id\n            number\n          }\n        }\n        version {\n          id\n          number\n          tasks {\n            name\n            dependsOn\n          }\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query TaskRun($id: ID!) {\n    taskRun(id: $id) {\n      ...TaskRow\n      outputs\n      queue\n      task {\n        description\n        group\n        triggerRule\n        when\n        noop\n        approval {\n          fields {\n            name\n            type\n            description\n            enum\n            default\n            isRequired\n            pattern\n            minimum\n            maximum\n          }\n        }\n        timeoutSeconds\n        command {\n          script\n          argv\n        }\n        retry {\n          count\n        }\n      }\n      waitReason\n      dependsOn\n      artifacts(first: 100) {\n        nodes {\n          name\n          size\n          sha256\n          url\n        }\n        totalCount\n        totalCountIsExact\n      }\n      attempts {\n        number\n        status\n        reason\n        exitCode\n        worker\n        startedAt\n        finishedAt\n      }\n    }\n  }\n"): (typeof documents)["\n  query TaskRun($id: ID!) {\n    taskRun(id: $id) {\n      ...TaskRow\n      outputs\n      queue\n      task {\n        description\n        group\n        triggerRule\n        when\n        noop\n        approval {\n          fields {\n            name\n            type\n            description\n            enum\n            default\n            isRequired\n            pattern\n            minimum\n            maximum\n          }\n        }\n        timeoutSeconds\n        command {\n          script\n          argv\n        }\n        retry {\n          count\n        }\n      }\n      waitReason\n      dependsOn\n      artifacts(first: 100) {\n        nodes {\n          name\n          size\n          sha256\n          url\n        }\n        totalCount\n        totalCountIsExact\n      }\n      attempts {\n        number\n        status\n        reason\n        exitCode\n        worker\n        startedAt\n        finishedAt\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Logs($id: ID!, $attempt: Int, $fromOffset: Int64!, $limit: Int!) {\n    taskRun(id: $id) {\n      id\n      logs(attempt: $attempt, fromOffset: $fromOffset, limit: $limit) {\n        offset\n        text\n        nextOffset\n        isComplete\n      }\n    }\n  }\n"): (typeof documents)["\n  query Logs($id: ID!, $attempt: Int, $fromOffset: Int64!, $limit: Int!) {\n    taskRun(id: $id) {\n      id\n      logs(attempt: $attempt, fromOffset: $fromOffset, limit: $limit) {\n        offset\n        text\n        nextOffset\n        isComplete\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Load {\n    queueDepths {\n      queue\n      depth\n    }\n    pools {\n      name\n      slots\n      used\n      waiting\n      description\n      origin\n      holders {\n        run\n        task\n        slots\n        taskRunId\n      }\n    }\n  }\n"): (typeof documents)["\n  query Load {\n    queueDepths {\n      queue\n      depth\n    }\n    pools {\n      name\n      slots\n      used\n      waiting\n      description\n      origin\n      holders {\n        run\n        task\n        slots\n        taskRunId\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription RunUpdates($id: ID!, $sinceRevision: Int64) {\n    workflowRunUpdated(id: $id, sinceRevision: $sinceRevision) {\n      workflowRun {\n        ...RunSummary\n      }\n      revision\n      changedTaskRuns {\n        ...TaskRow\n      }\n    }\n  }\n"): (typeof documents)["\n  subscription RunUpdates($id: ID!, $sinceRevision: Int64) {\n    workflowRunUpdated(id: $id, sinceRevision: $sinceRevision) {\n      workflowRun {\n        ...RunSummary\n      }\n      revision\n      changedTaskRuns {\n        ...TaskRow\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription RunsUpdates($filter: WorkflowRunFilter) {\n    workflowRunsUpdated(filter: $filter) {\n      ...RunSummary\n    }\n  }\n"): (typeof documents)["\n  subscription RunsUpdates($filter: WorkflowRunFilter) {\n    workflowRunsUpdated(filter: $filter) {\n      ...RunSummary\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription LogUpdates($taskRunId: ID!, $attempt: Int, $fromOffset: Int64!) {\n    taskLogs(taskRunId: $taskRunId, attempt: $attempt, fromOffset: $fromOffset) {\n      attempt\n      offset\n      text\n      nextOffset\n      isComplete\n    }\n  }\n"): (typeof documents)["\n  subscription LogUpdates($taskRunId: ID!, $attempt: Int, $fromOffset: Int64!) {\n    taskLogs(taskRunId: $taskRunId, attempt: $attempt, fromOffset: $fromOffset) {\n      attempt\n      offset\n      text\n      nextOffset\n      isComplete\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription WorkersUpdates {\n    workersUpdated {\n      id\n      name\n      hostname\n      pid\n      version\n      queues\n      concurrency\n      running\n      status\n      startedAt\n      lastHeartbeat\n    }\n  }\n"): (typeof documents)["\n  subscription WorkersUpdates {\n    workersUpdated {\n      id\n      name\n      hostname\n      pid\n      version\n      queues\n      concurrency\n      running\n      status\n      startedAt\n      lastHeartbeat\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription CatalogUpdates {\n    catalogUpdated {\n      changedWorkflows {\n        name\n      }\n    }\n  }\n"): (typeof documents)["\n  subscription CatalogUpdates {\n    catalogUpdated {\n      changedWorkflows {\n        name\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation TriggerWorkflow($input: TriggerWorkflowInput!) {\n    triggerWorkflow(input: $input) {\n      workflowRun {\n        id\n        number\n        label\n      }\n      userErrors {\n        field\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation TriggerWorkflow($input: TriggerWorkflowInput!) {\n    triggerWorkflow(input: $input) {\n      workflowRun {\n        id\n        number\n        label\n      }\n      userErrors {\n        field\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CancelWorkflowRun($input: CancelWorkflowRunInput!) {\n    cancelWorkflowRun(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation CancelWorkflowRun($input: CancelWorkflowRunInput!) {\n    cancelWorkflowRun(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation PauseWorkflowRun($input: PauseWorkflowRunInput!) {\n    pauseWorkflowRun(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation PauseWorkflowRun($input: PauseWorkflowRunInput!) {\n    pauseWorkflowRun(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation ResumeWorkflowRun($input: ResumeWorkflowRunInput!) {\n    resumeWorkflowRun(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation ResumeWorkflowRun($input: ResumeWorkflowRunInput!) {\n    resumeWorkflowRun(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation RetryWorkflowRun($input: RetryWorkflowRunInput!) {\n    retryWorkflowRun(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      taskRuns {\n        name\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation RetryWorkflowRun($input: RetryWorkflowRunInput!) {\n    retryWorkflowRun(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      taskRuns {\n        name\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation ClearTaskRuns($input: ClearTaskRunsInput!) {\n    clearTaskRuns(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      taskRuns {\n        name\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation ClearTaskRuns($input: ClearTaskRunsInput!) {\n    clearTaskRuns(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      taskRuns {\n        name\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation MarkTaskRuns($input: MarkTaskRunsInput!) {\n    markTaskRuns(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      taskRuns {\n        name\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation MarkTaskRuns($input: MarkTaskRunsInput!) {\n    markTaskRuns(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      taskRuns {\n        name\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation DrainWorker($input: DrainWorkerInput!) {\n    drainWorker(input: $input) {\n      worker {\n        id\n        status\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation DrainWorker($input: DrainWorkerInput!) {\n    drainWorker(input: $input) {\n      worker {\n        id\n        status\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SetPool($input: SetPoolInput!) {\n    setPool(input: $input) {\n      pool {\n        name\n      }\n      userErrors {\n        field\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation SetPool($input: SetPoolInput!) {\n    setPool(input: $input) {\n      pool {\n        name\n      }\n      userErrors {\n        field\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation DeletePool($input: DeletePoolInput!) {\n    deletePool(input: $input) {\n      isDeleted\n      userErrors {\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation DeletePool($input: DeletePoolInput!) {\n    deletePool(input: $input) {\n      isDeleted\n      userErrors {\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation PauseWorkflow($input: PauseWorkflowInput!) {\n    pauseWorkflow(input: $input) {\n      workflow {\n        id\n        isPaused\n        pausedAt\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation PauseWorkflow($input: PauseWorkflowInput!) {\n    pauseWorkflow(input: $input) {\n      workflow {\n        id\n        isPaused\n        pausedAt\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation UnpauseWorkflow($input: UnpauseWorkflowInput!) {\n    unpauseWorkflow(input: $input) {\n      workflow {\n        id\n        isPaused\n        pausedAt\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation UnpauseWorkflow($input: UnpauseWorkflowInput!) {\n    unpauseWorkflow(input: $input) {\n      workflow {\n        id\n        isPaused\n        pausedAt\n      }\n      userErrors {\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation AnswerApproval($input: AnswerApprovalInput!) {\n    answerApproval(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      userErrors {\n        field\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation AnswerApproval($input: AnswerApprovalInput!) {\n    answerApproval(input: $input) {\n      workflowRun {\n        ...RunSummary\n      }\n      userErrors {\n        field\n        message\n      }\n    }\n  }\n"];

export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

export type DocumentType<TDocumentNode extends DocumentNode<any, any>> = TDocumentNode extends DocumentNode<  infer TType,  any>  ? TType  : never;