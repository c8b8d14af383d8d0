import { sendableCodecs } from "../call/codecs";
import type { VideoQuality } from "../call/capture";
import type { Kept } from "../call/media";
import { read, write } from "./storage";

export const corners = ["top-left", "top-right", "bottom-left", "bottom-right"] as const;
export type Corner = (typeof corners)[number];
const ownPlaces = ["grid", "floating", "hidden"] as const;

/** How one sees oneself. The others see one's picture as the camera has it. */
export interface OwnPicture {
  /** A tile as any other, above the others in a corner, or nowhere. */
  place: (typeof ownPlaces)[number];
  /** Where it floats. */
  corner: Corner;
  /** As in a mirror. */
  mirrored: boolean;
}

/** Settings are what the browser remembers of its user. */
export class Settings {
  get name(): string {
    return read("local", "name");
  }
  set name(value: string) {
    write("local", "name", value);
  }

  get layout(): "grid" | "speaker" {
    return read("local", "layout") === "speaker" ? "speaker" : "grid";
  }
  set layout(value: "grid" | "speaker") {
    write("local", "layout", value);
  }

  get shortcuts(): boolean {
    return read("local", "shortcuts") !== "off";
  }
  set shortcuts(on: boolean) {
    write("local", "shortcuts", on ? "" : "off");
  }

  /** The camera wall is for the eyes only. */
  get wallSilent(): boolean {
    return read("local", "wall-sound") === "off";
  }
  set wallSilent(silent: boolean) {
    write("local", "wall-sound", silent ? "off" : "");
  }

  get own(): OwnPicture {
    const place = read("local", "own-picture");
    const corner = read("local", "own-corner");
    return {
      place: ownPlaces.find((p) => p === place) ?? "grid",
      corner: corners.find((c) => c === corner) ?? "bottom-right",
      mirrored: read("local", "own-mirror") !== "off",
    };
  }
  set own({ place, corner, mirrored }: OwnPicture) {
    write("local", "own-picture", place === "grid" ? "" : place);
    write("local", "own-corner", corner === "bottom-right" ? "" : corner);
    write("local", "own-mirror", mirrored ? "" : "off");
  }

  /** What was on and off counts for this tab only, so that a reload in a call
   * does not open a microphone that was muted. */
  get media(): Kept {
    return {
      microphoneOn: read("session", "microphone") !== "off",
      cameraOn: read("session", "camera") !== "off",
      microphoneId: read("local", "microphone"),
      cameraId: read("local", "camera"),
      speakerId: read("local", "speaker"),
      quality: read("local", "quality") === "saving" ? "saving" : "standard",
      codec: sendableCodecs().find((c) => c === read("local", "codec")) ?? "",
    };
  }
  set media(kept: Kept) {
    write("session", "microphone", kept.microphoneOn ? "" : "off");
    write("session", "camera", kept.cameraOn ? "" : "off");
    write("local", "microphone", kept.microphoneId);
    write("local", "camera", kept.cameraId);
    write("local", "speaker", kept.speakerId);
    write("local", "quality", kept.quality satisfies VideoQuality);
    write("local", "codec", kept.codec);
  }
}
