import { sentence } from "../ui/sentence";
import { num, type CameraStatus, type CameraTrouble } from "./model";

export interface CameraState {
  kind: "connected" | "connecting" | "waiting" | "down" | "off";
  words: string;
  /** Why, and what to do; may be empty. */
  detail: string[];
}

export function stateOfCamera(camera: CameraStatus, nowMs: number): CameraState {
  const notes = [...new Set((camera.streams ?? []).flatMap((s) => (s.notes ?? []).map(advised)))];
  switch (camera.phase) {
    case "CAMERA_PHASE_LIVE":
      return { kind: "connected", words: "Live", detail: notes };
    case "CAMERA_PHASE_IDLE":
      return { kind: "waiting", words: "Not watched", detail: notes };
    case "CAMERA_PHASE_DOWN": {
      const wait = Math.ceil((num(camera.retryAtMs) - nowMs) / 1000);
      return {
        kind: "down",
        words: "Down",
        detail: [camera.trouble ? advised(camera.trouble) : "", wait > 0 ? `Tried again in ${wait} s.` : "Trying again…"].filter(Boolean),
      };
    }
    default:
      return { kind: "connecting", words: "Connecting", detail: [] };
  }
}

function advised({ reason, advice }: CameraTrouble): string {
  return sentence(advice ? `${reason ?? ""}: ${advice}` : (reason ?? ""));
}
