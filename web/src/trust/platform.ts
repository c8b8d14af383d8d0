export type Platform = "android" | "ios" | "macos" | "windows" | "firefox" | "linux";

/**
 * The platform whose steps apply, by the browser's own description. touches is
 * navigator.maxTouchPoints: an iPad says that it is a Mac.
 */
export function platformOf(userAgent: string, touches: number): Platform {
  if (/Android/.test(userAgent)) return "android";
  if (/iPhone|iPad|iPod/.test(userAgent) || (/Macintosh/.test(userAgent) && touches > 1)) return "ios";
  if (/Firefox\//.test(userAgent)) return "firefox";
  if (/Windows/.test(userAgent)) return "windows";
  if (/Macintosh/.test(userAgent)) return "macos";
  return "linux";
}
