import { useSignal, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useId } from "preact/hooks";
import type { Hosting } from "@callmesh/client";
import type { PersonId } from "@callmesh/core";

import { CommandButton } from "./CommandButton.tsx";
import { Count } from "./Count.tsx";
import { Confirm, type Question } from "./Confirm.tsx";
import { useFocusKept } from "./focus.ts";
import type { Hosts } from "./hosts.ts";
import { Icon } from "./icons.tsx";
import { Knocks } from "./Knocks.tsx";
import { Modal } from "./Modal.tsx";
import { Present } from "./Present.tsx";
import { say } from "./say.ts";
import type { CallStore } from "./store.ts";

interface PeopleProps {
  store: CallStore;
  open: Signal<boolean>;
}

/** Opens the panel; shows hosts how many wait. */
export function PeopleButton({ store, open }: PeopleProps) {
  const count = store.hosts.waiting.value.length;
  return (
    <button type="button" class="button" aria-haspopup="dialog" onClick={() => (open.value = true)}>
      <Icon name="people" />
      <span class="label">{say("people")}</span>
      <Count count={count} words={say("people-waiting", { count })} />
    </button>
  );
}

/** Who is in the call, and for hosts who waits, who has left and who is kept out, with all they can do about it. */
export function People({ store, open }: PeopleProps) {
  const { hosts } = store;
  const question = useSignal<Question | undefined>(undefined);
  const isOpen = open.value;
  useEffect(() => {
    if (isOpen) hosts.look();
  }, [isOpen, hosts, hosts.news.value]);
  useEffect(() => void (hosts.problem.value = undefined), [isOpen, hosts]);
  return (
    <Modal class="drawer people" title={say("people")} open={isOpen} onClose={() => (open.value = false)}>
      <div role="alert" class="people-problem">
        {isOpen && hosts.problem.value !== undefined && <p class="problem">{hosts.problem}</p>}
      </div>
      {isOpen && <Parts store={store} question={question} />}
      <Confirm question={question} />
    </Modal>
  );
}

interface PartsProps extends Omit<PeopleProps, "open"> {
  question: Signal<Question | undefined>;
}

function Parts({ store, question }: PartsProps) {
  const { hosts } = store;
  if (!store.isHost.value) return <Present store={store} question={question} />;
  const end = (): void => void (question.value = {
    title: say("people-end-sure"), words: say("people-end-words"), no: say("people-end-no"), yes: say("people-end-yes"),
    then: () => void hosts.end(),
  }); // prettier-ignore
  return (
    <>
      <Knocks hosts={hosts} />
      <Present store={store} question={question} />
      <Absent hosts={hosts} what="people-left" people={hosts.left.value} button={BAN} />
      <Absent hosts={hosts} what="people-kept-out" people={hosts.keptOut.value} button={LET_BACK_IN} />
      <section class="people-part" aria-label={say("people-the-call")}>
        <Switch
          label={say("people-area")}
          words={say(hosts.waitingArea.value ? "people-area-on" : "people-area-off")}
          on={hosts.waitingArea}
          set={(on) => hosts.setWaitingArea(on)}
        />
        <Switch
          label={say("people-lock")}
          words={say(hosts.locked.value ? "people-lock-on" : "people-lock-off")}
          on={hosts.locked}
          set={(on) => hosts.lock(on)}
        />
        <Export store={store} />
        <button type="button" class="button danger" onClick={end}>
          {say("people-end")}
        </button>
      </section>
    </>
  );
}

/** Its code is loaded when somebody asks for it. */
function Export({ store }: { store: CallStore }) {
  const id = useId();
  const save = async (): Promise<void> => {
    try {
      (await import("./exporting.ts")).download(store, store.call.id);
    } catch (error) {
      store.hosts.problem.value = say("export-failed", { why: String(error) });
    }
  };
  return (
    <div class="export">
      <button type="button" class="button" aria-describedby={id} onClick={() => void save()}>
        <Icon name="download" />
        <span>{say("people-export")}</span>
      </button>
      <p id={id} class="quiet">
        {say("people-export-words")}
      </p>
    </div>
  );
}

interface Decision {
  /** The message that stands on its button. */
  words: string;
  /** The same for a screen reader, about somebody. */
  label: string;
  command: (hosting: Hosting, person: PersonId) => Promise<void>;
}

const BAN: Decision = {
  words: "people-ban-now",
  label: "people-ban-name",
  command: (hosting, person) => hosting.ban(person),
};
const LET_BACK_IN: Decision = {
  words: "people-let-back",
  label: "people-let-back-name",
  command: (hosting, person) => hosting.allow(person),
};

interface AbsentProps {
  hosts: Hosts;
  /** The message above them. */
  what: string;
  people: readonly { person: PersonId; name: string; banned?: boolean }[];
  button: Decision;
}

/** Those who are not in the call, and what can be done about each. */
function Absent({ hosts, what, people, button }: AbsentProps) {
  const heading = useFocusKept(people);
  const id = useId();
  if (people.length === 0) return null;
  return (
    <section class="people-part" aria-labelledby={id}>
      <header>
        <h3 ref={heading} id={id} tabIndex={-1}>
          {say(what, { count: people.length })}
        </h3>
      </header>
      <ul>
        {people.map(({ person, name, banned }) => (
          <li key={person} class="person">
            <div class="person-row">
              <div class="person-name">
                <strong>{name}</strong>
                {banned !== undefined && <p class="quiet">{say(banned ? "people-banned" : "people-removed")}</p>}
              </div>
              <CommandButton
                hosts={hosts}
                whom={person}
                class="small"
                label={say(button.label, { name })}
                command={(hosting) => button.command(hosting, person)}
              >
                {say(button.words)}
              </CommandButton>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

interface SwitchProps {
  label: string;
  words: string;
  on: ReadonlySignal<boolean>;
  /** Tells whether it was done. */
  set: (on: boolean) => Promise<boolean>;
}

/** Shows what was asked for at once, and what is so again if it was not done. */
function Switch({ label, words, on, set }: SwitchProps) {
  const id = useId();
  const asked = useSignal<boolean | undefined>(undefined);
  const isOn = on.value;
  useEffect(() => {
    asked.value = undefined;
  }, [asked, isOn]);
  return (
    <label class="switch">
      <input
        type="checkbox"
        role="switch"
        checked={asked.value ?? isOn}
        aria-describedby={id}
        onChange={({ currentTarget: box }) => {
          asked.value = box.checked;
          void set(box.checked).then((done) => {
            if (!done) asked.value = undefined;
          });
        }}
      />
      <span>
        <strong>{label}</strong>
        <span id={id} class="quiet">
          {words}
        </span>
      </span>
    </label>
  );
}
