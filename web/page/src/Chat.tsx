import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { Count } from "./Count.tsx";
import { useFocusGivenBack } from "./focus.ts";
import { Icon } from "./icons.tsx";
import { say } from "./say.ts";
import type { CallStore } from "./store.ts";
import { MOST_TEXT, type Message } from "./talk.ts";
import { callProblem, timeOfDay } from "./words.ts";

/** Opens and closes the chat; says how much of it was not looked at. */
export function ChatButton({ store: { talk } }: { store: CallStore }) {
  const count = talk.unread.value;
  return (
    <button type="button" class="button" aria-expanded={talk.open.value} onClick={() => talk.toggle()}>
      <Icon name="chat" />
      <span class="label">{say("chat")}</span>
      <Count count={count} words={say("chat-unread", { count })} />
    </button>
  );
}

/** Beside the stage; on a phone in front of it. */
export function Chat({ store }: { store: CallStore }) {
  const { talk } = store;
  const log = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const chat = useRef<HTMLElement>(null);
  const messages = talk.messages.value;
  store.rights.valueOf(); // whether one may write
  useFocusGivenBack(chat);
  useEffect(() => field.current?.focus({ preventScroll: true }), []);
  // At its end, as long as nobody has scrolled away from there.
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (atEnd.current) log.current?.scrollTo({ top: log.current.scrollHeight });
  }, [messages]);
  const scrolled = ({ currentTarget: { scrollHeight, scrollTop, clientHeight } }: { currentTarget: HTMLElement }): void => {
    atEnd.current = scrollHeight - scrollTop - clientHeight < 40;
  };
  const escape = ({ key }: KeyboardEvent): void => {
    if (key === "Escape") talk.toggle();
  };
  return (
    <aside ref={chat} class="chat" aria-label={say("chat")} onKeyDown={escape}>
      <header>
        <h2>{say("chat")}</h2>
        <button type="button" class="button bare" aria-label={say("close")} onClick={() => talk.toggle()}>
          <Icon name="close" />
        </button>
      </header>
      <div ref={log} class="log" role="log" aria-label={say("chat-messages")} tabIndex={0} onScroll={scrolled}>
        {messages.length === 0 && <p class="quiet">{say("chat-empty")}</p>}
        {messages.map((message, place) => (
          <Said key={message.key} store={store} message={message} before={messages[place - 1]} />
        ))}
      </div>
      {talk.maySend ? <Compose store={store} field={field} /> : <p class="quiet">{say("chat-may-read")}</p>}
    </aside>
  );
}

/** Who speaks on within a few minutes is not named again. */
const SOON = 180_000_000;

function Said({ store, message, before }: { store: CallStore; message: Message; before: Message | undefined }) {
  const { person, text, time } = message;
  const here = store.people.value.find((one) => one.person === person);
  const goesOn = before?.person === person && time - before.time < SOON;
  return (
    <div class={`said ${here?.self ? "own" : ""}`}>
      {!goesOn && (
        <p class="quiet">
          <strong dir="auto">{here?.self ? say("you") : store.authorOf(message)}</strong> {timeOfDay(time)}
        </p>
      )}
      <p class="text" dir="auto">
        {text}
      </p>
    </div>
  );
}

function Compose({ store, field }: { store: CallStore; field: RefObject<HTMLTextAreaElement | null> }) {
  const text = store.talk.draft;
  const send = (event: Event): void => {
    event.preventDefault();
    const said = text.value.trim();
    if (said === "") return;
    text.value = "";
    store.talk.send(said).catch((error: unknown) => {
      if (text.peek() === "") text.value = said;
      store.toasts.problem(callProblem(error));
    });
  };
  const press = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
  };
  return (
    <form class="compose" onSubmit={send}>
      <textarea
        ref={field}
        class="field"
        rows={2}
        dir="auto"
        aria-label={say("chat-write")}
        placeholder={say("chat-write")}
        maxLength={MOST_TEXT}
        value={text.value}
        onInput={({ currentTarget }) => (text.value = currentTarget.value)}
        onKeyDown={press}
      />
      <button class="button primary" aria-label={say("chat-send")} title={say("chat-send")}>
        <Icon name="send" />
      </button>
    </form>
  );
}
