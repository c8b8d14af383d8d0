import { sendableCodecs } from "../call/codecs";
import type { Kept, VideoQuality } from "../call/media";

/** Settings are what the browser remembers of its user. */
export class Settings {
  get name(): string {
    return read(localStorage, "name");
  }
  set name(value: string) {
    write(localStorage, "name", value);
  }

  get layout(): "grid" | "speaker" {
    return read(localStorage, "layout") === "speaker" ? "speaker" : "grid";
  }
  set layout(value: "grid" | "speaker") {
    write(localStorage, "layout", value);
  }

  get shortcuts(): boolean {
    return read(localStorage, "shortcuts") !== "off";
  }
  set shortcuts(on: boolean) {
    write(localStorage, "shortcuts", on ? "" : "off");
  }

  /** What was on and off counts for this tab only, so that a reload in a call
   * does not open a microphone that was muted. */
  get media(): Kept {
    return {
      microphoneOn: read(sessionStorage, "microphone") !== "off",
      cameraOn: read(sessionStorage, "camera") !== "off",
      microphoneId: read(localStorage, "microphone"),
      cameraId: read(localStorage, "camera"),
      speakerId: read(localStorage, "speaker"),
      quality: read(localStorage, "quality") === "saving" ? "saving" : "standard",
      codec: sendableCodecs().find((c) => c === read(localStorage, "codec")) ?? "",
    };
  }
  set media(kept: Kept) {
    write(sessionStorage, "microphone", kept.microphoneOn ? "" : "off");
    write(sessionStorage, "camera", kept.cameraOn ? "" : "off");
    write(localStorage, "microphone", kept.microphoneId);
    write(localStorage, "camera", kept.cameraId);
    write(localStorage, "speaker", kept.speakerId);
    write(localStorage, "quality", kept.quality satisfies VideoQuality);
    write(localStorage, "codec", kept.codec);
  }
}

const prefix = "umbrella.";

// Storage may be forbidden; then nothing is remembered, and all else works.
function read(storage: Storage, key: string): string {
  try {
    return storage.getItem(prefix + key) ?? "";
  } catch {
    return "";
  }
}

function write(storage: Storage, key: string, value: string): void {
  try {
    if (value === "") storage.removeItem(prefix + key);
    else storage.setItem(prefix + key, value);
  } catch {
    // As above.
  }
}
