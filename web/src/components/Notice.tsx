import type { CombinedError } from "@urql/core";
import type { ReactNode } from "react";
import { problemKind, problemText } from "../services/problem";
import styles from "./Notice.module.css";

/** Notice tells something about the page's content. */
export function Notice({
  tone = "info",
  title,
  children,
}: {
  tone?: "info" | "error";
  title: string;
  children?: ReactNode;
}) {
  return (
    <section className={styles.notice} data-kind={tone} role={tone === "error" ? "alert" : "status"}>
      <strong>{title}</strong>
      {children ? <div>{children}</div> : null}
    </section>
  );
}

/** QueryError says why an answer did not come and what to do. */
export function QueryError({ error }: { error: CombinedError }) {
  const kind = problemKind(error);
  if (kind === "signed-out") {
    return (
      <Notice tone="error" title="This browser is not signed in">
        Open the address that <code>miniairflow serve</code> printed when it started: it carries the token.
      </Notice>
    );
  }
  if (kind === "away") {
    return (
      <Notice tone="error" title="The server does not answer">
        It is asked again by itself. Is <code>miniairflow serve</code> running?
      </Notice>
    );
  }
  return (
    <Notice tone="error" title="The server could not answer">
      {problemText(error)}
    </Notice>
  );
}

/** Empty stands where a list has nothing to show. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Loading stands where an answer has not come yet. */
export function Loading() {
  return (
    <p className={styles.loading} role="status">
      Loading …
    </p>
  );
}
