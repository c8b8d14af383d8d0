import "../styles/trust.css";
import { platformOf } from "./platform";

// The reader's own platform stands first, and open.
const own = document.querySelector<HTMLDetailsElement>(
  `[data-platform="${platformOf(navigator.userAgent, navigator.maxTouchPoints)}"]`,
);
if (own) {
  own.parentElement?.prepend(own);
  own.open = true;
}
