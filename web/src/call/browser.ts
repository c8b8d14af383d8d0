export type BrowserFamily = "android" | "chromium" | "firefox" | "ios" | "safari" | "other";

/** Which browser it is, as far as its settings are in other places than those of others. */
export function browserOf(userAgent: string, touchPoints = 0): BrowserFamily {
  // All browsers of iOS have one engine, and iPadOS calls itself a Macintosh.
  if (/iPhone|iPad|iPod/.test(userAgent) || (userAgent.includes("Macintosh") && touchPoints > 1)) return "ios";
  if (userAgent.includes("Firefox/")) return "firefox";
  if (/Chrome\/|Chromium\//.test(userAgent)) return userAgent.includes("Android") ? "android" : "chromium";
  return userAgent.includes("Safari/") ? "safari" : "other";
}

export const thisBrowser = (): BrowserFamily =>
  typeof navigator === "undefined" ? "other" : browserOf(navigator.userAgent, navigator.maxTouchPoints);
