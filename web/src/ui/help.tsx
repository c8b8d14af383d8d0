import type { JSX } from "preact";
import { useApp, useStore } from "./context";
import { Dialog } from "./controls";
import { NodeLinks } from "./nodelinks";
import { keys } from "./shortcuts";

export function HelpDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const app = useApp();
  const on = useStore(app.ui, (s) => s.shortcuts);
  return (
    <Dialog title="Help" onClose={onClose}>
      <h3 class="help-title">Keys</h3>
      <dl class="keys">
        {keys.map(([key, does]) => (
          <div class="keys-row" key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input type="checkbox" checked={on} onChange={(event) => app.setShortcuts(event.currentTarget.checked)} /> Use these keys
      </label>
      <p class="hint">
        Somebody cannot connect, or the browser warns of this page? <a href="trust" target="_blank">How to trust this network</a>
      </p>
      <NodeLinks inCall />
    </Dialog>
  );
}
