import { TrackSource } from "../proto/umbrella/v1/signal_pb";
import type { LocalMedia, Media } from "./media";
import type { OwnTrack } from "./publisher";

/** What of the own devices is sent. */
export function ownTracks({ microphone, camera, screen, screenAudio }: Media): Map<TrackSource, OwnTrack> {
  return new Map([
    [TrackSource.MICROPHONE, { track: microphone.track, muted: !microphone.wanted || !microphone.track }],
    [TrackSource.CAMERA, { track: camera.track, muted: !camera.wanted || !camera.track }],
    [TrackSource.SCREEN, { track: screen, muted: false }],
    [TrackSource.SCREEN_AUDIO, { track: screenAudio, muted: false }],
  ]);
}

/** Turns off what a source comes from, as its button does. */
export function turnOff(media: LocalMedia, source: TrackSource): void {
  const { microphone, camera } = media.store.state;
  if (source === TrackSource.MICROPHONE) {
    if (microphone.wanted) media.toggleMicrophone();
  } else if (source === TrackSource.CAMERA) {
    if (camera.wanted) media.toggleCamera();
  } else media.stopScreen();
}
