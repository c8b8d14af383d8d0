import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

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
      if (!document.hidden && video.paused) play();
    };
    play();
    video.addEventListener("loadeddata", picture);
    video.addEventListener("resize", picture);
    document.addEventListener("visibilitychange", wake);
    return () => {
      video.removeEventListener("loadeddata", picture);
      video.removeEventListener("resize", picture);
      document.removeEventListener("visibilitychange", wake);
      video.srcObject = null;
    };
  }, [track]);

  return <video class={name} ref={ref} autoPlay muted playsInline aria-hidden="true" tabIndex={-1} />;
}
