import { createRootRoute, createRoute, createRouter, Link, redirect } from "@tanstack/react-router";
import { Empty } from "./components/Notice";
import { Shell } from "./components/Shell";
import { BackfillPage } from "./routes/BackfillPage";
import { BackfillsPage } from "./routes/BackfillsPage";
import { NotificationsPage } from "./routes/NotificationsPage";
import { RunPage } from "./routes/RunPage";
import { WorkersPage } from "./routes/WorkersPage";
import { WorkflowPage } from "./routes/WorkflowPage";
import { WorkflowsPage } from "./routes/WorkflowsPage";
import { listSearch, notificationSearch, pageSearch, runSearch } from "./services/search";

function NotFound() {
  return (
    <Empty title="There is no such page">
      <Link to="/workflows">To the workflows</Link>
    </Empty>
  );
}

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/workflows" });
  },
});

const workflows = createRoute({
  getParentRoute: () => root,
  path: "/workflows",
  validateSearch: listSearch,
  component: WorkflowsPage,
});

const workflow = createRoute({
  getParentRoute: () => root,
  path: "/workflows/$name",
  validateSearch: pageSearch,
  component: WorkflowPage,
});

const run = createRoute({
  getParentRoute: () => root,
  path: "/workflows/$name/runs/$number",
  validateSearch: runSearch,
  component: RunPage,
});

const backfills = createRoute({
  getParentRoute: () => root,
  path: "/workflows/$name/backfills",
  validateSearch: pageSearch,
  component: BackfillsPage,
});

const backfill = createRoute({
  getParentRoute: () => root,
  path: "/workflows/$name/backfills/$backfill",
  validateSearch: pageSearch,
  component: BackfillPage,
});

const notifications = createRoute({
  getParentRoute: () => root,
  path: "/notifications",
  validateSearch: notificationSearch,
  component: NotificationsPage,
});

const workers = createRoute({ getParentRoute: () => root, path: "/workers", component: WorkersPage });

/** router leads from addresses below /ui/ to pages. What a page shows is in its address. */
export const router = createRouter({
  routeTree: root.addChildren([home, workflows, workflow, run, backfills, backfill, notifications, workers]),
  basepath: "/ui",
  defaultPreload: false,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
