import type { Signal } from "@preact/signals";
import type { Resource } from "@callmesh/client";
import type { Access, ResourceId } from "@callmesh/core";

import { Count } from "./Count.tsx";
import { Icon } from "./icons.tsx";
import { Modal } from "./Modal.tsx";
import { hue, initials } from "./person.ts";
import { say } from "./say.ts";
import type { CallStore, Exception } from "./store.ts";

interface ExceptionsProps {
  store: CallStore;
  /** Whose list is open, whatever is in view meanwhile. */
  open: Signal<ResourceId | undefined>;
}

/** Opens the list; says for how many it is another way than for all. */
export function ExceptionsButton({ store, resource, open }: ExceptionsProps & { resource: Resource }) {
  const words = say("access", { title: store.catalog.titleOf(resource) });
  const count = store.exceptions(resource).filter(({ access }) => access !== undefined).length;
  return (
    <button
      type="button"
      class="button small bare"
      aria-haspopup="dialog"
      title={words}
      onClick={() => (open.value = resource.id)}
    >
      <Icon name="people" />
      <span class="unseen">{words}</span>
      <Count count={count} words={say("access-exceptions", { count })} />
    </button>
  );
}

/** What each of the others may do with a resource, for a host to change. It counts at once. */
export function Exceptions({ store, open }: ExceptionsProps) {
  const resource = store.isHost.value ? store.record(open.value) : undefined;
  const close = (): void => void (open.value = undefined);
  return (
    <Modal class="confirm access" title={resource ? say("access", { title: store.catalog.titleOf(resource) }) : ""} open={resource !== undefined} onClose={close}>
      {resource && <List store={store} resource={resource} />}
    </Modal>
  );
}

interface ListProps {
  store: CallStore;
  resource: Resource;
}

function List({ store, resource }: ListProps) {
  const people = store.exceptions(resource);
  return (
    <>
      <p class="quiet">{say(`access-all-${store.othersAccess(resource)}`)}</p>
      {people.length === 0 && <p>{say("access-nobody")}</p>}
      <ul>
        {people.map((one) => (
          <Row key={one.person} store={store} resource={resource} one={one} />
        ))}
      </ul>
    </>
  );
}

const AS_ALL = "";
const CHOICES = [AS_ALL, "edit", "view", "hidden"] as const;

function Row({ store, resource, one }: ListProps & { one: Exception }) {
  const { person, name, here, access } = one;
  return (
    <li class="person-row">
      <span class="dot" style={{ "--hue": hue(person) }} aria-hidden="true">
        {initials(name)}
      </span>
      <div class="person-name">
        <strong>{name}</strong>
        {!here && <p class="quiet">{say("access-not-here")}</p>}
      </div>
      <select
        class="button small"
        aria-label={say("access-of", { name, title: store.catalog.titleOf(resource) })}
        value={access ?? AS_ALL}
        onChange={({ currentTarget: { value } }) => store.letOne(resource, person, value === AS_ALL ? undefined : (value as Access))}
      >
        {CHOICES.map((choice) => (
          <option key={choice} value={choice}>
            {say(`access-${choice || "as-all"}`)}
          </option>
        ))}
      </select>
    </li>
  );
}
