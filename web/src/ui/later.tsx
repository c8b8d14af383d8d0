import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { load } from "../state/load";

interface Later<P> {
  (props: P): JSX.Element;
  /** Loads it before it is shown. */
  load(): Promise<void>;
}

/** A view that is loaded when it is first shown, or before. Until then a sentence stands in its place. */
export function later<P extends object>(fetchView: () => Promise<ComponentType<P>>): Later<P> {
  let loaded: ComponentType<P> | null = null;
  const fetched = async () => {
    loaded = await load(fetchView);
  };
  function View(props: P): JSX.Element {
    const [, redraw] = useState({});
    const [failed, setFailed] = useState(false);
    const Loaded = loaded;
    useEffect(() => {
      if (Loaded || failed) return;
      let gone = false;
      const drawn = () => {
        if (!gone) redraw({});
      };
      // It may have been loaded since it was drawn.
      if (loaded) drawn();
      else
        fetched().then(drawn, () => {
          if (!gone) setFailed(true);
        });
      return () => {
        gone = true;
      };
    }, [failed]);
    if (Loaded) return <Loaded {...props} />;
    if (!failed) return <p class="later">Loading…</p>;
    return (
      <div class="later" role="alert">
        <p>A part of this page could not be loaded. The access point does not answer, or was updated just now.</p>
        <div class="later-buttons">
          <button type="button" class="button button-main" onClick={() => location.reload()}>
            Reload the page
          </button>
          <button type="button" class="button" onClick={() => setFailed(false)}>
            Try again
          </button>
        </div>
      </div>
    );
  }
  return Object.assign(View, {
    load: () =>
      fetched().catch(() => {
        // It is tried again when it is shown.
      }),
  });
}
