import { useSyncExternalStore } from "react";

/** Theme is what the reader chose; "system" follows the operating system. */
export type Theme = "system" | "light" | "dark";

const storageKey = "miniairflow-theme";
const listeners = new Set<() => void>();

function stored(): Theme {
  const value = localStorage.getItem(storageKey);
  return value === "light" || value === "dark" ? value : "system";
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** applyTheme makes the document follow the stored choice. */
export function applyTheme(): void {
  const theme = stored();
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

/** useTheme returns the reader's choice and a function that changes it for this browser. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const theme = useSyncExternalStore(subscribe, stored);
  const set = (next: Theme) => {
    localStorage.setItem(storageKey, next);
    applyTheme();
    for (const each of listeners) each();
  };
  return [theme, set];
}
