import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { load } from "../state/load";
import { useApp } from "./context";
import { endingWords } from "./words";

interface Later<P> {
  (props: P): JSX.Element | null;
  /** Loads it before it is shown. */
  load(): Promise<void>;
}

/**
 * A view that is loaded when it is first shown, or before.
 *
 * @param wholePage there is nothing else on the page: words stand in its place until
 *   it is there, and the page is loaded again where it never comes. Of another one
 *   that does not come a sentence tells, and nothing is shown.
 */
export function later<P extends object>(fetchView: () => Promise<ComponentType<P>>, { wholePage = false } = {}): Later<P> {
  let loaded: ComponentType<P> | null = null;
  const fetched = async () => {
    loaded = await load(fetchView);
  };
  function View(props: P): JSX.Element | null {
    const app = useApp();
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
          if (gone) return;
          setFailed(true);
          if (!wholePage) app.say(`${notLoaded.title}. ${notLoaded.text}`, true);
        });
      return () => {
        gone = true;
      };
    }, [failed]);
    if (Loaded) return <Loaded {...props} />;
    if (!wholePage) return null;
    return (
      <main class="later" data-starting="">
        {failed ? (
          <>
            <div role="alert">
              <h1>{notLoaded.title}</h1>
              <p>{notLoaded.text}</p>
            </div>
            <div class="later-buttons">
              <button type="button" class="button button-main" onClick={() => location.reload()}>
                Reload the page
              </button>
              <button type="button" class="button" onClick={() => setFailed(false)}>
                Try again
              </button>
            </div>
          </>
        ) : (
          <p>Loading…</p>
        )}
      </main>
    );
  }
  return Object.assign(View, {
    load: () =>
      fetched().catch(() => {
        // It is tried again when it is shown.
      }),
  });
}

const notLoaded = endingWords({ reason: "not-loaded", detail: "" }, true);
