/** How sound and pictures would get through. */
export interface Ways {
  /** Such as "UDP port 8082"; each once, the likeliest first. */
  ports: string[];
  /** A relay (TURN) is offered for networks that let nothing else through. */
  relayed: boolean;
}

/** Reads from a session description of the node which ports it offers. */
export function waysOf(sdp: string, iceServers: readonly { urls: string[] }[]): Ways {
  const ports = new Set<string>();
  for (const [, protocol = "", port = ""] of sdp.matchAll(/^a=candidate:\S+ \d+ (\S+) \d+ \S+ (\d+) /gm)) {
    ports.add(`${protocol.toUpperCase()} port ${port}`);
  }
  return { ports: [...ports], relayed: iceServers.some(({ urls }) => urls.some((url) => /^turns?:/.test(url))) };
}
