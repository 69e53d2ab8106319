import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import { createClient } from "graphql-ws";
import { createRoot } from "react-dom/client";
import { socketUrl } from "./services/socketUrl";
import "./styles/playground.css";

const fetcher = createGraphiQLFetcher({
  url: "/graphql",
  wsClient: createClient({ url: socketUrl(window.location) }),
});

const firstQuery = `# The API of Mini Airflow. Ctrl-Enter runs the query at the cursor;
# the book on the left describes every type and field.
query Workflows {
  workflows(first: 10) {
    totalCount
    nodes {
      name
      isPaused
      latestRun {
        label
        status
      }
    }
  }
}
`;

const root = document.getElementById("root");
if (!root) throw new Error("playground.html has no #root");
createRoot(root).render(<GraphiQL fetcher={fetcher} defaultQuery={firstQuery} />);
