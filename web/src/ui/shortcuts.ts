import { useEffect, useRef } from "preact/hooks";
import { useApp } from "./context";
import { toggleFullScreen } from "./tile";

export const keys: [key: string, does: string][] = [
  ["M", "Mute or unmute the microphone"],
  ["V", "Turn the camera on or off"],
  ["S", "Share the screen, or stop"],
  ["C", "Open or close the chat"],
  ["P", "Open or close the people list"],
  ["L", "Grid or speaker layout"],
  ["W", "The cameras only, or everyone"],
  ["F", "Full screen"],
  ["?", "This help"],
];

/** Single keys for what is done most; not while something is typed. */
export function useShortcuts(mainKey: string): void {
  const app = useApp();
  const now = useRef(mainKey);
  now.current = mainKey;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
      if (!app.ui.state.shortcuts || app.ui.state.dialog) return;
      const target = event.target as HTMLElement;
      if (target.closest("input, textarea, select, [contenteditable], [role=menu]")) return;
      switch (event.key.toLowerCase()) {
        case "m":
          void app.toggleDevice("microphone");
          break;
        case "v":
          void app.toggleDevice("camera");
          break;
        case "s":
          void app.toggleScreen();
          break;
        case "c":
          app.togglePanel("chat");
          break;
        case "p":
          app.togglePanel("people");
          break;
        case "l":
          app.toggleLayout(now.current);
          break;
        case "w":
          app.toggleWall();
          break;
        case "f":
          toggleFullScreen(document.documentElement);
          break;
        case "?":
          app.ui.set({ dialog: "help" });
          break;
        default:
          return;
      }
      event.preventDefault();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [app]);
}
