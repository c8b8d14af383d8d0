import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ErrorSchema, Error_Code, GoodbyeSchema, Goodbye_Reason, JoinedSchema } from "../proto/umbrella/v1/signal_pb";
import { FakeClock } from "./fakeclock";
import type { ClientBody, ServerBody } from "./messages";
import { Session, type SessionState } from "./session";
import type { ConnectionHandlers } from "./socket";

class FakeConnection {
  sent: ClientBody[] = [];
  closed = false;
  probes = 0;
  constructor(readonly to: ConnectionHandlers) {}
  send(body: ClientBody): void {
    this.sent.push(body);
  }
  probe(): void {
    this.probes++;
  }
  close(): void {
    this.closed = true;
  }
  last(): string | undefined {
    return this.sent[this.sent.length - 1]?.case;
  }
}

function setup(token = "") {
  const clock = new FakeClock();
  const connections: FakeConnection[] = [];
  const states: SessionState[] = [];
  const joins: boolean[] = [];
  const messages: string[] = [];
  const session = new Session({
    connect: (handlers) => {
      const c = new FakeConnection(handlers);
      connections.push(c);
      return c;
    },
    clock,
    random: () => 1,
    entrance: { room: "r", name: "Ada", viewOnly: false, password: "", token, seat: "", receiveCodecs: ["video/VP8"] },
    onState: (s) => states.push(s),
    onJoined: (j) => joins.push(j.resumed),
    onMessage: (m) => messages.push(m.case),
  });
  session.start();
  const current = () => {
    const c = connections[connections.length - 1];
    assert.ok(c);
    return c;
  };
  const state = () => states[states.length - 1];
  const enter = (resumed = false) => {
    current().to.opened();
    current().to.message(joined(resumed));
  };
  return { clock, connections, current, session, states, state, joins, messages, enter };
}

const joined = (resumed: boolean): ServerBody => ({
  case: "joined",
  value: create(JoinedSchema, { sessionId: "s", sessionSecret: "x", participantId: "p", resumed }),
});
const error = (code: Error_Code): ServerBody => ({ case: "error", value: create(ErrorSchema, { code, message: "why" }) });
const goodbye = (reason: Goodbye_Reason): ServerBody => ({ case: "goodbye", value: create(GoodbyeSchema, { reason }) });

test("it joins", () => {
  const t = setup();
  t.current().to.opened();
  assert.equal(t.current().last(), "join");
  assert.equal(t.session.send({ case: "restartIce", value: {} }), false);
  t.current().to.message(joined(false));
  assert.deepEqual(t.state(), { phase: "joined" });
  assert.deepEqual(t.joins, [false]);
  assert.equal(t.session.send({ case: "restartIce", value: {} }), true);
  t.current().to.message({ case: "pong", value: {} as never });
  t.current().to.message({ case: "streamMap", value: {} as never });
  assert.deepEqual(t.messages, ["streamMap"]);
});

test("it resumes at once after a lost socket", () => {
  const t = setup();
  t.enter();
  t.current().to.closed();
  assert.deepEqual(t.state(), { phase: "reconnecting", retryAt: null });
  assert.equal(t.connections.length, 2);
  t.current().to.opened();
  assert.equal(t.current().last(), "resume");
  t.current().to.message(joined(true));
  assert.deepEqual(t.joins, [false, true]);
  assert.deepEqual(t.state(), { phase: "joined" });
});

test("a session that the node does not know any more is begun anew on the same socket", () => {
  const t = setup();
  t.enter();
  t.current().to.closed();
  t.current().to.opened();
  t.current().to.message(error(Error_Code.SESSION_UNKNOWN));
  assert.equal(t.connections.length, 2);
  assert.equal(t.current().last(), "join");
});

test("further attempts wait, and say until when", () => {
  const t = setup();
  t.enter();
  t.current().to.closed();
  t.current().to.closed();
  assert.deepEqual(t.state(), { phase: "reconnecting", retryAt: t.clock.now() + 500 });
  t.clock.advance(499);
  assert.equal(t.connections.length, 2);
  t.clock.advance(1);
  assert.equal(t.connections.length, 3);
  assert.deepEqual(t.state(), { phase: "reconnecting", retryAt: null });
  t.current().to.closed();
  t.session.retryNow();
  assert.equal(t.connections.length, 4);
});

test("an attempt that hangs is given up", () => {
  const t = setup();
  t.enter();
  t.current().to.closed();
  const hanging = t.current();
  t.clock.advance(6000);
  assert.ok(hanging.closed);
  hanging.to.opened();
  assert.equal(hanging.sent.length, 0);
  assert.equal(t.state()?.phase, "reconnecting");
});

test("a node that restarts is back within a second, and joined anew", () => {
  const t = setup();
  t.enter();
  t.current().to.message(goodbye(Goodbye_Reason.SHUTDOWN));
  assert.ok(t.current().closed);
  for (let ms = 0; ms < 4000; ms += 100) {
    t.clock.advance(100);
    const c = t.current();
    if (ms < 3000) {
      if (!c.closed) c.to.closed();
    }
  }
  t.current().to.opened();
  assert.equal(t.current().last(), "join");
  assert.ok(t.connections.length > 4, `${t.connections.length} connections`);
});

test("it gives up in the end", () => {
  const t = setup();
  t.enter();
  for (let i = 0; i < 1000 && t.state()?.phase !== "ended"; i++) {
    t.current().to.closed();
    t.clock.advance(16_000);
  }
  assert.deepEqual(t.state(), { phase: "ended", ending: { reason: "gave-up", detail: "" } });
});

test("a closed door at first is final, after one more knock", () => {
  const t = setup();
  t.current().to.closed();
  t.clock.advance(1000);
  assert.equal(t.connections.length, 2);
  t.current().to.closed();
  assert.deepEqual(t.state(), { phase: "ended", ending: { reason: "unreachable", detail: "" } });
});

test("refusals and farewells", () => {
  const refusals: [Error_Code, string][] = [
    [Error_Code.ROOM_FULL, "room-full"],
    [Error_Code.WRONG_PASSWORD, "wrong-password"],
    [Error_Code.FORBIDDEN, "forbidden"],
    [Error_Code.BAD_NAME, "bad-name"],
    [Error_Code.UNAVAILABLE, "unavailable"],
    [Error_Code.BAD_REQUEST, "refused"],
    [Error_Code.NEEDS_INVITATION, "needs-invitation"],
    [Error_Code.TRY_LATER, "try-later"],
    [Error_Code.LOCKED, "locked"],
  ];
  for (const [code, reason] of refusals) {
    const t = setup();
    t.current().to.opened();
    t.current().to.message(error(code));
    assert.deepEqual(t.state(), { phase: "ended", ending: { reason, detail: "why" } });
    assert.ok(t.current().closed);
  }
  const farewells: [Goodbye_Reason, string][] = [
    [Goodbye_Reason.REMOVED, "removed"],
    [Goodbye_Reason.REPLACED, "replaced"],
    [Goodbye_Reason.ROOM_CLOSED, "room-closed"],
  ];
  for (const [code, reason] of farewells) {
    const t = setup();
    t.enter();
    t.current().to.message(goodbye(code));
    t.clock.advance(60_000);
    assert.equal(t.connections.length, 1);
    assert.deepEqual(t.state(), { phase: "ended", ending: { reason, detail: "" } });
  }
});

test("an invitation is sent whenever the room is entered, and may be refused", () => {
  const t = setup("eyJ");
  const token = () => {
    const [said] = t.current().sent;
    return said?.case === "join" ? said.value.token : undefined;
  };
  t.enter();
  assert.equal(token(), "eyJ");
  t.session.rejoin();
  t.current().to.opened();
  assert.equal(token(), "eyJ");
  t.current().to.message(error(Error_Code.NEEDS_INVITATION));
  assert.deepEqual(t.state(), { phase: "ended", ending: { reason: "bad-invitation", detail: "why" } });
});

test("an error in the room is for the room", () => {
  const t = setup();
  t.enter();
  t.current().to.message(error(Error_Code.NEGOTIATION_FAILED));
  assert.deepEqual(t.messages, ["error"]);
  assert.equal(t.state()?.phase, "joined");
});

test("a node that has no time is asked again by those who were in", () => {
  for (const code of [Error_Code.UNAVAILABLE, Error_Code.TRY_LATER]) {
    const t = setup();
    t.enter();
    t.current().to.closed();
    t.current().to.opened();
    t.current().to.message(error(code));
    assert.equal(t.state()?.phase, "reconnecting");
  }
});

test("leaving says so, once", () => {
  const t = setup();
  t.enter();
  t.session.leave();
  t.session.leave();
  assert.equal(t.current().sent.filter((m) => m.case === "leave").length, 1);
  assert.ok(t.current().closed);
  assert.equal(t.states.filter((s) => s.phase === "ended").length, 1);
});

test("a changed network is looked into", () => {
  const t = setup();
  t.enter();
  t.session.networkChanged();
  assert.equal(t.current().probes, 1);
});

test("a rejoin leaves and enters by a new socket", () => {
  const t = setup();
  t.enter();
  t.session.rejoin();
  assert.equal(t.connections[0]?.last(), "leave");
  t.current().to.opened();
  assert.equal(t.current().last(), "join");
});

test("a device that wakes does not wait for a countdown, or for an attempt from before its sleep", () => {
  const t = setup();
  t.enter();
  t.current().to.closed();
  assert.equal(t.connections.length, 2);
  t.session.retryNow();
  assert.equal(t.connections.length, 2, "an attempt has just begun");
  t.clock.advance(2_000);
  t.session.retryNow();
  assert.equal(t.connections.length, 3);
  t.current().to.closed();
  t.session.retryNow();
  assert.equal(t.connections.length, 4);
});

test("a socket that slept for longer than the node keeps it is opened anew at once", () => {
  const t = setup();
  t.enter();
  t.clock.sleep(30_000);
  t.session.retryNow();
  assert.equal(t.connections.length, 1, "it may be alive");
  t.current().to.message({ case: "pong", value: {} as never });
  t.clock.sleep(50_000);
  t.session.retryNow();
  assert.equal(t.connections.length, 2);
  t.enter(true);
  assert.deepEqual(t.joins, [false, true]);
});
