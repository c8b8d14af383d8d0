import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

// How long a browser's own pause may last.
const pauseTime = 500;

/**
 * Calls wake when something other than the page has paused an element that plays a
 * call: a headset taken off, Siri, the system's media keys (jitsi/lib-jitsi-meet#1443,
 * element-hq/element-call#855). Returns what ends that.
 */
export function afterPause(element: HTMLMediaElement, wake: () => void): () => void {
  let timer = 0;
  const paused = () => {
    clearTimeout(timer);
    timer = window.setTimeout(wake, pauseTime);
  };
  element.addEventListener("pause", paused);
  return () => {
    clearTimeout(timer);
    element.removeEventListener("pause", paused);
  };
}

interface Props {
  track: MediaStreamTrack | null;
  class?: string;
  /** A picture is there, of that width / height; 0 while there is none. */
  onPicture?: (aspect: number) => void;
}

/** Plays one video track, always silently: sound has elements of its own. */
export function Video({ track, class: name, onPicture }: Props): JSX.Element {
  const ref = useRef<HTMLVideoElement>(null);
  const tell = useRef(onPicture);
  tell.current = onPicture;

  useEffect(() => {
    const video = ref.current;
    if (!video) return;
    // Set by script: iOS looks at the properties, not at the attributes.
    video.muted = true;
    video.playsInline = true;
    video.srcObject = track ? new MediaStream([track]) : null;
    if (!track) {
      tell.current?.(0);
      return;
    }
    const play = () => {
      video.play().catch(() => {
        // Refused while the page is hidden; visible, it is tried again.
      });
    };
    const picture = () => {
      if (video.videoWidth > 0) tell.current?.(video.videoWidth / video.videoHeight);
    };
    const wake = () => {
      if (document.hidden || !video.paused || track.readyState === "ended") return;
      // After an interruption iOS shows black until the stream is set again (twilio/twilio-video.js#1632).
      video.srcObject = new MediaStream([track]);
      play();
    };
    const stop = afterPause(video, wake);
    play();
    video.addEventListener("loadeddata", picture);
    video.addEventListener("resize", picture);
    document.addEventListener("visibilitychange", wake);
    return () => {
      stop();
      video.removeEventListener("loadeddata", picture);
      video.removeEventListener("resize", picture);
      document.removeEventListener("visibilitychange", wake);
      video.srcObject = null;
    };
  }, [track]);

  return <video class={name} ref={ref} autoPlay muted playsInline aria-hidden="true" tabIndex={-1} />;
}
