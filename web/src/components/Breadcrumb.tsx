import { Link } from "@tanstack/react-router";
import styles from "./Breadcrumb.module.css";

interface Crumb {
  text: string;
  /** workflow leads to the page of that workflow; without it the crumb is where we are. */
  workflow?: string;
  /** backfills: it leads to the backfills of the workflow. */
  backfills?: boolean;
}

/** Breadcrumb shows the way from the list of workflows to this page. */
export function Breadcrumb({ items }: { items: readonly Crumb[] }) {
  return (
    <nav aria-label="Breadcrumb" className={styles.crumbs}>
      <Link to="/workflows">Workflows</Link>
      {items.map((item) => (
        <span key={item.text} className={styles.crumb}>
          <span aria-hidden="true">/</span>
          {item.workflow ? (
            <Link
              to={item.backfills ? "/workflows/$name/backfills" : "/workflows/$name"}
              params={{ name: item.workflow }}
            >
              {item.text}
            </Link>
          ) : (
            <span aria-current="page">{item.text}</span>
          )}
        </span>
      ))}
    </nav>
  );
}
