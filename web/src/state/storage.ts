/** What outlasts the page: in the browser, or in the tab. */
export type Kind = "local" | "session";

const prefix = "umbrella.";

// Storage may be forbidden, and then it throws to be named; nothing is remembered
// then, and all else works.
const storage = (kind: Kind) => (kind === "local" ? localStorage : sessionStorage);

/** Empty where there is nothing. */
export function read(kind: Kind, key: string): string {
  try {
    return storage(kind).getItem(prefix + key) ?? "";
  } catch {
    return "";
  }
}

export function write(kind: Kind, key: string, value: string): void {
  try {
    if (value === "") storage(kind).removeItem(prefix + key);
    else storage(kind).setItem(prefix + key, value);
  } catch {
    // As above.
  }
}
