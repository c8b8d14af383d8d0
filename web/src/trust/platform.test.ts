import assert from "node:assert/strict";
import { test } from "node:test";
import { platformOf, type Platform } from "./platform";

test("platforms", () => {
  const cases: [userAgent: string, touches: number, platform: Platform][] = [
    ["Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36", 5, "android"],
    ["Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0", 5, "android"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1", 5, "ios"],
    ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.5 Safari/605.1.15", 5, "ios"],
    ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.5 Safari/605.1.15", 0, "macos"],
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0 Safari/537.36", 0, "windows"],
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0", 0, "firefox"],
    ["Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0 Safari/537.36", 0, "linux"],
    ["", 0, "linux"],
  ];
  for (const [userAgent, touches, platform] of cases) assert.equal(platformOf(userAgent, touches), platform, userAgent);
});
