import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { speakerIn } from "../call/devices";
import { useApp, useStore } from "./context";
import { afterPause } from "./video";

/** All that is heard: one element for each audio track of the others. */
export function Sounds(): JSX.Element {
  const app = useApp();
  const streams = useStore(app.call.store, (s) => s.streams);
  const speakerId = useStore(app.media.store, (s) => speakerIn(s.devices, s.speakerId));
  const viewOnly = useStore(app.call.store, (s) => s.viewOnly);
  const muted = useStore(app.ui, (s) => s.elsewhere && !s.hearHere) && viewOnly;
  return (
    <div hidden>
      {[...streams]
        .filter(([, track]) => track.kind === "audio")
        .map(([id, track]) => (
          <Sound key={id} track={track} speakerId={speakerId} muted={muted} />
        ))}
    </div>
  );
}

function Sound({ track, speakerId, muted }: { track: MediaStreamTrack; speakerId: string; muted: boolean }): JSX.Element {
  const app = useApp();
  const ref = useRef<HTMLAudioElement>(null);

  useEffect(() => {
    const audio = ref.current;
    if (!audio) return;
    audio.srcObject = new MediaStream([track]);
    const play = () => {
      audio.play().catch((error: unknown) => {
        if (error instanceof Error && error.name === "NotAllowedError") app.ui.set({ soundBlocked: true });
      });
    };
    // A phone call or another app may have stopped it.
    const wake = () => {
      if (!document.hidden && audio.paused && track.readyState === "live") play();
    };
    const stop = afterPause(audio, wake);
    play();
    document.addEventListener("visibilitychange", wake);
    return () => {
      stop();
      document.removeEventListener("visibilitychange", wake);
      audio.srcObject = null;
    };
  }, [track, app]);

  useEffect(() => {
    // A speaker that is gone leaves the sound where it was.
    if (speakerId && ref.current && "setSinkId" in ref.current) ref.current.setSinkId(speakerId).catch(() => {});
    else if (!speakerId && ref.current && "sinkId" in ref.current && ref.current.sinkId !== "") {
      ref.current.setSinkId("").catch(() => {});
    }
  }, [speakerId]);

  return <audio ref={ref} autoPlay muted={muted} />;
}

/** Asks for the gesture that browsers want before they play sound. */
export function SoundGate(): JSX.Element | null {
  const app = useApp();
  const blocked = useStore(app.ui, (s) => s.soundBlocked);
  if (!blocked) return null;
  const unlock = () => {
    app.ui.set({ soundBlocked: false });
    // In the gesture itself, or iOS does not count it.
    for (const audio of document.querySelectorAll("audio")) {
      audio.play().catch((error: unknown) => {
        if (error instanceof Error && error.name === "NotAllowedError") app.ui.set({ soundBlocked: true });
      });
    }
  };
  return (
    <button type="button" class="button button-main sound-gate" onClick={unlock}>
      Tap to hear the call
    </button>
  );
}
