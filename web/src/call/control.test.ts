import assert from "node:assert/strict";
import { test } from "node:test";
import type { Call } from "./call";
import { CallControl } from "./control";

const entrance = { room: "lounge", name: "Ada", viewOnly: false, password: "", token: "", seat: "" };
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A Call that loads when told to, and keeps what it is asked for. */
function loading() {
  const asked: string[] = [];
  const call = {
    join: ({ room }: { room: string }) => asked.push(`join ${room}`),
    leave: () => asked.push("leave"),
    setHidden: (hidden: boolean) => asked.push(`hidden ${hidden ? "yes" : "no"}`),
  } as unknown as Call;
  const loads: { finish: () => void; fail: () => void }[] = [];
  const control = new CallControl(
    () => new Promise((resolve, reject) => loads.push({ finish: () => resolve(call), fail: () => reject(new Error("no network")) })),
  );
  return { control, asked, loads };
}

test("a join waits for the code that makes calls", async () => {
  const { control, asked, loads } = loading();
  control.join(entrance);
  assert.equal(control.store.state.phase, "joining");
  control.setHidden(true);
  loads[0]?.finish();
  await turn();
  assert.deepEqual(asked, ["hidden yes", "join lounge"]);
  control.join({ ...entrance, room: "den" });
  assert.equal(loads.length, 1);
  assert.deepEqual(asked.slice(2), ["join den"]);
});

test("who leaves while that code loads does not join", async () => {
  const { control, asked, loads } = loading();
  control.join(entrance);
  control.leave();
  assert.equal(control.store.state.phase, "left");
  loads[0]?.finish();
  await turn();
  assert.deepEqual(asked, []);
});

test("code that does not load is told, and loaded by the next join", async () => {
  const { control, asked, loads } = loading();
  void control.load();
  control.join(entrance);
  loads[0]?.fail();
  await turn();
  assert.equal(control.store.state.phase, "failed");
  assert.equal(control.store.state.ending?.reason, "not-loaded");
  control.join(entrance);
  assert.equal(control.store.state.ending, null);
  loads[1]?.finish();
  await turn();
  assert.deepEqual(asked, ["join lounge"]);
});

test("code that does not load in the lobby is no news until somebody joins", async () => {
  const { control, loads } = loading();
  void control.load();
  loads[0]?.fail();
  await turn();
  assert.equal(control.store.state.phase, "lobby");
});
