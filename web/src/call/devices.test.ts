import assert from "node:assert/strict";
import { test } from "node:test";
import { speakerIn } from "./devices";
import { microphone, speaker } from "./fakedevices";

// w3c/mediacapture-output#88: Firefox goes on in silence, Chromium does not go back.
test("sound goes to the system's speaker while the chosen one is away", () => {
  assert.equal(speakerIn([speaker("default", "Default"), speaker("s", "Headset")], "s"), "s");
  assert.equal(speakerIn([speaker("default", "Default")], "s"), "");
  assert.equal(speakerIn([speaker("default", "Default")], ""), "");
  // Before there is permission no browser names any.
  assert.equal(speakerIn([microphone("m", "Laptop")], "s"), "s");
});
