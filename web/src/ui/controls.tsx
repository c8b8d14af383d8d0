import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icons";

interface ButtonProps {
  icon: IconName;
  label: string;
  /** Key that does the same. */
  shortcut?: string;
  /** "off": what it stands for is off; "on": a panel is open; "danger". */
  tone?: "" | "off" | "on" | "danger";
  pressed?: boolean;
  expanded?: boolean;
  /** A number at its corner, and what it counts in words. */
  badge?: { count: number; words: string };
  /** Why it does not do what it says, in a few words; a mark stands at its corner. */
  warning?: string;
  disabled?: boolean;
  class?: string;
  onClick: () => void;
}

/** A round button with a picture; its words are its accessible name. */
export function IconButton(p: ButtonProps): JSX.Element {
  const { count, words } = p.badge ?? { count: 0, words: "" };
  const id = useId();
  return (
    <button
      type="button"
      class={`round ${p.tone ? `round-${p.tone}` : ""} ${p.class ?? ""}`}
      aria-label={p.label}
      aria-pressed={p.pressed}
      aria-expanded={p.expanded}
      aria-keyshortcuts={p.shortcut}
      aria-describedby={count > 0 || p.warning ? id : undefined}
      disabled={p.disabled}
      data-tip={`${p.warning ? `${p.warning}. ` : ""}${p.label}${p.shortcut ? ` (${p.shortcut})` : ""}`}
      onClick={p.onClick}
    >
      <Icon name={p.icon} />
      {count > 0 && (
        <span class="badge" data-count={count > 99 ? "99+" : count}>
          <span id={id} hidden>
            {words}
          </span>
        </span>
      )}
      {p.warning && (
        <span class="badge" data-count="!">
          <span id={id} hidden>
            {p.warning}
          </span>
        </span>
      )}
    </button>
  );
}

export interface MenuItem {
  label: string;
  icon?: IconName;
  /** Set for one of several choices. */
  checked?: boolean;
  /** Heading above the first item of a group. */
  group?: string;
  onChoose: () => void;
}

interface MenuProps {
  label: string;
  icon: IconName;
  class?: string;
  items: MenuItem[];
  /** Called before it opens. */
  onOpen?: () => void;
}

/** A button that opens a menu above it. */
export function MenuButton(p: MenuProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    if (!open) return;
    const items = () => [...(root.current?.querySelectorAll<HTMLElement>("[role^=menuitem]") ?? [])];
    items()[0]?.focus();
    const close = (focus: boolean) => {
      setOpen(false);
      if (focus) button.current?.focus();
    };
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) close(false);
    };
    const key = (event: KeyboardEvent) => {
      const list = items();
      const at = list.indexOf(document.activeElement as HTMLElement);
      const go = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
      if (event.key === "Escape") close(true);
      else if (event.key === "Tab") {
        close(false);
        return;
      } else if (go !== undefined) list[(go + list.length) % list.length]?.focus();
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
    const element = root.current;
    document.addEventListener("pointerdown", outside);
    element?.addEventListener("keydown", key);
    return () => {
      document.removeEventListener("pointerdown", outside);
      element?.removeEventListener("keydown", key);
    };
  }, [open]);

  return (
    <div class={`menu-anchor ${p.class ?? ""}`} ref={root}>
      <button
        type="button"
        class="round round-menu"
        ref={button}
        aria-label={p.label}
        aria-haspopup="menu"
        aria-expanded={open}
        data-tip={p.label}
        onClick={() => {
          if (!open) p.onOpen?.();
          setOpen(!open);
        }}
      >
        <Icon name={p.icon} />
      </button>
      {open && (
        <div class="menu" role="menu" aria-label={p.label}>
          {p.items.map((item) => (
            <>
              {item.group && (
                <div class="menu-group" role="presentation">
                  {item.group}
                </div>
              )}
              <button
                type="button"
                class="menu-item"
                role={item.checked === undefined ? "menuitem" : "menuitemradio"}
                aria-checked={item.checked}
                tabIndex={-1}
                onClick={() => {
                  setOpen(false);
                  button.current?.focus();
                  item.onChoose();
                }}
              >
                {item.checked === undefined ? (
                  item.icon && <Icon name={item.icon} />
                ) : (
                  <Icon name="check" class={item.checked ? "" : "unseen"} />
                )}
                <span>{item.label}</span>
              </button>
            </>
          ))}
        </div>
      )}
    </div>
  );
}

interface DialogProps {
  title: string;
  children: ComponentChildren;
  onClose: () => void;
}

/** A modal dialog: the browser keeps the focus in it and gives it back. */
export function Dialog(p: DialogProps): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  const { onClose } = p;
  useEffect(() => {
    const dialog = ref.current;
    if (!dialog) return;
    const before = document.activeElement;
    dialog.showModal();
    return () => {
      dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      class="dialog"
      ref={ref}
      aria-labelledby="dialog-title"
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        // Beside the dialog is on its backdrop.
        if (event.target === ref.current) onClose();
      }}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id="dialog-title">{p.title}</h2>
          <IconButton icon="close" label="Close" class="round-quiet" onClick={onClose} />
        </header>
        {p.children}
      </div>
    </dialog>
  );
}
