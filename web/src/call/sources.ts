import { TrackSource } from "../proto/umbrella/v1/signal_pb";
import type { Device, LocalMedia, Media } from "./media";
import type { OwnTrack } from "./publisher";

/** What of the own devices is sent. What the system has silenced says so to the others. */
export function ownTracks({ microphone, camera, screen, screenAudio }: Media): Map<TrackSource, OwnTrack> {
  return new Map([
    [TrackSource.MICROPHONE, { track: microphone.track, muted: silent(microphone) }],
    [TrackSource.CAMERA, { track: camera.track, muted: silent(camera) }],
    [TrackSource.SCREEN, { track: screen, muted: false }],
    [TrackSource.SCREEN_AUDIO, { track: screenAudio, muted: false }],
  ]);
}

/** Reports whether a device gives nothing: it is off, not there, or silenced by the system. */
export const silent = ({ wanted, track, interrupted }: Device): boolean => !wanted || !track || interrupted;

/** What to say when a moderator has muted something of one's own. */
export function mutedWords(source: TrackSource): string {
  switch (source) {
    case TrackSource.CAMERA:
      return "A moderator has turned your camera off.";
    case TrackSource.SCREEN:
    case TrackSource.SCREEN_AUDIO:
      return "A moderator has stopped your screen.";
    default:
      return "A moderator has muted your microphone.";
  }
}

/** Reports whether what a source comes from is turned off. */
export function isOff({ microphone, camera, screen }: Media, source: TrackSource): boolean {
  if (source === TrackSource.MICROPHONE) return !microphone.wanted;
  return source === TrackSource.CAMERA ? !camera.wanted : screen === null;
}

/** Turns off what a source comes from, as its button does. */
export function turnOff(media: LocalMedia, source: TrackSource): void {
  const { microphone, camera } = media.store.state;
  if (source === TrackSource.MICROPHONE) {
    if (microphone.wanted) void media.toggle("microphone");
  } else if (source === TrackSource.CAMERA) {
    if (camera.wanted) void media.toggle("camera");
  } else media.stopScreen();
}
