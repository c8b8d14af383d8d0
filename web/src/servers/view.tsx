import type { ComponentChildren, JSX } from "preact";
import { millis, num, span, type TrunkLink } from "../status/model";
import { sentence } from "../ui/sentence";
import { Changes } from "./section";
import { flow, stateOf, type Refused, type Servers, type Trunk } from "./model";

interface Props {
  servers: Servers;
  onAdd: () => void;
  onEdit: (trunk: Trunk) => void;
  onRemove: (trunk: Trunk) => void;
}

/** The trunks of a node, and what can be done with them. */
export function ServersView({ servers, onAdd, onEdit, onRemove }: Props): JSX.Element {
  const { trunks, refused, settings } = servers;
  return (
    <>
      <section aria-labelledby="trunks">
        <header class="section-head">
          <h2 id="trunks">Trunks</h2>
          {!settings.problem && (
            <button type="button" class="button button-main" onClick={onAdd}>
              Add a trunk
            </button>
          )}
        </header>
        <p class="hint">
          A trunk joins this node, <bdi>{servers.nodeName || "nameless"}</bdi>, with another one: whoever is in a room there is in it here as well.
        </p>
        {settings.problem && (
          <div class="alert">
            <p>
              <strong class="alert-title">Nothing can be changed here.</strong> {sentence(settings.problem)}
            </p>
          </div>
        )}
        {trunks.length === 0 ? (
          <p class="card empty">There is no trunk yet.</p>
        ) : (
          <TrunkTable servers={servers} onEdit={onEdit} onRemove={onRemove} />
        )}
      </section>
      {refused.length > 0 && <RefusedList refused={refused} />}
    </>
  );
}

const columns = ["Trunk", "State", "Other node", "Connected for", "Round trip", "Sent", "Received", "Routes", "Change"];

// On a phone rows are drawn as cards, by which a table would lose its meaning
// for screen readers: hence the roles.
function TrunkTable({ servers, onEdit, onRemove }: Omit<Props, "onAdd">): JSX.Element {
  return (
    <div class="table trunk-table">
      <table role="table" aria-labelledby="trunks">
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((c) => (
              <th key={c} role="columnheader" scope="col">
                {c === "Change" ? <span class="heard">{c}</span> : c}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {servers.trunks.map((trunk) => (
            <TrunkRow
              key={trunk.name}
              trunk={trunk}
              now={servers.nowMs}
              fixed={servers.settings.problem !== ""}
              onEdit={() => onEdit(trunk)}
              onRemove={() => onRemove(trunk)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  trunk: Trunk;
  now: number;
  fixed: boolean;
  onEdit: () => void;
  onRemove: () => void;
}

function TrunkRow({ trunk, now, fixed, onEdit, onRemove }: RowProps): JSX.Element {
  const state = stateOf(trunk, now);
  const links = trunk.status?.links ?? [];
  const each = (of: (link: TrunkLink) => ComponentChildren) =>
    links.length === 0 ? "–" : links.map((l) => <span key={l.nodeId} class="line">{of(l)}</span>);
  const cell = (name: string, children: ComponentChildren) => (
    <td role="cell" data-name={name} class={links.length === 0 ? "idle" : ""}>
      <span class="cell">{children}</span>
    </td>
  );
  return (
    <tr role="row" data-trunk={trunk.name} data-state={state.kind}>
      <th role="rowheader" scope="row">
        <span class="trunk-name">{trunk.name}</span>
        <span class="line quiet">{trunk.url || "dialled by the other node"}</span>
        {trunk.rooms.length > 0 && <span class="line quiet">only {trunk.rooms.join(", ")}</span>}
      </th>
      <td role="cell" data-name="State" class="trunk-state">
        <span class="cell">
          <span class={`tag tag-${state.kind}`}>{state.words}</span>
          {state.detail && <span class="line">{state.detail}</span>}
        </span>
      </td>
      {cell(
        "Other node",
        each((l) => (
          <>
            <bdi>{l.nodeName || "nameless"}</bdi> {l.media && <span class="quiet">{l.media}</span>}
          </>
        )),
      )}
      {cell("Connected for", each((l) => span(now - num(l.sinceMs))))}
      {cell("Round trip", each((l) => millis(l.roundTripMs ?? 0)))}
      {cell("Sent", each((l) => flow(l.sentStreams, l.sentBitsPerSecond)))}
      {cell("Received", each((l) => flow(l.receivedStreams, l.receivedBitsPerSecond)))}
      {cell("Routes", each((l) => l.routes ?? 0))}
      <Changes name={trunk.name} variables={trunk.variables} fixed={fixed} onEdit={onEdit} onRemove={onRemove} />
    </tr>
  );
}

function RefusedList({ refused }: { refused: Refused[] }): JSX.Element {
  return (
    <section aria-labelledby="refused">
      <h2 id="refused">Turned down lately</h2>
      <ul class="card refused">
        {[...refused].reverse().map((r, i) => (
          <li key={`${r.atMs ?? ""} ${i}`}>
            <time dateTime={new Date(num(r.atMs)).toISOString()}>{new Date(num(r.atMs)).toLocaleTimeString()}</time>{" "}
            <span class="quiet">{r.address}</span> {sentence(r.problem ?? "")}
            {(r.times ?? 0) > 1 && <span class="quiet"> {r.times} times.</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}
