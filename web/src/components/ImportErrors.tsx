import type { WorkflowsQuery } from "../gql/graphql";
import styles from "./ImportErrors.module.css";
import { Time } from "./Time";

type ImportError = WorkflowsQuery["importErrors"][number];

/** ImportErrors shows what is wrong in workflow files, each with its place. */
export function ImportErrors({ errors }: { errors: readonly ImportError[] }) {
  if (errors.length === 0) return null;
  const files = new Set(errors.map((e) => e.file)).size;
  return (
    <details className={styles.banner} open={errors.length <= 5}>
      <summary>
        {errors.length === 1 ? "1 problem" : `${errors.length} problems`} in{" "}
        {files === 1 ? "a workflow file" : `${files} workflow files`}. The last good versions keep running.
      </summary>
      <ul>
        {errors.map((e) => (
          <li key={`${placeOf(e)} ${e.message}`}>
            <code>{placeOf(e)}</code> <span className={styles.message}>{e.message}</span>{" "}
            <span className="muted">
              since <Time value={e.since} />
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function placeOf(e: ImportError): string {
  return [e.file, e.line, e.column].filter((part) => part !== null).join(":");
}
