import { useSignal, type Signal } from "@preact/signals";
import type { PersonId, Role } from "@callmesh/core";

import { CommandButton } from "./CommandButton.tsx";
import type { Question } from "./Confirm.tsx";
import { useFocusKept } from "./focus.ts";
import { EVERYBODY } from "./hosts.ts";
import { Icon } from "./icons.tsx";
import { MuteButton } from "./MuteButton.tsx";
import type { Somebody } from "./people.ts";
import { say } from "./say.ts";
import type { CallStore } from "./store.ts";
import { hue, initials } from "./person.ts";
import { removalWords } from "./words.ts";

interface PresentProps {
  store: CallStore;
  question: Signal<Question | undefined>;
}

/** Who is in the call; hosts may change that, and their roles. */
export function Present({ store, question }: PresentProps) {
  const people = store.people.value;
  const heading = useFocusKept(people);
  const managed = useSignal<PersonId | undefined>(undefined);
  return (
    <section class="people-part" aria-labelledby="present">
      <header>
        <h3 ref={heading} id="present" tabIndex={-1}>
          {say("people-in-the-call", { count: people.length })}
        </h3>
        {store.isHost.value && people.some(isHeard) && (
          <CommandButton hosts={store.hosts} whom={EVERYBODY} class="small" command={(hosting) => hosting.mute()}>
            {say("people-mute-others")}
          </CommandButton>
        )}
      </header>
      <ul>
        {people.map((one) => (
          <Row key={one.person} store={store} one={one} managed={managed} question={question} />
        ))}
      </ul>
    </section>
  );
}

interface RowProps extends PresentProps {
  one: Somebody;
  /** Whose commands are shown. */
  managed: Signal<PersonId | undefined>;
}

function Row({ store, one, managed, question }: RowProps) {
  const { person, name, self, half } = one;
  const open = managed.value === person;
  const may = store.isHost.value && !self && !half;
  return (
    <li class="person">
      <div class="person-row">
        <span class="dot" style={{ "--hue": hue(person) }} aria-hidden="true">
          {initials(name)}
        </span>
        <div class="person-name">
          <strong>{name}</strong>
          <p class="quiet">{standing(store, one)}</p>
        </div>
        {may && isHeard(one) && <MuteButton store={store} one={one} />}
        {may && (
          <button
            type="button"
            class="button small bare"
            aria-label={say("people-manage", { name })}
            title={say("people-manage", { name })}
            aria-expanded={open}
            onClick={() => (managed.value = open ? undefined : person)}
          >
            <Icon name={open ? "close" : "more"} />
          </button>
        )}
      </div>
      {may && open && <Commands store={store} one={one} question={question} />}
    </li>
  );
}

/** Whether somebody else may have a microphone. */
function isHeard({ self, half, presences }: Somebody): boolean {
  return !self && !half && presences.some(({ offers }) => offers.includes("media"));
}

/** You, role, connection: in one line. */
function standing(store: CallStore, { self, role, here, half, presences }: Somebody): string {
  if (half) return say("people-program");
  store.media.valueOf(); // read anew when a path changes
  const [first] = presences;
  const path = first && here && !self ? store.path(first.id) : undefined;
  const said = [self ? say("you") : "", say("role", { role }), here ? "" : say("away"), path ? say("path-words", { path }) : ""];
  if (presences.length > 1) said.push(say("people-tabs", { count: presences.length }));
  return said.filter((word) => word !== "").join(" · ");
}

const ROLES: readonly Role[] = ["host", "guest", "observer"];

function Commands({ store, one, question }: PresentProps & { one: Somebody }) {
  const { hosts } = store;
  const { person, name, role } = one;
  const ask = (asked: Omit<Question, "then">, then: () => Promise<unknown>): void => {
    question.value = { ...asked, then: () => void then() };
  };
  const keepOut = (ban: boolean): void =>
    ask(removalWords(name, ban), () => hosts.run(person, (hosting) => (ban ? hosting.ban(person) : hosting.remove(person))));
  const handOver = (): void =>
    ask(
      {
        title: say("people-hand-over-sure", { name }),
        words: say("people-hand-over-words", { name }),
        no: say("people-hand-over-no"),
        yes: say("people-hand-over-yes"),
      },
      () => hosts.run(person, (hosting) => hosting.handOver(person)),
    );
  const busy = hosts.isBusy(person);
  return (
    <div class="person-buttons commands" role="group" aria-label={say("people-commands", { name })}>
      {ROLES.filter((other) => other !== role).map((other) => (
        <CommandButton
          key={other}
          hosts={hosts}
          whom={person}
          class="small"
          command={(hosting) => hosting.setRole(person, other)}
        >
          {say("people-make", { role: other })}
        </CommandButton>
      ))}
      <button type="button" class="button small" aria-disabled={busy} onClick={() => busy || handOver()}>
        {say("people-hand-over")}
      </button>
      <button type="button" class="button small danger" aria-disabled={busy} onClick={() => busy || keepOut(false)}>
        {say("people-remove")}
      </button>
      <button type="button" class="button small danger" aria-disabled={busy} onClick={() => busy || keepOut(true)}>
        {say("people-ban")}
      </button>
    </div>
  );
}
