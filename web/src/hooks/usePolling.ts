import { useEffect, useEffectEvent } from "react";

/** usePolling calls poll every so many milliseconds while the tab is visible, and when it becomes visible again. */
export function usePolling(poll: () => void, everyMs: number): void {
  const onPoll = useEffectEvent(poll);
  useEffect(() => {
    const ifVisible = () => {
      if (document.visibilityState === "visible") onPoll();
    };
    const timer = setInterval(ifVisible, everyMs);
    document.addEventListener("visibilitychange", ifVisible);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", ifVisible);
    };
  }, [everyMs]);
}
