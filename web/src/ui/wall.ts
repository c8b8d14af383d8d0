import { useEffect, useState } from "preact/hooks";

/** Does the address of the page ask for the camera wall? */
export const asksForWall = (): boolean => new URLSearchParams(location.search).get("view") === "cameras";

/** Makes the address say whether the wall is shown, so that a reload keeps it. */
export function sayWall(on: boolean): void {
  history.replaceState(null, "", location.pathname + (on ? "?view=cameras" : ""));
}

const restTime = 3_000;

/** Has nobody touched the page for a while? */
export function useResting(active: boolean): boolean {
  const [resting, setResting] = useState(false);
  useEffect(() => {
    if (!active) return;
    let timer = 0;
    const wake = () => {
      setResting(false);
      clearTimeout(timer);
      timer = window.setTimeout(() => setResting(true), restTime);
    };
    const kinds = ["pointermove", "pointerdown", "keydown"];
    for (const kind of kinds) addEventListener(kind, wake);
    wake();
    return () => {
      clearTimeout(timer);
      setResting(false);
      for (const kind of kinds) removeEventListener(kind, wake);
    };
  }, [active]);
  return resting;
}

/** Keeps the screen on while the page is seen: nobody touches it in a call. */
export function useScreenOn(): void {
  useEffect(() => {
    let lock: WakeLockSentinel | undefined;
    let over = false;
    const take = async () => {
      if (document.hidden || !("wakeLock" in navigator)) return;
      try {
        lock = await navigator.wakeLock.request("screen");
        if (over) void lock.release();
      } catch {
        // The system saves its battery.
      }
    };
    const look = () => void take();
    document.addEventListener("visibilitychange", look);
    look();
    return () => {
      over = true;
      document.removeEventListener("visibilitychange", look);
      void lock?.release();
    };
  }, []);
}
