import { fitEncodings, type Size } from "./encodings";

/** What of an RTCRtpSender is needed. */
export type Parametric = Pick<RTCRtpSender, "getParameters" | "setParameters">;

/**
 * Sending keeps the encodings of one video sender as the size of the picture,
 * the limits and the node's demand want them. Parameters are set one after the
 * other, never two at a time.
 */
export class Sending {
  private limit = 0;
  private demand: readonly string[] | null = null;
  private running = false;
  private again = false;
  private closed = false;

  constructor(
    private readonly sender: Parametric,
    private readonly screen: boolean,
    private readonly size: () => Size | null,
  ) {}

  /** Bits per second of the full picture. */
  setLimit(limit: number): void {
    this.limit = limit;
    this.update();
  }

  /** RIDs of the encodings that anybody takes; null for all of them. */
  setDemand(rids: readonly string[] | null): void {
    this.demand = rids;
    this.update();
  }

  /** The picture may have another size, or the browser other encodings. */
  update(): void {
    this.again = true;
    if (!this.running) void this.run();
  }

  close(): void {
    this.closed = true;
  }

  private async run(): Promise<void> {
    this.running = true;
    for (let failed = false; this.again && !this.closed; ) {
      this.again = false;
      try {
        const parameters = this.sender.getParameters();
        const { screen, limit, demand } = this;
        if (fitEncodings(parameters.encodings, { screen, size: this.size(), limit, demand })) {
          await this.sender.setParameters(parameters);
        }
        failed = false;
      } catch (error) {
        // eslint-disable-next-line no-console
        console.warn("setting what a picture is sent as:", error);
        this.again ||= !failed;
        failed = true;
      }
    }
    this.running = false;
  }
}
