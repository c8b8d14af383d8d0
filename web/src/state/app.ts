import { canShareScreen, mediaProblem, type DeviceKind } from "../call/capture";
import { systemClock } from "../call/clock";
import { CallControl } from "../call/control";
import { LocalMedia } from "../call/media";
import { personNameProblem, roomNameProblem, roomOfPath } from "../call/names";
import type { RoomEvent } from "../call/room";
import type { EndReason } from "../call/session";
import type { ModerationAction, Phase } from "../call/state";
import { nextSpeaker } from "../ui/speaker";
import { asksForWall, sayWall } from "../ui/wall";
import { isolate } from "../ui/isolate";
import { sentence } from "../ui/sentence";
import { mediaWords, movedWords, screenWords, together } from "../ui/words";
import { showAttention } from "./attention";
import { Invitations } from "./invitations";
import { load } from "./load";
import { followNetwork } from "./network";
import { seat } from "./seat";
import { Settings, type OwnPicture } from "./settings";
import { Store } from "./store";
import type { Tabs } from "./tabs";
import type { Ui } from "./ui";

const wallRetry = 15_000;
// Endings that may be others some time later, without anybody's doing.
const mayPass: readonly EndReason[] = [
  "unreachable", "not-loaded", "gave-up", "room-full", "try-later", "locked", "unavailable", "refused", "room-closed",
];
const toastTime = 6_000;
const mostToasts = 3;
// Who comes and goes within this time is told in one sentence.
const gatherTime = 400;

/** App is everything behind the page: what the views show and can do. */
export class App {
  readonly settings = new Settings();
  readonly media = new LocalMedia(this.settings.media, {
    onMoved: (kind, label) => this.say(movedWords(kind, label)),
    onScreenEnded: () => this.say("Your screen is no longer shared.", false, () => !this.media.store.state.screen),
  });
  readonly invitations = new Invitations();
  readonly ui: Store<Ui>;
  readonly call: CallControl;
  readonly basePath: string;
  private tabs: Tabs | null = null;
  private phase: Phase = "lobby";
  private lastToast = 0;
  private came: string[] = [];
  private went: string[] = [];
  private gathering = false;
  private lastEntrance: { name: string; viewOnly: boolean; password: string } | null = null;

  constructor() {
    const base = new URL(document.baseURI);
    this.basePath = base.pathname;
    const room = roomOfPath(location.pathname, this.basePath) ?? "";
    this.invitations.take(room);
    this.ui = new Store<Ui>({
      room,
      ...this.invitations.to(room),
      layout: this.settings.layout,
      pinned: "",
      dismissed: new Set(),
      speaker: null,
      panel: "",
      dialog: "",
      subject: "",
      link: "",
      linkWords: "",
      refusal: "",
      unread: 0,
      own: this.settings.own,
      volumes: new Map(),
      elsewhere: false,
      hearHere: false,
      soundBlocked: false,
      shortcuts: this.settings.shortcuts,
      toasts: [],
      fullScreen: "",
      wall: asksForWall(),
      wallSilent: this.settings.wallSilent,
    });
    const socket = new URL("wsb", base);
    socket.protocol = socket.protocol === "https:" ? "wss:" : "ws:";
    this.call = new CallControl(async (store) => {
      // The start of the page has to stay small.
      const { Call, connectSocket, whyNoSocket } = await load(() => import("../call/call"));
      return new Call({
        store,
        connect: connectSocket(socket.href, systemClock),
        diagnose: () => whyNoSocket(socket.href),
        clock: systemClock,
        media: this.media,
        onEvent: (event) => this.happened(event),
        onComplaint: (_, message) => this.complained(sentence(message)),
        onDemoted: () => this.demoted(),
      });
    });
    void this.call.load();
    this.call.store.subscribe(() => this.callChanged());
    this.media.store.subscribe(() => this.keepMedia());
    for (const store of [this.call.store, this.media.store]) store.subscribe(() => this.recheck());
    for (const store of [this.call.store, this.media.store, this.ui]) store.subscribe(() => this.tellOutside());
    this.listen();
    void this.meetTabs();
    // A screen on the wall has nobody who presses a button.
    if (this.ui.state.wall && this.ui.state.room) this.join(this.ui.state.room, "", true, "");
  }

  /** Enters the room; returns all that is wrong with what was typed, by its field. */
  join(room: string, name: string, viewOnly: boolean, password: string): { room?: string; name?: string } {
    // The one spelling that the node knows it by.
    room = room.normalize("NFKC");
    const problems = {
      room: roomNameProblem(room) ?? undefined,
      name: viewOnly && name.trim() === "" ? undefined : (personNameProblem(name) ?? undefined),
    };
    if (problems.room || problems.name) return problems;
    if (name.trim() && !this.ui.state.invitedAs) this.settings.name = name.trim();
    if (this.ui.state.room !== room) {
      history.pushState(null, "", this.roomUrl(room));
      this.showRoom(room);
    }
    this.lastEntrance = { name: name.trim(), viewOnly, password };
    this.ui.set({ pinned: "", dismissed: new Set(), speaker: null, panel: "", unread: 0, volumes: new Map(), toasts: [], hearHere: false });
    if (viewOnly) this.media.close();
    this.call.join({ room, name: name.trim(), viewOnly, password, token: this.invitations.of(room), seat: seat() });
    return {};
  }

  /** Enters the room again, as before. */
  rejoin(): void {
    const e = this.lastEntrance;
    if (!e) return;
    if (!e.viewOnly) void this.media.open();
    this.join(this.ui.state.room, e.name, e.viewOnly, e.password);
  }

  leave(reason?: "replaced"): void {
    this.call.leave(reason);
    this.media.close();
    this.ui.set({ panel: "", dialog: "", toasts: [], soundBlocked: false });
  }

  /** To the lobby of this room, or of none. */
  toLobby(room = this.ui.state.room): void {
    if (room !== this.ui.state.room) {
      history.pushState(null, "", this.roomUrl(room));
      this.showRoom(room);
    }
    this.call.toLobby();
  }

  /** To the lobby of this room, as if there had been no invitation. */
  forgetInvitation(): void {
    this.invitations.forget(this.ui.state.room);
    this.ui.set(this.invitations.to(this.ui.state.room));
    this.call.toLobby();
  }

  private showRoom(room: string): void {
    this.ui.set({ room, ...this.invitations.to(room) });
    this.lookForTabs();
  }

  private complained(words: string): void {
    if (this.ui.state.dialog === "moderator") this.ui.set({ refusal: words });
    else this.say(words, true);
  }

  private demoted(): void {
    if (this.lastEntrance) this.lastEntrance.viewOnly = true;
    this.media.close();
    this.say("Your invitation is to watch: nobody sees or hears you.");
  }

  roomUrl(room: string): string {
    return new URL(room ? `sfu/${room}` : "sfu", document.baseURI).href;
  }

  /** Copies the link to the room, or makes an invitation and copies that. */
  copyLink(invitation = false): void {
    void import("../ui/inviting").then(({ copyLink }) => copyLink(this, invitation));
  }

  /** Shows that link, as a QR code as well. */
  showLink(): void {
    void import("../ui/inviting").then(({ showLink }) => showLink(this));
  }

  /** Becomes a moderator by the admin's password. */
  becomeModerator(password: string): void {
    this.ui.set({ refusal: "" });
    if (!this.call.becomeModerator(password)) this.hasToWait();
  }

  hasToWait(): void {
    this.say("That has to wait until the connection is back.", true, () => this.call.store.state.phase === "reconnecting");
  }

  /** Turns the microphone or the camera on or off, and says why where that does not go. */
  async toggleDevice(kind: DeviceKind): Promise<void> {
    if (this.watches()) return;
    await this.media.toggle(kind);
    const { wanted, track, problem } = this.media.store.state[kind];
    // The lobby shows it beside the picture.
    if (!wanted || track || !problem || !this.inCall()) return;
    const { title, text } = mediaWords(kind, problem);
    this.say(`${title}. ${text}`, true, () => this.media.store.state[kind].problem === problem);
  }

  private inCall(): boolean {
    const { phase } = this.call.store.state;
    return phase === "joined" || phase === "reconnecting";
  }

  /** Reports whether this one just watches, which it says. */
  private watches(): boolean {
    const { viewOnly } = this.call.store.state;
    if (!viewOnly || !this.inCall()) return false;
    this.say("You just watch: nobody sees or hears you. To be seen and heard, leave and join.");
    return true;
  }

  async toggleScreen(): Promise<void> {
    if (this.watches()) return;
    if (!canShareScreen()) {
      this.say(screenWords(mediaProblem() ?? "unsupported"), true);
      return;
    }
    if (this.media.store.state.screen) {
      this.media.stopScreen();
      return;
    }
    const problem = await this.media.shareScreen();
    if (problem) this.say(screenWords(problem), true);
  }

  togglePanel(panel: "chat" | "people"): void {
    const open = this.ui.state.panel === panel ? "" : panel;
    this.ui.set({ panel: open, unread: open === "chat" ? 0 : this.ui.state.unread });
  }

  /** Grid or speaker. A screen that is shown large goes back to the grid. */
  toggleLayout(large: string): void {
    const { dismissed } = this.ui.state;
    if (large) {
      this.ui.set({ layout: "grid", pinned: "", dismissed: new Set([...dismissed, large]) });
      this.settings.layout = "grid";
      return;
    }
    this.ui.set({ layout: "speaker", dismissed: new Set() });
    this.settings.layout = "speaker";
  }

  pin(key: string): void {
    const { pinned, dismissed } = this.ui.state;
    this.ui.set({
      pinned: pinned === key ? "" : key,
      dismissed: new Set([...dismissed].filter((k) => k !== key)),
    });
  }

  /** Talks to a camera, or stops. */
  talk(participantId: string): void {
    if (this.media.store.state.microphone.wanted) this.call.talk(participantId);
    else this.say("Turn your microphone on to talk to the camera.", true, () => !this.media.store.state.microphone.wanted);
  }

  /** Mutes or removes somebody, or locks the room. */
  moderate(action: ModerationAction): boolean {
    const sent = this.call.moderate(action);
    if (!sent) this.hasToWait();
    return sent;
  }

  toggleWall(): void {
    const wall = !this.ui.state.wall;
    this.ui.set({ wall, pinned: "" });
    sayWall(wall);
  }

  setWallSilent(wallSilent: boolean): void {
    this.settings.wallSilent = wallSilent;
    this.ui.set({ wallSilent });
  }

  /** Changes how one sees oneself. */
  setOwn(patch: Partial<OwnPicture>): void {
    const own = { ...this.ui.state.own, ...patch };
    this.settings.own = own;
    this.ui.set({ own });
  }

  /** Makes somebody quieter here, for as long as this call lasts; percent from 0 to 100. */
  setVolume(participantId: string, percent: number): void {
    const others = [...this.ui.state.volumes].filter(([id]) => id !== participantId);
    this.ui.set({ volumes: new Map(percent < 100 ? [...others, [participantId, percent]] : others) });
  }

  setShortcuts(on: boolean): void {
    this.settings.shortcuts = on;
    this.ui.set({ shortcuts: on });
  }

  /**
   * Shows a sentence for a while, and lets screen readers say it. One about a state
   * that may end earlier says by holds whether it lasts.
   */
  say(text: string, alert = false, holds = () => true): void {
    if (this.ui.state.toasts.some((t) => t.text === text && t.alert)) return;
    const toast = { id: ++this.lastToast, text, alert, holds };
    this.ui.set({ toasts: [...this.ui.state.toasts.slice(1 - mostToasts), toast] });
    setTimeout(() => this.dismiss(toast.id), alert ? toastTime * 2 : toastTime);
  }

  /** Takes back what does not hold any more. */
  private recheck(): void {
    const toasts = this.ui.state.toasts.filter((t) => t.holds());
    if (toasts.length < this.ui.state.toasts.length) this.ui.set({ toasts });
  }

  dismiss(id: number): void {
    this.ui.set({ toasts: this.ui.state.toasts.filter((t) => t.id !== id) });
  }

  private happened(event: RoomEvent): void {
    switch (event.kind) {
      case "came":
        this.came.push(event.name);
        this.gather();
        break;
      case "went":
        this.went.push(event.name);
        this.gather();
        break;
      case "muted":
        this.say(event.words, true, event.holds);
        break;
      case "moderator":
        this.say(
          event.moderator ? "You are a moderator now: you can mute and remove others, and lock the room." : "You are no moderator any more.",
          false,
          () => this.call.store.state.room.moderator === event.moderator,
        );
        if (this.ui.state.dialog === "moderator") this.ui.set({ dialog: "" });
        break;
      case "invited":
        void import("../ui/inviting").then(({ invited }) => invited(this, event.token, event.endsAt));
        break;
      case "locked":
        this.say(
          event.locked ? "The room is locked: nobody else can come in." : "The room is open again.",
          false,
          () => this.call.store.state.room.locked === event.locked,
        );
        break;
      case "shares":
        this.say(`${isolate(event.name)} shares a screen`);
        break;
      case "chat":
        if (event.message.participantId === this.call.store.state.room.selfId) break;
        if (this.ui.state.panel !== "chat" || document.hidden) this.ui.set({ unread: this.ui.state.unread + 1 });
        if (this.ui.state.panel !== "chat") {
          this.say(`${isolate(event.message.name || "Someone")}: ${isolate(event.message.text)}`);
        }
    }
  }

  private gather(): void {
    if (this.gathering) return;
    this.gathering = true;
    setTimeout(() => {
      this.gathering = false;
      const { came, went } = this;
      this.came = [];
      this.went = [];
      if (came.length > 0) this.say(together(came, "joined"));
      if (went.length > 0) this.say(together(went, "left"));
    }, gatherTime);
  }

  private callChanged(): void {
    const { phase, room } = this.call.store.state;
    document.documentElement.dataset.callState = phase;
    this.tellTabs();
    if (phase !== this.phase) {
      this.phase = phase;
      if (phase === "failed" && room.selfId !== "") this.media.close();
      // Whoever wanted just to watch is in the lobby again.
      else if (phase === "failed") void this.media.open();
      if (phase === "failed") this.comeBack();
    }
    const speaker = nextSpeaker(this.ui.state.speaker, room.speakers, room.selfId, Date.now());
    if (speaker?.participantId !== this.ui.state.speaker?.participantId || speaker?.heardAt !== this.ui.state.speaker?.heardAt) {
      this.ui.set({ speaker });
    }
  }

  private tellOutside(): void {
    const { room, unread } = this.ui.state;
    showAttention({ room, inCall: this.inCall(), unread, sharing: this.media.store.state.screen !== null });
  }

  /** A wall has nobody who presses a button: it enters again where that may help. */
  private comeBack(): void {
    const { ending } = this.call.store.state;
    if (!this.ui.state.wall || !ending || !mayPass.includes(ending.reason)) return;
    const still = () => this.ui.state.wall && this.call.store.state.phase === "failed";
    this.say("The wall tries again every 15 seconds.", false, still);
    setTimeout(() => {
      if (still()) this.rejoin();
    }, wallRetry);
  }

  /** Other tabs of this browser may be in the same room. */
  private async meetTabs(): Promise<void> {
    const { Tabs, tabChannel } = await import("./tabs");
    const channel = tabChannel(this.basePath);
    if (!channel) return;
    this.tabs = new Tabs(channel, {
      id: Math.random().toString(36),
      clock: systemClock,
      onChange: () => this.lookForTabs(),
      onMoved: () => this.leave("replaced"),
    });
    this.tellTabs();
  }

  private tellTabs(): void {
    const { viewOnly } = this.call.store.state;
    this.tabs?.set(this.inCall() ? this.ui.state.room : "", !viewOnly);
    this.lookForTabs();
  }

  private lookForTabs(): void {
    this.ui.set({ elsewhere: this.tabs?.elsewhere(this.ui.state.room) ?? false });
  }

  private keepMedia(): void {
    const { microphone, camera, speakerId, quality, codec } = this.media.store.state;
    this.settings.media = {
      microphoneOn: microphone.wanted,
      cameraOn: camera.wanted,
      microphoneId: microphone.deviceId,
      cameraId: camera.deviceId,
      speakerId,
      quality,
      codec,
    };
  }

  private listen(): void {
    addEventListener("popstate", () => {
      const room = roomOfPath(location.pathname, this.basePath) ?? "";
      if (room === this.ui.state.room) return;
      const was = this.call.store.state.phase;
      if (was !== "lobby") this.leave();
      this.showRoom(room);
      this.call.toLobby();
    });
    // A link that is opened in the tab of its room loads no page.
    addEventListener("hashchange", () => {
      const { room } = this.ui.state;
      this.invitations.take(room);
      this.showRoom(room);
    });
    addEventListener("pagehide", () => this.leave());
    // A page that comes back out of the browser's memory has left its call.
    addEventListener("pageshow", (event) => {
      if (event.persisted) location.reload();
    });
    addEventListener("online", () => this.call.networkChanged());
    followNetwork(() => this.call.networkChanged());
    document.addEventListener("visibilitychange", () => {
      this.call.setHidden(document.hidden);
      if (document.hidden) return;
      if (this.ui.state.panel === "chat") this.ui.set({ unread: 0 });
      this.call.retryNow();
      this.tabs?.ask();
    });
  }
}
