import { createContext } from "preact";
import { useContext, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { App } from "../state/app";
import type { Store } from "../state/store";

export const AppContext = createContext<App | null>(null);

export function useApp(): App {
  const app = useContext(AppContext);
  if (!app) throw new Error("a view outside of the app");
  return app;
}

/** Draws again whenever what is selected changes. */
export function useStore<T extends object, S>(store: Store<T>, select: (state: T) => S): S {
  const [, redraw] = useState(0);
  const chosen = select(store.state);
  const latest = useRef({ select, chosen });
  latest.current = { select, chosen };
  useLayoutEffect(() => {
    const look = () => {
      if (!Object.is(latest.current.select(store.state), latest.current.chosen)) redraw((n) => n + 1);
    };
    look(); // it may have changed since it was drawn
    return store.subscribe(look);
  }, [store]);
  return chosen;
}

/** The time, anew each interval while active; milliseconds since 1970. */
export function useNow(active: boolean, interval = 250): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!active) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), interval);
    return () => clearInterval(timer);
  }, [active, interval]);
  return now;
}

/** The size of an element, as it changes. */
export function useSize(): [ref: { current: HTMLDivElement | null }, size: { width: number; height: number }] {
  const ref = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const measure = () => {
      const { clientWidth: width, clientHeight: height } = element;
      setSize((old) => (old.width === width && old.height === height ? old : { width, height }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, size];
}

/** Whether a media query holds, as it changes. */
export function useMedia(query: string): boolean {
  const [holds, setHolds] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const look = () => setHolds(list.matches);
    look();
    list.addEventListener("change", look);
    return () => list.removeEventListener("change", look);
  }, [query]);
  return holds;
}
