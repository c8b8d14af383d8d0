import type { DeviceKind } from "../call/capture";
import type { Device } from "../call/media";
import { mediaWords } from "./words";

/** What a call says of an own device that others do not get; null where all is well. */
export function deviceNotice(kind: DeviceKind, { wanted, problem, interrupted }: Device): { text: string; again: boolean } | null {
  if (!wanted || (!problem && !interrupted)) return null;
  const nobody = kind === "camera" ? "nobody sees you" : "nobody hears you";
  if (!problem) return { text: `The system has stopped your ${kind}: ${nobody}.`, again: true };
  // Whoever has no camera knows, and can do nothing about it.
  if (kind === "camera" && problem !== "lost" && problem !== "busy" && problem !== "failed") return null;
  const { title, text } = mediaWords(kind, problem);
  return { text: `${title}: ${nobody}. ${text}`, again: problem !== "insecure" && problem !== "unsupported" };
}
