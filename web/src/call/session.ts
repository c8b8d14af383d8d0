import { Error_Code, Goodbye_Reason, type Joined } from "../proto/umbrella/v1/signal_pb";
import { Backoff } from "./backoff";
import type { Clock } from "./clock";
import type { ClientBody, ServerBody } from "./messages";
import type { Connect, Connection } from "./socket";

/** Why a session is over, or never began. */
export type EndReason =
  | "left"
  | "unreachable"
  /** The code that makes calls could not be loaded. */
  | "not-loaded"
  | "gave-up"
  | "room-full"
  | "wrong-password"
  | "forbidden"
  | "bad-name"
  /** There was no invitation. */
  | "needs-invitation"
  /** There was one, and it does not hold. */
  | "bad-invitation"
  | "try-later"
  | "locked"
  | "unavailable"
  | "refused"
  | "removed"
  | "replaced"
  | "room-closed";

export interface Ending {
  reason: EndReason;
  /** What the node said, if it said anything. */
  detail: string;
}

export type SessionState =
  | { phase: "joining" }
  | { phase: "joined" }
  /** retryAt: when the next attempt is made; null while one is under way. */
  | { phase: "reconnecting"; retryAt: number | null }
  | { phase: "ended"; ending: Ending };

/** What is asked for when a room is entered. */
export interface Entrance {
  room: string;
  name: string;
  viewOnly: boolean;
  password: string;
  /** Of an invitation; empty without one. */
  token: string;
  /** By which the node knows this browser again. */
  seat: string;
  receiveCodecs: string[];
}

export interface SessionOptions {
  connect: Connect;
  clock: Clock;
  random?: () => number;
  entrance: Entrance;
  /** Finds out why no connection opens; empty where nobody says. */
  diagnose?: () => Promise<string>;
  /** Each new state, in order. */
  onState(state: SessionState): void;
  /** In the room: newly, or again with the same session (joined.resumed). */
  onJoined(joined: Joined): void;
  /** Everything else, while in the room. */
  onMessage(body: ServerBody): void;
}

// How long an attempt may take until the node says Joined.
const attemptTimeout = 6_000;
// A first join that meets a closed door knocks once more.
const firstAttempts = 2;
const firstRetry = 600;
// An attempt that was made this long ago was made on another network, or before a sleep.
const staleAttempt = 1_500;
// How long the node keeps a socket without a ping, and each ping is answered.
const nodePatience = 40_000;

/**
 * Session is one stay in a room. It outlives its sockets: it comes back by
 * itself, with the same session where the node still has it.
 */
export class Session {
  private connection: Connection | null = null;
  private credentials: { id: string; secret: string } | null = null;
  private state: SessionState = { phase: "joining" };
  private wasIn = false;
  private attempts = 0;
  private backoff: Backoff | null = null;
  private cancelTimer = () => {};
  private openedAt = -Infinity;
  private heardAt = -Infinity;

  constructor(private readonly o: SessionOptions) {}

  start(): void {
    this.open();
  }

  /** Sends to the node; false, and nothing is sent, while not in the room. */
  send(body: ClientBody): boolean {
    if (this.state.phase !== "joined" || !this.connection) return false;
    this.connection.send(body);
    return true;
  }

  /** Ends the stay. */
  leave(reason: EndReason = "left"): void {
    if (this.state.phase === "joined") this.connection?.send({ case: "leave", value: {} });
    this.end(reason, "");
  }

  /**
   * Tries now instead of when a timer is over, for that of the next attempt, of one
   * that began before a sleep, or of a socket that cannot be alive after one.
   */
  retryNow(): void {
    const now = this.o.clock.now();
    if (this.state.phase === "joined" && now - this.heardAt > nodePatience) this.lost(false);
    else if (this.state.phase === "reconnecting" && (this.state.retryAt !== null || now - this.openedAt > staleAttempt)) this.open();
  }

  /** The network is another: find out at once whether the node is there. */
  networkChanged(): void {
    this.retryNow();
    if (this.state.phase === "joined") this.connection?.probe();
  }

  /** Gives the session up and enters the room anew. */
  rejoin(): void {
    if (this.state.phase !== "joined") return;
    this.connection?.send({ case: "leave", value: {} });
    this.credentials = null;
    this.drop();
    this.change({ phase: "reconnecting", retryAt: null });
    this.open();
  }

  private change(state: SessionState): void {
    this.state = state;
    this.o.onState(state);
  }

  private end(reason: EndReason, detail: string): void {
    if (this.state.phase === "ended") return;
    this.drop();
    this.change({ phase: "ended", ending: { reason, detail } });
  }

  private drop(): void {
    this.cancelTimer();
    this.connection?.close();
    this.connection = null;
  }

  private open(): void {
    this.drop();
    this.attempts++;
    this.openedAt = this.o.clock.now();
    if (this.state.phase === "reconnecting" && this.state.retryAt !== null) {
      this.change({ phase: "reconnecting", retryAt: null });
    }
    this.cancelTimer = this.o.clock.after(attemptTimeout, () => this.lost(false));
    let mine: Connection | null = null;
    // A connection that was dropped has nothing to say any more.
    const stale = () => mine !== null && mine !== this.connection;
    mine = this.o.connect({
      opened: () => {
        if (!stale()) this.knock();
      },
      message: (body) => {
        if (!stale()) this.receive(body);
      },
      closed: () => {
        if (!stale()) this.lost(false);
      },
    });
    this.connection = mine;
  }

  private knock(): void {
    if (this.credentials) {
      const { id, secret } = this.credentials;
      this.connection?.send({ case: "resume", value: { sessionId: id, sessionSecret: secret } });
      return;
    }
    this.connection?.send({ case: "join", value: this.o.entrance });
  }

  private receive(body: ServerBody): void {
    this.heardAt = this.o.clock.now();
    switch (body.case) {
      case "pong":
        return;
      case "joined":
        this.cancelTimer();
        this.backoff = null;
        this.wasIn = true;
        this.credentials = { id: body.value.sessionId, secret: body.value.sessionSecret };
        this.change({ phase: "joined" });
        this.o.onJoined(body.value);
        return;
      case "goodbye":
        this.dismissed(body.value.reason, body.value.message);
        return;
      case "error":
        if (this.state.phase !== "joined") {
          this.refused(body.value.code, body.value.message);
          return;
        }
    }
    if (this.state.phase === "joined") this.o.onMessage(body);
  }

  private dismissed(reason: Goodbye_Reason, message: string): void {
    switch (reason) {
      case Goodbye_Reason.REMOVED:
        this.end("removed", message);
        return;
      case Goodbye_Reason.REPLACED:
        this.end("replaced", message);
        return;
      case Goodbye_Reason.ROOM_CLOSED:
        this.end("room-closed", message);
        return;
      default:
        // The session ends with the node that had it.
        this.credentials = null;
        this.lost(true);
    }
  }

  private refused(code: Error_Code, message: string): void {
    switch (code) {
      case Error_Code.SESSION_UNKNOWN:
        this.credentials = null;
        this.knock();
        return;
      case Error_Code.ROOM_FULL:
        this.end("room-full", message);
        return;
      case Error_Code.WRONG_PASSWORD:
        this.end("wrong-password", message);
        return;
      case Error_Code.FORBIDDEN:
        this.end("forbidden", message);
        return;
      case Error_Code.BAD_NAME:
        this.end("bad-name", message);
        return;
      case Error_Code.NEEDS_INVITATION:
        this.end(this.o.entrance.token ? "bad-invitation" : "needs-invitation", message);
        return;
      case Error_Code.LOCKED:
        this.end("locked", message);
        return;
    }
    if (this.wasIn) this.lost(false);
    else if (code === Error_Code.TRY_LATER) this.end("try-later", message);
    else this.end(code === Error_Code.UNAVAILABLE ? "unavailable" : "refused", message);
  }

  /** Ends it, with the reason if anybody tells it. */
  private unreachable(): void {
    if (!this.o.diagnose) {
      this.end("unreachable", "");
      return;
    }
    void this.o.diagnose().then((why) => this.end("unreachable", why));
  }

  /** The socket is gone. quick: the node said that it would be back. */
  private lost(quick: boolean): void {
    if (this.state.phase === "ended") return;
    this.drop();
    const now = this.o.clock.now();
    if (!this.wasIn) {
      if (this.attempts >= firstAttempts) this.unreachable();
      else this.cancelTimer = this.o.clock.after(firstRetry, () => this.open());
      return;
    }
    if (!this.backoff || quick) this.backoff = new Backoff(now, quick, this.o.random);
    const wait = this.backoff.next(now);
    if (wait === null) {
      this.end("gave-up", "");
      return;
    }
    this.change({ phase: "reconnecting", retryAt: wait > 0 ? now + wait : null });
    if (wait === 0) this.open();
    else this.cancelTimer = this.o.clock.after(wait, () => this.open());
  }
}
