/**
 * Asks the node, by plain HTTP, why no WebSocket opens: a browser keeps what it was
 * answered from the page. Empty where nothing answers.
 *
 * @param socket URL of the WebSocket
 */
export async function whyNoSocket(socket: string): Promise<string> {
  try {
    // By POST, as a browser tells the page's origin then.
    const answer = await fetch(socket.replace(/^ws/, "http"), { method: "POST", signal: AbortSignal.timeout(3_000) });
    return socketTrouble(answer.status, answer.headers.get("content-type") ?? "", await answer.text());
  } catch {
    return "";
  }
}

const maxShown = 600;

/** What an answer to that question means. */
export function socketTrouble(status: number, type: string, body: string): string {
  const text = body.trim();
  const fromNode = type.startsWith("text/plain") && text !== "";
  switch (status) {
    case 403:
    case 421:
    case 429:
    case 503:
      if (fromNode) return text.slice(0, maxShown);
      break;
    case 426:
      return (
        "the access point answers, but no WebSocket gets through to it: " +
        "whoever runs a proxy in front of it has to let that pass on the headers Upgrade and Connection"
      );
  }
  return `a proxy in front of the access point answers in its place, with status ${status}: the access point may be off, or not where the proxy looks for it`;
}
