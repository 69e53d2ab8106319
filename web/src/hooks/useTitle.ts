import { useEffect } from "react";

/** useTitle names the browser's tab. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Mini Airflow`;
  }, [title]);
}
