// Of this tab: the page has been loaded again by itself.
const mark = "umbrella.reloaded";

/** What a page needs to load itself again; tests bring their own. */
export interface ReloadTools {
  storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  /** Reports whether the node answers. */
  answers(): Promise<boolean>;
  reload(): void;
  wait(ms: number): Promise<void>;
}

// How long a node that does not answer is left alone, in milliseconds.
const askAgain = 3_000;

/**
 * Loads the page again, once in a tab until `reloadHelped` is called. It waits
 * for the node to answer first: from a browser's own error page nothing would
 * come back by itself. Returns whether it will; false leaves it to the user.
 *
 * @param needed reports whether it is still to be loaded again
 */
export function reloadOnce(tools: ReloadTools, needed = () => true): boolean {
  try {
    if (tools.storage.getItem(mark)) return false;
    tools.storage.setItem(mark, "1");
  } catch {
    // What cannot be remembered might be done without end.
    return false;
  }
  void (async () => {
    do await tools.wait(askAgain);
    while (needed() && !(await tools.answers()));
    if (needed()) tools.reload();
  })();
  return true;
}

/** The page works: it may load itself again when it does not one day. */
export function reloadHelped({ storage }: Pick<ReloadTools, "storage">): void {
  try {
    storage.removeItem(mark);
  } catch {
    // Nothing was remembered either.
  }
}

/** Those of the browser. */
export const browserTools: ReloadTools = {
  storage: {
    // Reading `sessionStorage` itself may throw.
    getItem: (key) => sessionStorage.getItem(key),
    setItem: (key, value) => sessionStorage.setItem(key, value),
    removeItem: (key) => sessionStorage.removeItem(key),
  },
  answers: () =>
    fetch("healthz", { cache: "no-store", signal: AbortSignal.timeout(5_000) }).then(
      (answer) => answer.ok,
      () => false,
    ),
  reload: () => location.reload(),
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};
