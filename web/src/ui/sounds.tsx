import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { speakerIn } from "../call/devices";
import { useApp, useStore } from "./context";
import { Icon } from "./icons";
import { afterPause } from "./video";

/** All that is heard: one element for each audio track of the others. */
export function Sounds(): JSX.Element {
  const app = useApp();
  const streams = useStore(app.call.store, (s) => s.streams);
  const speakerId = useStore(app.media.store, (s) => speakerIn(s.devices, s.speakerId));
  const viewOnly = useStore(app.call.store, (s) => s.viewOnly);
  const silent = useStore(app.ui, (s) => s.wall && s.wallSilent);
  const muted = (useStore(app.ui, (s) => s.elsewhere && !s.hearHere) && viewOnly) || silent;
  const volumes = useStore(app.ui, (s) => s.volumes);
  const participants = useStore(app.call.store, (s) => s.room.participants);
  const volumeOf = (trackId: string) => {
    if (volumes.size === 0) return 100;
    return volumes.get(participants.find((p) => p.tracks.some((t) => t.id === trackId))?.id ?? "") ?? 100;
  };
  return (
    <div hidden>
      {[...streams]
        .filter(([, track]) => track.kind === "audio")
        .map(([id, track]) => (
          <Sound key={id} track={track} speakerId={speakerId} muted={muted} volume={volumeOf(id)} />
        ))}
    </div>
  );
}

interface SoundProps {
  track: MediaStreamTrack;
  speakerId: string;
  muted: boolean;
  /** Percent. */
  volume: number;
}

function Sound({ track, speakerId, muted, volume }: SoundProps): JSX.Element {
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

  useEffect(() => {
    // On an iPhone this changes nothing, but silence works.
    if (ref.current) ref.current.volume = volume / 100;
  }, [volume]);

  return <audio ref={ref} autoPlay muted={muted || volume === 0} />;
}

// What browsers count as a gesture: a touch does once it ends (HTML §6.4).
const gestures = ["pointerup", "keydown", "click"];

/**
 * Says that browsers want a gesture before they play sound. Any one will do, wherever
 * it is made. It covers no picture: in a call it stands above them, and on a wall,
 * which may never be touched, it goes together with the controls.
 */
export function SoundGate(): JSX.Element | null {
  const app = useApp();
  const wall = useStore(app.ui, (s) => s.wall);
  const blocked = useStore(app.ui, (s) => s.soundBlocked && !(s.wall && s.wallSilent));
  const audible = useStore(app.call.store, (s) => [...s.streams.values()].some((t) => t.kind === "audio"));
  const shown = blocked && audible;
  useEffect(() => {
    if (!shown) return;
    const unlock = () => {
      app.ui.set({ soundBlocked: false });
      // In the gesture itself, or iOS does not count it.
      for (const audio of document.querySelectorAll("audio")) {
        audio.play().catch((error: unknown) => {
          if (error instanceof Error && error.name === "NotAllowedError") app.ui.set({ soundBlocked: true });
        });
      }
    };
    for (const kind of gestures) addEventListener(kind, unlock, true);
    return () => {
      for (const kind of gestures) removeEventListener(kind, unlock, true);
    };
  }, [app, shown]);
  if (!shown) return null;
  return (
    <div class={wall ? "wall-sound" : "banner banner-sound"}>
      {!wall && <p role="status">The browser plays no sound before you press something.</p>}
      <button type="button" class="button">
        <Icon name="sound" /> Tap to hear {wall ? "the cameras" : "the call"}
      </button>
    </div>
  );
}
