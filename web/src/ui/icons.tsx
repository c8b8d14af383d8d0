import type { JSX } from "preact";

// Strokes on a grid of 24 by 24.
const paths = {
  microphone: "M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3",
  microphoneOff:
    "M15 11V6a3 3 0 0 0-5.7-1.3M9 9v3a3 3 0 0 0 4.6 2.5M5.5 11.5a6.5 6.5 0 0 0 10.3 5.3M18.5 11.5a6.4 6.4 0 0 1-.5 2.4M12 18v3M4 3.5l16.5 17",
  camera: "M5 6.5h8a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2zM15 10.8l6-3.3v9l-6-3.3",
  cameraOff:
    "M10 6.5h3a2 2 0 0 1 2 2v2.3l6-3.3v9l-4.3-2.4M15 15.2v.3a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2h1M3.5 3.5l17 17",
  screen: "M4 4.5h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1v-10a1 1 0 0 1 1-1zM8.5 20h7M12 13.5V8M9.3 10.3 12 7.6l2.7 2.7",
  screenStop: "M4 4.5h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1v-10a1 1 0 0 1 1-1zM8.5 20h7M9.8 8.3l4.4 4.4M14.2 8.3l-4.4 4.4",
  chat: "M4.5 5h15A1.5 1.5 0 0 1 21 6.5v9a1.5 1.5 0 0 1-1.5 1.5H12l-4.5 4v-4h-3A1.5 1.5 0 0 1 3 15.5v-9A1.5 1.5 0 0 1 4.5 5zM7.5 9.3h9M7.5 12.7h6",
  people:
    "M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 19.5c.4-3.2 3-5 6.5-5s6.1 1.8 6.5 5M16 4.9a3.3 3.3 0 0 1 0 6.3M17.5 14.8c2.3.6 3.7 2.2 4 4.7",
  grid: "M4 4.5h6.5v6.5H4zM13.5 4.5H20v6.5h-6.5zM4 14h6.5v5.5H4zM13.5 14H20v5.5h-6.5z",
  speaker: "M3.5 5h11v14h-11zM17.5 5h3v3.5h-3zM17.5 10.3h3v3.5h-3zM17.5 15.5h3V19h-3z",
  leave: "M3 14.8c-.9-1.6-.4-3.3 1-4.3 4.6-3.3 11.4-3.3 16 0 1.4 1 1.9 2.7 1 4.3-.3.6-1 .8-1.6.6l-3-1c-.6-.2-1-.8-1-1.4v-1.8a12 12 0 0 0-6.8 0V13c0 .6-.4 1.2-1 1.4l-3 1c-.6.2-1.3 0-1.6-.6z",
  more: "M12 4.8a.7.7 0 1 0 0 1.4.7.7 0 1 0 0-1.4zM12 11.3a.7.7 0 1 0 0 1.4.7.7 0 1 0 0-1.4zM12 17.8a.7.7 0 1 0 0 1.4.7.7 0 1 0 0-1.4z",
  pin: "M9 4h6l-.8 6 3.3 3.5h-11L9.8 10zM12 13.5V20",
  unpin: "M10.5 4H15l-.8 6 3.3 3.5h-2M9.5 9l-.2 1-2.8 3.5h5.5M12 13.5V20M4 4l16 16",
  expand: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  shrink: "M9 4v5H4M20 9h-5V4M15 20v-5h5M4 15h5v5",
  flip: "M4.5 8.5A8 8 0 0 1 19 8M19.5 3.5V8H15M19.5 15.5A8 8 0 0 1 5 16M4.5 20.5V16H9M12 14.3a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.6z",
  link: "M10 14a4 4 0 0 0 5.7 0l3.6-3.6a4 4 0 0 0-5.7-5.7L12.5 5.9M14 10a4 4 0 0 0-5.7 0l-3.6 3.6a4 4 0 0 0 5.7 5.7l1.1-1.2",
  settings:
    "M4 7h9M17 7h3M4 17h3M11 17h9M15 9.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4zM9 19.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z",
  qr: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2.5v2.5H14zM20 14v2.5M17 20h3M14 19.5v.5",
  close: "M6 6l12 12M18 6 6 18",
  send: "M4 12 20.5 4.5 16 20l-4.5-6zM11.5 14l9-9.5",
  help: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9.5 9.5a2.5 2.5 0 1 1 3.8 2.2c-.8.5-1.3 1-1.3 2M12 16.8v.01",
  eye: "M2.5 12c2-3.9 5.4-6 9.5-6s7.5 2.1 9.5 6c-2 3.9-5.4 6-9.5 6s-7.5-2.1-9.5-6zM12 14.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6z",
  chevron: "M7 14.5 12 9.5l5 5",
  check: "M5 12.5 10 17.5 19 7",
  sound: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11",
  warning: "M12 4 2.8 19.5h18.4zM12 10v4.5M12 17v.01",
  lock: "M6.5 10.5h11a1 1 0 0 1 1 1V19a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1v-7.5a1 1 0 0 1 1-1zM8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5",
  unlock: "M6.5 10.5h11a1 1 0 0 1 1 1V19a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1v-7.5a1 1 0 0 1 1-1zM8.5 10.5V7.5a3.5 3.5 0 0 1 6.6-1.6",
  cctv: "M4.5 6.5 17 4l1.5 6L6 13zM9 12.3V16a2 2 0 0 1-2 2H4M4 15.5V20M18.3 9l2.5-.6-.7-3-2.5.6",
  broadcast: "M12 13.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM8.5 15.5a5 5 0 0 1 0-7M15.5 8.5a5 5 0 0 1 0 7M5.7 18.3a9 9 0 0 1 0-12.6M18.3 5.7a9 9 0 0 1 0 12.6",
};

export type IconName = keyof typeof paths;

/** A picture beside or instead of words; the words stand elsewhere. */
export function Icon({ name, class: more = "" }: { name: IconName; class?: string }): JSX.Element {
  return (
    <svg class={`icon ${more}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}

/** The mark of Umbrella. */
export function Mark(): JSX.Element {
  return (
    <svg class="mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d="M12 2.5v1.5" />
      <path class="mark-cloth" d="M2.5 12.5a9.5 8.5 0 0 1 19 0c-1.2-1.4-3.6-1.4-4.75 0-1.15-1.4-3.6-1.4-4.75 0-1.15-1.4-3.6-1.4-4.75 0-1.15-1.4-3.55-1.4-4.75 0z" />
      <path d="M12 12v6.5a2 2 0 0 1-4 0" />
    </svg>
  );
}

/** Three bars: 3 good, 2 fair, 1 poor, 0 lost. */
export function Bars({ strength, label }: { strength: number; label: string }): JSX.Element {
  return (
    <svg class={`bars bars-${strength}`} viewBox="0 0 16 16" role="img" aria-label={label}>
      {[1, 2, 3].map((n) => (
        <rect key={n} class={n <= strength ? "on" : ""} x={n * 5 - 4} y={13 - n * 3.6} width="3.4" height={n * 3.6 + 1} rx="1" />
      ))}
    </svg>
  );
}
