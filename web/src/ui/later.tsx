import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useApp } from "./context";

interface Later<P> {
  (props: P): JSX.Element | null;
  /** Loads it before it is shown. */
  load(): Promise<void>;
}

/** A view that is loaded when it is first shown. Until then there is nothing. */
export function later<P extends object>(fetchView: () => Promise<ComponentType<P>>): Later<P> {
  let loaded: ComponentType<P> | null = null;
  function View(props: P): JSX.Element | null {
    const app = useApp();
    const [, redraw] = useState(0);
    useEffect(() => {
      if (loaded) return;
      let gone = false;
      fetchView().then(
        (view) => {
          loaded = view;
          if (!gone) redraw(1);
        },
        // The node is out of reach, or has another version by now.
        () => app.say("A part of this page could not be loaded. Reload the page to try again.", true),
      );
      return () => {
        gone = true;
      };
    }, []);
    const Loaded = loaded;
    return Loaded && <Loaded {...props} />;
  }
  return Object.assign(View, {
    load: () =>
      fetchView().then(
        (view) => {
          loaded = view;
        },
        () => {
          // It is tried again when it is shown.
        },
      ),
  });
}
