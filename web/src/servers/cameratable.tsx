import type { JSX } from "preact";
import { num, span } from "../status/model";
import { cameraState, type Camera } from "./cameras";
import { Changes } from "./section";

interface Props {
  cameras: Camera[];
  now: number;
  /** Why nothing can be changed; empty if it can. */
  fixed: string;
  onAdd: () => void;
  onFind: () => void;
  onEdit: (camera: Camera) => void;
  onRemove: (camera: Camera) => void;
}

/** The cameras of a node, and what can be done with them. */
export function CamerasView({ cameras, now, fixed, onAdd, onFind, onEdit, onRemove }: Props): JSX.Element {
  return (
    <section aria-labelledby="cameras">
      <header class="section-head">
        <h2 id="cameras">Cameras</h2>
        {!fixed && (
          <span class="beside">
            <button type="button" class="button" onClick={onFind}>
              Find cameras
            </button>
            <button type="button" class="button button-main" onClick={onAdd}>
              Add a camera
            </button>
          </span>
        )}
      </header>
      <p class="hint">A camera that speaks RTSP is a participant of its room, with picture and sound.</p>
      {cameras.length === 0 ? (
        <p class="card empty">There is no camera yet.</p>
      ) : (
        <div class="table trunk-table camera-table">
          <table role="table" aria-labelledby="cameras">
            <thead role="rowgroup">
              <tr role="row">
                {["Camera", "State", "For", "Picture", "Sound"].map((c) => (
                  <th key={c} role="columnheader" scope="col">
                    {c}
                  </th>
                ))}
                <th role="columnheader" scope="col">
                  <span class="heard">Change</span>
                </th>
              </tr>
            </thead>
            <tbody role="rowgroup">
              {cameras.map((camera) => (
                <Row key={camera.name} camera={camera} now={now} fixed={fixed !== ""} onEdit={() => onEdit(camera)} onRemove={() => onRemove(camera)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

interface RowProps {
  camera: Camera;
  now: number;
  fixed: boolean;
  onEdit: () => void;
  onRemove: () => void;
}

function Row({ camera, now, fixed, onEdit, onRemove }: RowProps): JSX.Element {
  const state = cameraState(camera, now);
  const streams = camera.status?.streams ?? [];
  const cell = (name: string, lines: string[]) => (
    <td role="cell" data-name={name} class={lines.length === 0 ? "idle" : ""}>
      <span class="cell">{lines.length === 0 ? "–" : lines.map((l) => <span key={l} class="line">{l}</span>)}</span>
    </td>
  );
  return (
    <tr role="row" data-camera={camera.name} data-state={state.kind}>
      <th role="rowheader" scope="row">
        <bdi class="trunk-name">{camera.title || camera.name}</bdi>
        <span class="line quiet">in room {camera.room}</span>
        <span class="line quiet">{camera.url}</span>
        {camera.substream && <span class="line quiet">{camera.substream}</span>}
      </th>
      <td role="cell" data-name="State" class="trunk-state">
        <span class="cell">
          <span class={`tag tag-${state.kind}`}>{state.words}</span>
          {state.detail.map((words) => (
            <span key={words} class="line">
              {words}
            </span>
          ))}
        </span>
      </td>
      {cell("For", camera.status?.sinceMs ? [span(now - num(camera.status.sinceMs))] : [])}
      {cell("Picture", streams.flatMap((s) => (s.video ? [`${s.video}${s.transport ? ` by ${s.transport.toUpperCase()}` : ""}`] : [])))}
      {cell("Sound", [...new Set(streams.flatMap((s) => (s.sound ? [s.sound] : [])))])}
      <Changes name={camera.name} variables={camera.variables} fixed={fixed} onEdit={onEdit} onRemove={onRemove} />
    </tr>
  );
}
