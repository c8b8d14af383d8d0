import { browserTools, reloadHelped, reloadOnce, type ReloadTools } from "./reload";

const interval = 1_000;
/** How long a page may show nothing, in milliseconds. */
export const patience = 10_000;
// How long it has to show something until it counts as well.
const recovery = 60_000;

/** What the watchdog is told and does; tests bring their own. */
export interface Watched {
  /** Reports whether somebody looks at the page and sees nothing. */
  blank(): boolean;
  /** Says that the page shows nothing; with a button to load it again where it does not do so itself. */
  tell(reloads: boolean): void;
  /** Takes that back. */
  untell(): void;
  tools: ReloadTools;
}

/** Watches a page: call tick once a second. */
export class Watchdog {
  private blankFor = 0;
  private fineFor = 0;
  private told = false;

  constructor(private readonly o: Watched) {}

  tick(): void {
    if (!this.o.blank()) {
      this.blankFor = 0;
      if (this.told) this.o.untell();
      this.told = false;
      this.fineFor += interval;
      if (this.fineFor === recovery) reloadHelped(this.o.tools);
      return;
    }
    this.fineFor = 0;
    this.blankFor += interval;
    if (this.told || this.blankFor < patience) return;
    this.told = true;
    this.o.tell(reloadOnce(this.o.tools, () => this.told));
  }
}

/** Reports whether an element shows something: text of its own, a picture or a field. */
function shows(element: Element): boolean {
  const box = element.getBoundingClientRect();
  // What is for screen readers only is one pixel large.
  if (box.width < 2 || box.height < 2 || getComputedStyle(element).visibility === "hidden") return false;
  if (/^(video|img|svg|canvas|input|textarea|select)$/i.test(element.tagName)) return true;
  return [...element.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && /\S/.test(n.nodeValue ?? ""));
}

/** Watches this page. It works once #app shows something, and nothing is `data-starting`. */
export function watchPage(): void {
  let note: HTMLElement | null = null;
  const dog = new Watchdog({
    blank: () => {
      if (document.hidden) return false;
      const app = document.getElementById("app");
      return document.querySelector("[data-starting]") !== null || (app !== null && ![...app.querySelectorAll("*")].some(shows));
    },
    tell: (reloads) => {
      note = document.createElement("div");
      note.className = "card blank";
      note.setAttribute("role", "alert");
      const text = document.createElement("p");
      text.textContent = reloads
        ? "This page did not start. It will be loaded again as soon as the access point answers."
        : "This page did not start, although it was loaded again. The access point may be out of reach, or this browser may be too old.";
      note.append(text);
      if (!reloads) {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "button button-main";
        button.textContent = "Reload the page";
        button.onclick = () => location.reload();
        note.append(button);
      }
      document.body.append(note);
    },
    untell: () => note?.remove(),
    tools: browserTools,
  });
  setInterval(() => dog.tick(), interval);
}
