import type { JSX } from "preact";
import { useApp, useStore } from "./context";
import { Icon } from "./icons";

/** Says that the own screen is seen by others, for as long as it is. */
export function SharingBar(): JSX.Element | null {
  const app = useApp();
  const sharing = useStore(app.media.store, (s) => s.screen !== null);
  const sound = useStore(app.media.store, (s) => s.screenAudio !== null);
  if (!sharing) return null;
  return (
    <div class="sharing">
      <Icon name="screen" />
      <p role="status">You are sharing your screen{sound ? ", with its sound" : ""}.</p>
      <button type="button" class="button" onClick={() => app.media.stopScreen()}>
        Stop<span class="heard"> sharing your screen</span>
      </button>
    </div>
  );
}
