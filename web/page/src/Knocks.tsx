import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Waiting } from "@callmesh/client";

import { CommandButton } from "./CommandButton.tsx";
import { useFocusKept } from "./focus.ts";
import { EVERYBODY, type Hosts } from "./hosts.ts";
import { say } from "./say.ts";
import { timeOfDay } from "./words.ts";

/** What a host may say to who waits, without typing. */
const READY = ["knocks-ready-minutes", "knocks-ready-next", "knocks-ready-time"];
/** Characters that may be said to who waits. */
const MOST_WORDS = 400;

/** Hosts: who waits to be let in, longest first. */
export function Knocks({ hosts }: { hosts: Hosts }) {
  const waiting = hosts.waiting.value;
  const heading = useFocusKept(waiting);
  return (
    <section class="people-part knocks" aria-labelledby="knocks">
      <header>
        <h3 ref={heading} id="knocks" tabIndex={-1}>
          {waiting.length > 0 ? say("knocks-count", { count: waiting.length }) : say("knocks")}
        </h3>
        {waiting.length > 1 && (
          <CommandButton hosts={hosts} whom={EVERYBODY} class="small" command={(hosting) => hosting.admit()}>
            {say("knocks-admit-all")}
          </CommandButton>
        )}
      </header>
      {waiting.length === 0 && <p class="quiet">{say("knocks-none")}</p>}
      <ul>
        {waiting.map((one) => (
          <Knock key={one.id} hosts={hosts} one={one} />
        ))}
      </ul>
    </section>
  );
}

function Knock({ hosts, one }: { hosts: Hosts; one: Waiting }) {
  const holding = useSignal(false);
  const hold = useRef<HTMLButtonElement>(null);
  const close = (): void => {
    holding.value = false;
    hold.current?.focus();
  };
  const { person, name, role, since, held, words } = one;
  return (
    <li class="person knock">
      <div class="person-row">
        <div class="person-name">
          <strong>{name}</strong>
          <p class="quiet">
            {say("knocks-since", { role, time: timeOfDay(since) })}
            {held && <span class="chip">{say("knocks-held")}</span>}
          </p>
          {held && words !== "" && <p class="quiet">{say("knocks-you-said", { words })}</p>}
        </div>
        <div class="person-buttons">
          <CommandButton
            hosts={hosts}
            whom={person}
            class="small primary"
            label={say("knocks-admit-name", { name })}
            command={(hosting) => hosting.admit(person)}
          >
            {say("knocks-admit")}
          </CommandButton>
          <button
            ref={hold}
            type="button"
            class="button small"
            aria-label={say("knocks-hold-name", { name })}
            aria-expanded={holding.value}
            onClick={() => (holding.value = !holding.value)}
          >
            {say("knocks-hold")}
          </button>
          <CommandButton
            hosts={hosts}
            whom={person}
            class="small danger"
            label={say("knocks-decline-name", { name })}
            command={(hosting) => hosting.decline(person)}
          >
            {say("knocks-decline")}
          </CommandButton>
        </div>
      </div>
      {holding.value && <Hold hosts={hosts} one={one} close={close} />}
    </li>
  );
}

/** Asks somebody for patience: with words that are ready, with one's own, or with none. */
function Hold({ hosts, one: { person, name }, close }: { hosts: Hosts; one: Waiting; close: () => void }) {
  const words = useSignal("");
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (hosts.isBusy(person)) return;
    if (await hosts.run(person, (hosting) => hosting.hold(person, words.value.trim()))) close();
  };
  return (
    <form class="hold" onSubmit={(event) => void submit(event)}>
      <p class="quiet">{say("knocks-ask", { name })}</p>
      {READY.map((ready) => say(ready)).map((ready) => (
        <CommandButton
          key={ready}
          hosts={hosts}
          whom={person}
          class="small ready"
          command={(hosting) => hosting.hold(person, ready)}
          then={close}
        >
          {ready}
        </CommandButton>
      ))}
      <label>
        <span>{say("knocks-own")}</span>
        <input
          class="field"
          value={words.value}
          maxLength={MOST_WORDS}
          onInput={({ currentTarget }) => (words.value = currentTarget.value)}
        />
      </label>
      <button class="button small" aria-disabled={hosts.isBusy(person)}>
        {say("knocks-ask-to-wait")}
      </button>
    </form>
  );
}
