import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

interface Me {
  admin: boolean;
  login: boolean;
}

/**
 * Leads to the pages about the node, where whoever looks may see them.
 *
 * @param inCall they open beside the call, and the login is named where that would help
 */
export function NodeLinks({ inCall = false }: { inCall?: boolean }): JSX.Element | null {
  const [me, setMe] = useState<Me>({ admin: false, login: false });
  useEffect(() => {
    const abort = new AbortController();
    fetch("me", { signal: abort.signal })
      .then(async (answer) => {
        if (answer.ok) setMe((await answer.json()) as Me);
      })
      .catch(() => {
        // No node, no pages.
      });
    return () => abort.abort();
  }, []);
  const target = inCall ? "_blank" : undefined;
  if (me.admin)
    return (
      <p class="hint">
        This access point: <a href="status" target={target}>status</a>, <a href="servers" target={target}>trunks and cameras</a>
      </p>
    );
  if (!me.login || !inCall) return null;
  return (
    <p class="hint">
      You run this access point? <a href="status" target={target}>Log in to see its status</a>
    </p>
  );
}
