import { useCallback, useEffect, useRef, useState } from "preact/hooks";

const timeout = 5000;

/** The login is over: the page is loaded again, which asks for another one. */
export function loginEnded(): never {
  location.reload();
  throw new Error("The login has ended.");
}

/** Asks the node for JSON. The errors are sentences for people. */
export async function load<T>(path: string, forbidden: string): Promise<T> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeout);
  try {
    const response = await fetch(path, { headers: { Accept: "application/json" }, signal: abort.signal, cache: "no-store" });
    if (response.status === 401) loginEnded();
    if (response.status === 403) throw new Error(forbidden);
    if (!response.ok) throw new Error(`The node answers with an error (${response.status}).`);
    return (await response.json()) as T;
  } catch (error) {
    if (error instanceof TypeError || abort.signal.aborted) throw new Error("The node does not answer.", { cause: error });
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

export interface Polled<T> {
  /** The last that came, or null. */
  value: T | null;
  /** Why nothing newer came; empty when all is well. */
  problem: string;
  /** Asks at once. */
  refresh: () => Promise<void>;
}

/** Asks again and again while the page is seen. `ask` has to stay the same. */
export function usePolled<T>(ask: () => Promise<T>, interval: number): Polled<T> {
  const [value, setValue] = useState<T | null>(null);
  const [problem, setProblem] = useState("");
  const asked = useRef(0);
  const refresh = useCallback(async () => {
    const turn = ++asked.current;
    try {
      const next = await ask();
      // An answer to an earlier question may come later.
      if (turn !== asked.current) return;
      setValue(next);
      setProblem("");
    } catch (error) {
      if (turn === asked.current) setProblem(error instanceof Error ? error.message : "The state cannot be read.");
    }
  }, [ask]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    const turn = async () => {
      if (!document.hidden) await refresh();
      if (!over) timer = setTimeout(() => void turn(), interval);
    };
    void turn();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [refresh, interval]);
  return { value, problem, refresh };
}
