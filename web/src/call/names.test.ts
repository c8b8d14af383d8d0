import assert from "node:assert/strict";
import { test } from "node:test";
import { hashOf, initials, personNameProblem, roomNameProblem, roomOfPath } from "./names";

test("names of rooms", () => {
  const cases: [name: string, problem: RegExp | null][] = [
    ["lounge", null],
    ["A-1_b.c", null],
    ["x".repeat(64), null],
    ["", /Enter/],
    ["x".repeat(65), /at most 64/],
    ["living room", /Spaces/],
    ["küche", null],
    ["آشپز\u200cخانه", null],
    ["ශ්\u200dරී", null],
    ["居間・台所", null],
    ["🏠", /“🏠”/],
    ["a\u200bb", /cannot be/],
    ["字".repeat(64), null],
    ["字".repeat(65), /at most 64/],
    ["a/b", /“\/”/],
    [".hidden", /begin/],
  ];
  for (const [name, problem] of cases) {
    const is = roomNameProblem(name);
    if (problem) assert.match(is ?? "no problem", problem, name);
    else assert.equal(is, null, name);
  }
});

test("names of people", () => {
  const cases: [name: string, problem: RegExp | null][] = [
    ["Ada", null],
    ["  Zoë van der Berg ", null],
    ["山田", null],
    ["👩 Ada", null],
    ["", /Enter/],
    ["   ", /Enter/],
    ["😀".repeat(64), null],
    ["😀".repeat(65), /at most 64/],
    ["علی\u200cرضا", null],
    ["ශ්\u200dරී", null],
    ["👨\u200d👩\u200d👧", null],
  ];
  for (const [name, problem] of cases) {
    const is = personNameProblem(name);
    if (problem) assert.match(is ?? "no problem", problem, JSON.stringify(name));
    else assert.equal(is, null, JSON.stringify(name));
  }
});

test("rooms in paths", () => {
  const cases: [path: string, base: string, room: string | null][] = [
    ["/sfu", "/", ""],
    ["/sfu/", "/", ""],
    ["/sfu/garden", "/", "garden"],
    ["/sfu/garden/", "/", "garden"],
    ["/umbrella/sfu/garden", "/umbrella/", "garden"],
    ["/sfu/a%20b", "/", "a b"],
    ["/sfu/%", "/", "%"],
    ["/sfux", "/", null],
    ["/status", "/", null],
  ];
  for (const [path, base, room] of cases) assert.equal(roomOfPath(path, base), room, path);
});

test("initials", () => {
  const cases: [name: string, letters: string][] = [
    ["Ada", "A"],
    ["ada lovelace", "AL"],
    ["Zoë van der Berg", "ZB"],
    ["front-door", "FD"],
    ["(Ada)", "A"],
    ["👩", ""],
    ["", ""],
  ];
  for (const [name, letters] of cases) assert.equal(initials(name), letters, name);
});

test("a hash stays in its range and differs", () => {
  const values = new Set<number>();
  for (let i = 0; i < 100; i++) {
    const h = hashOf(`participant ${i}`, 8);
    assert.ok(h >= 0 && h < 8);
    values.add(h);
  }
  assert.equal(values.size, 8);
  assert.equal(hashOf("Ada", 8), hashOf("Ada", 8));
});
