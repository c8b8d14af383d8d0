import { sendableCodecs } from "../call/codecs";
import type { VideoQuality } from "../call/capture";
import type { Kept } from "../call/media";
import { read, write } from "./storage";

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
