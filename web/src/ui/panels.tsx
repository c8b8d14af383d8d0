import { Fragment, type ComponentChildren, type JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { hashOf, initials } from "../call/names";
import { isMuted, shownName, trackOf } from "../call/room";
import { ParticipantKind, QualityLevel, RoomAccess, TrackSource, type ChatMessage, type Participant } from "../proto/umbrella/v1/signal_pb";
import { useApp, useStore } from "./context";
import { IconButton } from "./controls";
import { invitingBy } from "./inviting";
import { Bars, Icon } from "./icons";
import { isolate } from "./isolate";
import { qualityWords, strengthOf } from "./quality";
import { ModerateButton } from "./tile";
import { VolumeButton } from "./volume";
import { linksIn, lockElsewhere } from "./words";

const maxText = 2000;

/** The chat or the people list beside the call. */
export function SidePanel(): JSX.Element | null {
  const app = useApp();
  const panel = useStore(app.ui, (s) => s.panel);
  if (panel === "chat") return <ChatPanel />;
  if (panel === "people") return <PeoplePanel />;
  return null;
}

function Panel({ title, children }: { title: string; children: ComponentChildren }): JSX.Element {
  const app = useApp();
  const ref = useRef<HTMLElement>(null);
  // Before any effect of what is in the panel moves the focus there.
  useLayoutEffect(() => {
    const before = document.activeElement;
    const element = ref.current;
    const key = (event: KeyboardEvent) => {
      if (event.key === "Escape") app.ui.set({ panel: "" });
    };
    element?.addEventListener("keydown", key);
    return () => {
      element?.removeEventListener("keydown", key);
      const focused = document.activeElement;
      if ((!focused || focused === document.body || element?.contains(focused)) && before instanceof HTMLElement) before.focus();
    };
  }, [app]);
  return (
    <aside class="panel" ref={ref} aria-labelledby="panel-title">
      <header class="panel-head">
        <h2 id="panel-title">{title}</h2>
        <IconButton icon="close" label="Close panel" class="round-quiet" onClick={() => app.ui.set({ panel: "" })} />
      </header>
      {children}
    </aside>
  );
}

function ChatPanel(): JSX.Element {
  const app = useApp();
  const chat = useStore(app.call.store, (s) => s.room.chat);
  const earlier = useStore(app.call.store, (s) => s.room.earlier);
  const selfId = useStore(app.call.store, (s) => s.room.selfId);
  const connected = useStore(app.call.store, (s) => s.phase === "joined");
  const [text, setText] = useState("");
  const list = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLTextAreaElement>(null);
  const atEnd = useRef(true);

  useEffect(() => input.current?.focus(), []);
  useLayoutEffect(() => {
    // Who reads further up is not pulled away.
    if (atEnd.current && list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [chat]);
  useLayoutEffect(() => {
    const area = input.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight + 2, 140)}px`;
  }, [text]);

  /** Is it the first that was written since one came, with others before? */
  const firstSince = (i: number) => earlier.has(chat[i - 1]?.id ?? "") && !earlier.has(chat[i]?.id ?? "");
  const length = Array.from(text.trim()).length;
  const tooLong = length > maxText;
  const send = () => {
    const trimmed = text.trim();
    if (!trimmed || tooLong || !app.call.sendChat(trimmed)) return;
    atEnd.current = true;
    setText("");
  };

  return (
    <Panel title="Chat">
      <div
        class="chat-list"
        ref={list}
        role="log"
        aria-label="Messages"
        tabIndex={0}
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          atEnd.current = scrollHeight - scrollTop - clientHeight < 40;
        }}
      >
        {chat.length === 0 && <p class="hint">Nothing was written yet. Everyone who is in the call reads what you write here, and so do people who come later.</p>}
        {chat.map((message, i) => (
          <Fragment key={message.id}>
            {i === 0 && earlier.has(message.id) && <p class="chat-mark">Written before you came</p>}
            {firstSince(i) && <p class="chat-mark">Since you came</p>}
            <Message message={message} before={firstSince(i) ? undefined : chat[i - 1]} own={message.participantId === selfId} />
          </Fragment>
        ))}
      </div>
      <form
        class="chat-form"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <textarea
          ref={input}
          class="input chat-input"
          rows={1}
          dir="auto"
          aria-label="Message to everyone"
          aria-describedby={tooLong ? "chat-problem" : undefined}
          aria-invalid={tooLong}
          placeholder="Message to everyone"
          enterkeyhint="send"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
        <button type="submit" class="round round-main" aria-label="Send" disabled={!connected || length === 0 || tooLong}>
          <Icon name="send" />
        </button>
        {tooLong && (
          <p class="field-problem" id="chat-problem" role="alert">
            {length - maxText} characters too long.
          </p>
        )}
        {!connected && <p class="hint">Messages can be sent when the connection is back.</p>}
      </form>
    </Panel>
  );
}

// Messages this close together stand under one name.
const together = 3 * 60_000;

function Message({ message, before, own }: { message: ChatMessage; before: ChatMessage | undefined; own: boolean }): JSX.Element {
  const at = Number(message.sentAtMs);
  const head = !before || before.participantId !== message.participantId || at - Number(before.sentAtMs) > together;
  const time = new Date(at);
  return (
    <div class={`message ${head ? "message-first" : ""}`}>
      {head && (
        <p class="message-head">
          <bdi class="message-name">{own ? "You" : message.name || "Someone"}</bdi>{" "}
          <time dateTime={time.toISOString()}>{time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}</time>
        </p>
      )}
      <p class="message-text" dir="auto">
        {linksIn(message.text).map((part) =>
          part.href ? (
            // eslint-disable-next-line html/sinks -- linksIn finds those of the web alone
            <a href={part.href} target="_blank" rel="noopener noreferrer nofollow">
              {part.text}
            </a>
          ) : (
            part.text
          ),
        )}
      </p>
    </div>
  );
}

function PeoplePanel(): JSX.Element {
  const app = useApp();
  const room = useStore(app.call.store, (s) => s.room);
  const heading = useRef<HTMLButtonElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const by = invitingBy(room);
  const inCall = room.participants.filter((p) => !p.viewOnly);
  const watching = room.participants.filter((p) => p.viewOnly);
  return (
    <Panel title="People">
      <div class="people">
        {by ? (
          <button type="button" class="button button-wide" ref={heading} onClick={() => app.copyLink()}>
            <Icon name="link" /> {by === "link" ? "Copy the link to invite" : "Copy an invitation"}
          </button>
        ) : (
          <p class="hint">This room is entered with an invitation, which moderators make.</p>
        )}
        {by && (
          <button type="button" class="button button-wide" onClick={() => app.showLink()}>
            <Icon name="qr" /> Invite by QR code
          </button>
        )}
        {room.moderator && room.access === RoomAccess.PASSWORD && (
          <button type="button" class="button button-wide" onClick={() => app.copyLink(true)}>
            <Icon name="link" /> Copy an invitation without the password
          </button>
        )}
        {room.moderator && (
          <button type="button" class="button button-wide" onClick={() => app.moderate({ case: "lock", value: !room.locked })}>
            <Icon name={room.locked ? "unlock" : "lock"} /> {room.locked ? "Unlock the room" : "Lock the room"}
          </button>
        )}
        {room.mayBecomeModerator && !room.moderator && (
          <button type="button" class="button button-wide" onClick={() => app.ui.set({ dialog: "moderator", refusal: "" })}>
            <Icon name="lock" /> Become a moderator
          </button>
        )}
        {room.locked && <p class="hint">The room is locked: nobody else can come in.{lockElsewhere(room.participants)}</p>}
        <PeopleGroup title="In the call" people={inCall} />
        {watching.length > 0 && <PeopleGroup title="Watching" people={watching} />}
      </div>
    </Panel>
  );
}

function PeopleGroup({ title, people }: { title: string; people: Participant[] }): JSX.Element {
  return (
    <section>
      <h3 class="people-title">
        {title} <span class="count">{people.length}</span>
      </h3>
      <ul class="people-list">
        {people.map((p) => (
          <Person key={p.id} participant={p} />
        ))}
      </ul>
    </section>
  );
}

function Person({ participant }: { participant: Participant }): JSX.Element {
  const app = useApp();
  const own = useStore(app.call.store, (s) => s.room.selfId === participant.id);
  const quality = useStore(app.call.store, (s) => s.room.qualities.get(participant.id) ?? QualityLevel.UNSPECIFIED);
  const speaking = useStore(app.call.store, (s) => s.room.speakers.has(participant.id));
  const key = `${participant.id} camera`;
  const pinned = useStore(app.ui, (s) => s.pinned === key);
  const name = shownName(participant);
  const muted = isMuted(participant);
  const camera = trackOf(participant, TrackSource.CAMERA);
  const what =
    participant.kind === ParticipantKind.CAMERA ? "Camera" : participant.kind === ParticipantKind.STREAM ? "Stream" : "";
  return (
    <li class="person">
      <span class={`avatar avatar-small hue-${hashOf(name, 8)} ${speaking && !muted ? "avatar-speaking" : ""}`} aria-hidden="true">
        {initials(name) || "?"}
      </span>
      <span class="person-name">
        <bdi>{name}</bdi>
        {own && <span class="quiet"> (you)</span>}
        {participant.moderator && <span class="quiet"> · Moderator</span>}
        {what && <span class="quiet"> · {what}</span>}
        {participant.nodeName && !own && (
          <span class="quiet">
            {" "}
            · at <bdi>{participant.nodeName}</bdi>
          </span>
        )}
      </span>
      {quality !== QualityLevel.UNSPECIFIED && <Bars strength={strengthOf(quality)} label={qualityWords(quality)} />}
      {!participant.viewOnly && participant.kind !== ParticipantKind.CAMERA && (
        <>
          <span class="person-mark" role="img" aria-label={muted ? "Muted" : "Microphone on"}>
            <Icon name={muted ? "microphoneOff" : "microphone"} />
          </span>
          <span class="person-mark" role="img" aria-label={camera && !camera.muted ? "Camera on" : "Camera off"}>
            <Icon name={camera && !camera.muted ? "camera" : "cameraOff"} />
          </span>
        </>
      )}
      {!participant.viewOnly && (
        <IconButton
          icon={pinned ? "unpin" : "pin"}
          label={`${pinned ? "Unpin" : "Pin"} ${isolate(name)}`}
          class="round-quiet"
          onClick={() => app.pin(key)}
        />
      )}
      <VolumeButton participant={participant} class="round-quiet" />
      <ModerateButton participantId={participant.id} kind={participant.kind} name={name} class="round-quiet" />
    </li>
  );
}
