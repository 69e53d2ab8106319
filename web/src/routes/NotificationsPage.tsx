import { getRouteApi, Link } from "@tanstack/react-router";
import { useMutation } from "urql";
import { Empty, Loading, Notice, QueryError } from "../components/Notice";
import { NotificationTable } from "../components/NotificationTable";
import type { NotificationsQuery as NotificationsData } from "../gql/graphql";
import { useAct } from "../hooks/useAct";
import { usePolledQuery } from "../hooks/usePolledQuery";
import { useTitle } from "../hooks/useTitle";
import { NotificationsQuery, SendNotificationMutation } from "../services/notificationDocuments";
import { countText, type Notification, sendAllText, stateOf } from "../services/notifications";
import { refusalText } from "../services/problem";
import type { NotificationSearch } from "../services/search";

const pageSize = 50;
const pollMs = 5_000;

const route = getRouteApi("/notifications");

/** NotificationsPage lists what people are told about all runs: what is stuck, unless all is asked for. */
export function NotificationsPage() {
  useTitle("Notifications");
  const search = route.useSearch();
  const variables = { first: pageSize, after: search.after ?? null, state: stateOf(search) };
  const { data, error, refresh } = usePolledQuery(NotificationsQuery, variables, pollMs);
  const found = data?.notifications;
  return (
    <div className="stack">
      <div className="row spread">
        <h1>Notifications</h1>
        <div className="row">
          {found && search.show === undefined && found.nodes.length > 0 ? (
            <SendAll notifications={found.nodes} total={found.totalCount} onSent={refresh} />
          ) : null}
          <Which search={search} />
        </div>
      </div>
      {error ? <QueryError error={error} /> : null}
      {found || error ? null : <Loading />}
      {found ? (
        <section className="card" aria-label="Notifications">
          {found.nodes.length > 0 ? (
            <NotificationTable notifications={found.nodes} ofAllRuns onSent={refresh} />
          ) : (
            <None search={search} />
          )}
        </section>
      ) : null}
      {found && found.nodes.length > 0 ? <Pager found={found} search={search} /> : null}
    </div>
  );
}

function Which({ search }: { search: NotificationSearch }) {
  const navigate = route.useNavigate();
  const choose = (value: string) =>
    navigate({ search: value === "waiting" || value === "all" ? { show: value } : {}, replace: true });
  return (
    <select
      aria-label="Which notifications"
      style={{ width: "auto" }}
      value={search.show ?? ""}
      onChange={(e) => choose(e.target.value)}
    >
      <option value="">Stuck</option>
      <option value="waiting">Waiting</option>
      <option value="all">All</option>
    </select>
  );
}

interface SendAllProps {
  notifications: readonly Notification[];
  total: number;
  onSent: () => void;
}

/** SendAll sends what is shown, one after the other, and stops at the first that is refused. */
function SendAll({ notifications, total, onSent }: SendAllProps) {
  const [, send] = useMutation(SendNotificationMutation);
  const { busy, problem, act } = useAct();
  const all = async () => {
    await act(async () => {
      for (const { id } of notifications) {
        const { data, error } = await send({ input: { id } });
        const refusal = refusalText(error, data?.sendNotification.userErrors);
        if (refusal !== null) return refusal;
      }
      return null;
    });
    onSent();
  };
  return (
    <>
      {problem ? <Notice tone="error" title={problem} /> : null}
      <button type="button" data-variant="primary" disabled={busy} onClick={all}>
        {sendAllText(notifications.length, total)}
        {busy ? " …" : ""}
      </button>
    </>
  );
}

function None({ search }: { search: NotificationSearch }) {
  if (search.show === "all") return <Empty title="Nobody was told anything (yet)" />;
  if (search.show === "waiting") return <Empty title="Nothing waits to be sent" />;
  return (
    <Empty title="Nothing is stuck">
      <p>What no receiver takes for long enough is listed here, to be sent again when that is mended.</p>
    </Empty>
  );
}

interface PagerProps {
  found: NotificationsData["notifications"];
  search: NotificationSearch;
}

function Pager({ found, search }: PagerProps) {
  return (
    <div className="row spread muted">
      <span>
        {countText(found)} {found.totalCount === 1 ? "notification" : "notifications"}
      </span>
      <span className="row">
        {search.after ? (
          <Link to="/notifications" search={{ ...search, after: undefined }} className="button">
            Newest
          </Link>
        ) : null}
        {found.pageInfo.hasNextPage ? (
          <Link
            to="/notifications"
            search={{ ...search, after: found.pageInfo.endCursor ?? undefined }}
            className="button"
          >
            Older
          </Link>
        ) : null}
      </span>
    </div>
  );
}
