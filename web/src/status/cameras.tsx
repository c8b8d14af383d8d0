import type { JSX } from "preact";
import { stateOfCamera } from "./camerastate";
import { num, span, type Status } from "./model";

/** The cameras of the node, and what is wrong with them. */
export function Cameras({ status }: { status: Status }): JSX.Element | null {
  const cameras = status.cameras ?? [];
  if (cameras.length === 0) return null;
  const now = num(status.nowMs);
  return (
    <section aria-labelledby="cameras">
      <h2 id="cameras">Cameras</h2>
      <ul class="card cameras">
        {cameras.map((camera) => {
          const state = stateOfCamera(camera, now);
          const video = camera.streams?.map((s) => s.video).filter(Boolean) ?? [];
          return (
            <li key={camera.id} data-camera={camera.id}>
              <strong>
                <bdi>{camera.name || camera.id}</bdi>
              </strong> <span class={`tag tag-${state.kind}`}>{state.words}</span>{" "}
              <span class="quiet">
                {[camera.sinceMs && `for ${span(now - num(camera.sinceMs))}`, `room ${camera.room ?? ""}`, ...video].filter(Boolean).join(" · ")}
              </span>
              {state.detail.map((words) => (
                <p key={words}>{words}</p>
              ))}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
