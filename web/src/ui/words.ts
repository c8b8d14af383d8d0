import type { Ways } from "../call/diagnose";
import type { Ending } from "../call/session";
import { thisBrowser, type BrowserFamily } from "../call/browser";
import type { DeviceKind, MediaProblem } from "../call/capture";
import { isolate } from "./isolate";
import { sentence } from "./sentence";

export interface Words {
  title: string;
  text: string;
  /** The page that explains certificates may help. */
  trust?: boolean;
  /** Loading the page again may help. */
  reload?: boolean;
  /** It may work without the invitation. */
  invited?: boolean;
}

/** What to say when a stay ended, or never began. */
export function endingWords(ending: Ending, secure: boolean): Words {
  switch (ending.reason) {
    case "left":
      return { title: "You left the call", text: "You can come back whenever you like." };
    case "unreachable":
      if (ending.detail) return { title: "The access point cannot be joined from this page", text: sentence(ending.detail) };
      return {
        title: "The access point does not answer",
        text: secure
          ? "Check that you are on its network. If this device does not trust the network's certificate yet, that may be the reason as well."
          : "Check that you are on its network, then try again.",
        trust: secure,
      };
    case "not-loaded":
      return {
        title: "A part of this page could not be loaded",
        text: "The access point does not answer, or was updated just now. Reload the page to try again.",
        reload: true,
      };
    case "gave-up":
      return { title: "The connection is lost", text: "The access point has not answered for ten minutes." };
    case "room-full":
      return { title: "This room is full", text: "Try again when somebody has left." };
    case "wrong-password":
      return { title: "This room has a password", text: "Ask whoever invited you for it." };
    case "forbidden":
      return {
        title: "You cannot join this room from here",
        text: ending.detail ? sentence(ending.detail) : "Calls are open to people on this access point's own network.",
      };
    case "bad-name":
      return { title: "That name is not allowed", text: ending.detail ? sentence(ending.detail) : "Choose another one." };
    case "needs-invitation":
      return {
        title: "This room is entered with an invitation",
        text: "Ask whoever runs this access point for a link, and open it on this device.",
      };
    case "bad-invitation":
      return {
        title: "Your invitation does not let you in",
        text: ending.detail ? sentence(ending.detail) : "Ask whoever sent it for another one.",
        invited: true,
      };
    case "try-later":
      return { title: "Too many attempts", text: ending.detail ? sentence(ending.detail) : "Wait a while before the next one." };
    case "locked":
      return { title: "This room is locked", text: "A moderator lets nobody else in just now. Ask somebody who is in the call." };
    case "unavailable":
      return {
        title: "The access point has no room for another call just now",
        text: ending.detail ? sentence(ending.detail) : "Try again in a moment.",
      };
    case "refused":
      return {
        title: "The access point did not understand this page",
        text: "It may have been updated: reload the page.",
      };
    case "removed":
      return { title: "You were removed from the call", text: "A moderator ended your stay." };
    case "replaced":
      return { title: "The call goes on in another window", text: "It was opened there with the same seat." };
    case "room-closed":
      return { title: "This room was closed", text: "The settings of the access point have changed." };
  }
}

/** What to say while the node answers, but no media gets through. */
export function blockedWords({ ports, relayed }: Ways): string {
  const needed = ports.length > 0 ? ports.join(" or ") : "a port of their own";
  const remedy = relayed
    ? "Its relay (TURN) is not reached either. Whoever runs the access point can open one of these."
    : "Whoever runs the access point can open one of these, or turn on the relay (TURN) for networks that let only web pages through.";
  return `Sound and pictures cannot get through. The page comes by the web, but they need ${needed}, which a firewall, a proxy or a tunnel on the way does not carry. ${remedy} Trying again…`;
}

/** Where a permission is given once it was refused, as the browser calls its parts. */
function allowWords(kind: DeviceKind, browser: BrowserFamily): string {
  switch (browser) {
    case "chromium":
      return `Press the symbol to the left of the address, and allow the ${kind} there.`;
    case "android":
      return `Tap the symbol to the left of the address, then Permissions, and allow the ${kind}.`;
    case "firefox":
      return `Press the crossed-out symbol of the ${kind} beside the address, and take the block away.`;
    case "safari":
      return `In the menu Safari, choose Settings for This Website, and allow the ${kind}.`;
    case "ios":
      return `Tap the symbol beside the address, then the website's settings, and allow the ${kind}.`;
    case "other":
      return `Allow the ${kind} in the browser's settings for this website.`;
  }
}

/** What to say when a camera or microphone cannot be had. */
export function mediaWords(kind: DeviceKind, problem: MediaProblem, browser = thisBrowser()): Words {
  const title = (text: string) => `${kind === "camera" ? "Camera" : "Microphone"} ${text}`;
  switch (problem) {
    case "permission":
      return { title: title("not allowed"), text: `The browser keeps the ${kind} from this page. ${allowWords(kind, browser)}` };
    case "dismissed":
      return { title: title("not allowed yet"), text: `The browser's question was not answered. Turn the ${kind} on, and it asks again.` };
    case "system":
      return {
        title: title("blocked by the system"),
        text: `The system keeps the ${kind} from this browser. Allow it in the system's privacy settings, then turn it on again.`,
      };
    case "policy":
      return {
        title: title("blocked by a policy"),
        text: `Whoever manages this device, or the page that this call is shown in, does not allow the ${kind}. Ask them, or open this page in a tab of its own.`,
      };
    case "none":
      return { title: title("not found"), text: `This device has no ${kind}, or it is not plugged in.` };
    case "busy":
      return { title: title("busy"), text: `Another app or tab uses the ${kind}. Close it there, then turn it on again.` };
    case "insecure":
      return {
        title: title("not available"),
        text: "Browsers give cameras and microphones to secure pages only. Open this page with https:// in front.",
        trust: true,
      };
    case "unsupported":
      return { title: title("not available"), text: `This browser gives no page a ${kind}. Try another one.` };
    case "lost":
      return { title: title("disconnected"), text: `The ${kind} was unplugged, or the system took it away. Turn it on again.` };
    case "failed":
      return { title: title("did not start"), text: `The ${kind} could not be started. Turn it on again, or choose another one.` };
  }
}

/** What to say when another device is used than before. */
export function movedWords(kind: DeviceKind, label: string): string {
  return `Your ${kind} is now “${isolate(label)}”.`;
}

export function screenWords(problem: MediaProblem): string {
  switch (problem) {
    case "none":
      return "There is nothing on this device that can be shared.";
    case "busy":
    case "system":
      return "The system did not let the browser see the screen. Check its privacy settings.";
    case "policy":
      return "Whoever manages this device, or the page that this call is shown in, does not allow sharing the screen.";
    case "insecure":
      return "Browsers share screens with secure pages only. Open this page with https:// in front.";
    case "unsupported":
      return "This browser shares no screen. A browser on a computer does.";
    default:
      return "This browser could not share the screen.";
  }
}

/** "Ada joined", "Ada and Bob joined", "Ada and 3 others joined". */
export function together(names: readonly string[], verb: string): string {
  const [first = "", second = ""] = names.map(isolate);
  if (names.length <= 1) return `${first} ${verb}`;
  if (names.length === 2) return `${first} and ${second} ${verb}`;
  return `${first} and ${names.length - 1} others ${verb}`;
}

/** Whole seconds until a moment, at least 0; "1 second", "5 seconds". */
export function secondsUntil(at: number, now: number): string {
  const seconds = Math.max(0, Math.ceil((at - now) / 1000));
  return seconds === 1 ? "1 second" : `${seconds} seconds`;
}

/** Splits a text at the addresses of web pages in it. */
export function linksIn(text: string): { text: string; href: string }[] {
  const parts: { text: string; href: string }[] = [];
  let at = 0;
  for (const match of text.matchAll(/\bhttps?:\/\/[^\s<>"]+/giu)) {
    // What ends a sentence does not belong to an address.
    const url = match[0].replace(/[.,;:!?'’”)\]]+$/u, "");
    if (!isAddress(url)) continue;
    if (match.index > at) parts.push({ text: text.slice(at, match.index), href: "" });
    parts.push({ text: url, href: url });
    at = match.index + url.length;
  }
  if (at < text.length) parts.push({ text: text.slice(at), href: "" });
  return parts;
}

function isAddress(url: string): boolean {
  try {
    return new URL(url).hostname !== "";
  } catch {
    return false;
  }
}

/** What a lock does not do where the room is one of several nodes; empty where it is not. */
export function lockElsewhere(participants: readonly { nodeName: string }[]): string {
  const nodes = [...new Set(participants.map((p) => p.nodeName).filter((n) => n))];
  return nodes.length > 0 ? ` Who enters at ${nodes.join(", ")} still sees and hears it, unless it is locked there too.` : "";
}
