const maxLength = 64;

/** The room that the lobby suggests. */
export const defaultRoom = "lounge";

/**
 * Says what is wrong with the name of a room, or null. The node has the whole rule
 * (internal/names), and words for it: here is what can be told while the lobby shows.
 */
export function roomNameProblem(name: string): string | null {
  if (name === "") return "Enter the name of a room.";
  if (Array.from(name).length > maxLength) return `A room's name has at most ${maxLength} characters.`;
  const bad = /[^\p{L}\p{M}\p{Nd}._\-\u200c\u200d·׳״・]/u.exec(name.normalize("NFKC"));
  if (bad) {
    const what = bad[0] === " " ? "Spaces" : `“${bad[0]}”`;
    return `${what} cannot be in a room's name: use letters, digits, “-”, “_” and “.”.`;
  }
  if (name.startsWith(".")) return "A room's name cannot begin with “.”.";
  return null;
}

/** Says what is wrong with the name of a participant, or null. The rest says the node. */
export function personNameProblem(name: string): string | null {
  const trimmed = name.trim();
  if (trimmed === "") return "Enter your name, so that others know who you are.";
  if (Array.from(trimmed).length > maxLength) return `A name has at most ${maxLength} characters.`;
  return null;
}

/**
 * Reads the room out of a page's path, below the path of the base: "" on
 * …/sfu, null where the path is no room at all.
 */
export function roomOfPath(pathname: string, basePath: string): string | null {
  const start = `${basePath}sfu`;
  if (!pathname.startsWith(start)) return null;
  const rest = pathname.slice(start.length);
  if (rest === "" || rest === "/") return "";
  if (!rest.startsWith("/")) return null;
  try {
    return decodeURIComponent(rest.slice(1).replace(/\/$/, ""));
  } catch {
    return rest.slice(1);
  }
}

/** The first letters of up to two words of a name, to stand in for a picture. */
export function initials(name: string): string {
  const words = name
    .trim()
    .split(/[\s._-]+/u)
    .filter((word) => /[\p{L}\p{N}]/u.test(word));
  const chosen = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return chosen.map((word) => Array.from(word ?? "").find((c) => /[\p{L}\p{N}]/u.test(c)) ?? "").join("").toLocaleUpperCase();
}

/** A number from 0 to count - 1 that stays the same for the same text. */
export function hashOf(text: string, count: number): number {
  let hash = 2166136261;
  for (const c of text) hash = Math.imul(hash ^ (c.codePointAt(0) ?? 0), 16777619);
  return (hash >>> 0) % count;
}
