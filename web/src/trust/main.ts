import "../styles/trust.css";
import { platformOf } from "./platform";

// The reader's own platform stands first, and open.
const own = document.querySelector<HTMLDetailsElement>(
  `[data-platform="${platformOf(navigator.userAgent, navigator.maxTouchPoints)}"]`,
);
// A fingerprint breaks between bytes, not within.
const print = document.querySelector(".fingerprint code");
const bytes = print?.textContent.split(":") ?? [];
print?.replaceChildren(...bytes.flatMap((byte, i) => (i > 0 ? [":", document.createElement("wbr"), byte] : [byte])));

if (own) {
  own.parentElement?.prepend(own);
  own.open = true;
}
