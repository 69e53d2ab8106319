import { Link, Outlet } from "@tanstack/react-router";
import { type Theme, useTheme } from "../hooks/useTheme";
import styles from "./Shell.module.css";
import { StuckMark } from "./StuckMark";

const themes: Record<Theme, { next: Theme; text: string; icon: string }> = {
  system: { next: "light", text: "Theme: as the system", icon: "◐" },
  light: { next: "dark", text: "Theme: light", icon: "☀" },
  dark: { next: "system", text: "Theme: dark", icon: "☾" },
};

/** Shell is the frame around every page. */
export function Shell() {
  const [theme, setTheme] = useTheme();
  const { next, text, icon } = themes[theme];
  return (
    <>
      <a className={styles.skip} href="#content">
        Skip to the content
      </a>
      <header className={styles.header}>
        <Link to="/workflows" className={styles.brand}>
          <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" width="24" height="24" />
          <span>Mini Airflow</span>
        </Link>
        <nav className={styles.nav} aria-label="Main">
          <Link to="/workflows">Workflows</Link>
          <Link to="/notifications">
            Notifications <StuckMark />
          </Link>
          <Link to="/workers">Workers and pools</Link>
          <a href="/playground">GraphQL</a>
        </nav>
        <button
          type="button"
          data-variant="plain"
          title={text}
          aria-label={text}
          onClick={() => setTheme(next)}
        >
          <span aria-hidden="true">{icon}</span>
        </button>
      </header>
      <main id="content" className={styles.main} tabIndex={-1}>
        <Outlet />
      </main>
    </>
  );
}
