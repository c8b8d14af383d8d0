/** What is told outside of the page: on its tab, on its icon, on that of the app. */
export interface Attention {
  room: string;
  inCall: boolean;
  /** Chat messages that came while nobody looked at the chat. */
  unread: number;
  sharing: boolean;
}

/** The title of the window and the tab: what matters most stands first, since tabs cut it. */
export function titleOf({ room, inCall, unread, sharing }: Attention): string {
  const name = room ? `${room} · Umbrella` : "Umbrella";
  if (!inCall) return name;
  return `${unread > 0 ? `(${shownCount(unread)}) ` : ""}${sharing ? "Sharing your screen · " : ""}${name}`;
}

/** No number that is wider than it is useful. */
export function shownCount(count: number): string {
  return count > 99 ? "99+" : String(count);
}

let badged = 0;

/** Shows it, where it is not shown yet. */
export function showAttention(attention: Attention): void {
  const title = titleOf(attention);
  if (document.title !== title) document.title = title;
  const count = attention.inCall ? attention.unread : 0;
  if (count === badged) return;
  badged = count;
  markIcon(count > 0);
  // On the icon of the installed app (W3C Badging API).
  const badges = navigator as { setAppBadge?: (n: number) => Promise<void>; clearAppBadge?: () => Promise<void> };
  (count > 0 ? badges.setAppBadge?.(count) : badges.clearAppBadge?.())?.catch(() => {
    // Not installed, or not allowed: the title says it.
  });
}

/** Puts a dot on the tab's icon, or takes it away. */
function markIcon(marked: boolean): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (!link) return;
  plainIcon ||= link.href;
  // eslint-disable-next-line html/sinks -- one of two pictures of our own
  link.href = marked ? dotted : plainIcon;
}

let plainIcon = "";
// That of pages/icon.svg, simpler, with a dot at its corner.
// eslint-disable-next-line html/sinks -- a picture
const dotted = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512"><rect width="512" height="512" rx="112" fill="#0f6b66"/><path d="M92 270a164 146 0 0 1 328 0zM243 250h26v130h-26z" fill="#fff"/><circle cx="376" cy="376" r="124" fill="#e5392d" stroke="#fff" stroke-width="24"/></svg>',
)}`;
