import { read, write } from "./storage";

/** The token in the fragment of an address (#token=…), or null. */
export function tokenIn(hash: string): string | null {
  return new URLSearchParams(hash.replace(/^#/, "")).get("token");
}

/** The name that a token gives its bearer; empty where it gives none. */
export function nameIn(token: string): string {
  try {
    const bytes = Uint8Array.from(atob((token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
    const { name } = JSON.parse(new TextDecoder().decode(bytes)) as { name?: unknown };
    return typeof name === "string" ? name : "";
  } catch {
    return "";
  }
}

/**
 * Invitations are the tokens with which rooms are entered, by room. They last as
 * long as the tab, and stand in no address, which people pass on.
 */
export class Invitations {
  /** For browsers that forbid storage. */
  private readonly held = new Map<string, string>();

  /** Takes the one in the page's address, if there is one, for a room. */
  take(room: string): void {
    const token = tokenIn(location.hash);
    if (token === null) return;
    history.replaceState(history.state, "", location.pathname + location.search);
    if (!room || !token) return;
    this.held.set(room, token);
    write("session", key(room), token);
  }

  /** The one for a room; empty where there is none. */
  of(room: string): string {
    return this.held.get(room) ?? read("session", key(room));
  }

  /** What the lobby shows of the one for a room. */
  to(room: string): { invited: boolean; invitedAs: string } {
    const token = this.of(room);
    return { invited: token !== "", invitedAs: nameIn(token) };
  }

  forget(room: string): void {
    this.held.delete(room);
    write("session", key(room), "");
  }
}

const key = (room: string) => `invitation.${room}`;
