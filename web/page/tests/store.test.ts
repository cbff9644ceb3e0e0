import { signal } from "@preact/signals";
import type { Call, RemovedResource, Resource } from "@callmesh/client";
import type { Participant, ParticipantId, PersonId, ResourceId } from "@callmesh/core";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { Catalog, type App } from "../src/catalog.ts";
import { filesOf } from "../src/exporting.ts";
import { speak } from "../src/say.ts";
import { CallStore } from "../src/store.ts";
import { ToastList } from "../src/toasts.ts";
import { mutedWords } from "../src/words.ts";

/** As much of a call as the store looks at. */
class FakeCall {
  me = { id: "p1", person: "u1", name: "Ada", role: "guest", offers: [], here: true } as unknown as Participant;
  participants = new Map([[this.me.id, this.me]]);
  link: Call["link"] = "joined";
  status: Call["status"] = "synced";
  reached = 0;
  active: ResourceId | undefined;
  list: Resource[] = [];
  state = { canWrite: () => this.mayRestore };
  mayRestore = true;
  hosting = { waiting: [], noted: [], left: [] as { person: string; name: string }[], halves: [], waitingArea: undefined, locked: false };
  readonly #listeners = new Map<string, (value?: unknown) => void>();

  resources = {
    all: () => this.list,
    add: (app: string, { title }: { title: string }) => {
      const resource = { id: `r${this.list.length + 1}`, app, title, owner: "u1", adder: true, access: "edit" } as unknown as Resource;
      this.list = [...this.list, resource];
      this.tell("resources");
      return Promise.resolve(resource);
    },
    removed: [] as RemovedResource[],
    remove: (id: ResourceId) => this.remove(id, this.me.id),
    restore: (id: ResourceId) => {
      this.resources.removed = this.resources.removed.filter((removed) => removed.id !== id);
      this.list = [...this.list, { id, app: "poll", title: "Poll" } as unknown as Resource];
      this.tell("resources");
    },
  };

  remove(id: ResourceId, by: ParticipantId): void {
    this.list = this.list.filter((resource) => resource.id !== id);
    this.resources.removed = [...this.resources.removed, { id, by, app: "poll", title: "Poll", owner: "u1", added: 1 }];
    this.tell("resources");
  }

  on(event: string, listener: (value?: unknown) => void): () => void {
    this.#listeners.set(event, listener);
    return () => this.#listeners.delete(event);
  }

  tell(event: string, value?: unknown): void {
    this.#listeners.get(event)?.(value);
  }

  show(id: ResourceId): void {
    this.active = id;
    this.tell("active");
  }
}

const POLL: App = {
  id: "poll", name: "Umfrage", ownName: "Poll", version: "1", description: "", entry: "index.html", icon: "", state: 1, base: "/apps/poll/",
  add: ["host"], size: { width: 0, height: 0 }, capabilities: [], hosts: [], python: false, afterwards: false,
}; // prettier-ignore

let call: FakeCall;
let store: CallStore;

beforeEach(() => {
  call = new FakeCall();
  store = new CallStore(call as unknown as Call, new Catalog("http://hub"), new ToastList());
});

/** A host hides resources from this participant. */
function hide(...ids: ResourceId[]): void {
  for (const resource of call.list) if (ids.includes(resource.id)) Object.assign(resource, { hidden: true });
  call.list = call.list.filter(({ id }) => !ids.includes(id));
  call.tell("resources");
}

async function add(count = 1): Promise<ResourceId[]> {
  for (let i = 0; i < count; i++) await store.add(POLL);
  return store.resources.value.map(({ id }) => id);
}

test("[A7] an app is offered to the roles that its manifest names", () => {
  expect(store.mayAdd(POLL)).toBe(false);
  expect(store.mayAdd({ ...POLL, add: ["guest"] })).toBe(true);
});

describe("[R12] what was removed", () => {
  test("can be restored by whoever may, into view where it was, until they look at it no more", async () => {
    const [first] = (await add()) as [ResourceId];
    store.remove(first);
    expect(store.removed.value).toMatchObject([{ id: first, title: "Poll" }]);
    store.restore(first);
    expect([store.removed.value, store.viewed.value, call.active]).toEqual([[], first, first]);
    store.remove(first);
    store.forgetRemoved(first);
    expect(store.removed.value).toEqual([]);
  });

  test("is told, once, to who may not restore it", async () => {
    const [first] = (await add()) as [ResourceId];
    call.mayRestore = false;
    call.remove(first, "p9" as ParticipantId);
    call.tell("resources");
    expect(store.removed.value).toEqual([]);
    expect(store.toasts.shown.value.map(({ text }) => text)).toEqual(["“Poll” was removed."]);
  });
});

test("[R12] what is restored leaves the stage to what somebody has shown since", async () => {
  const [first, second, third] = (await add(3)) as [ResourceId, ResourceId, ResourceId];
  call.show(second);
  store.remove(second);
  expect(call.active).toBe(third);
  call.show(first); // somebody else
  store.restore(second);
  expect([call.active, store.viewed.value]).toEqual([first, second]);
});

describe("what is in view", () => {
  test("[G7] what stands beside the stage takes nobody's place on it, also for who comes later", async () => {
    const [first, second] = (await add(2)) as [ResourceId, ResourceId];
    const state = { entries: () => [], listen: () => () => undefined };
    const presence = { all: () => new Map(), subscribe: () => () => undefined };
    call.list = [...call.list, { id: "rt", app: "talk", access: "edit", state, presence } as unknown as Resource];
    call.tell("resources");
    call.show(first);
    call.show("rt" as ResourceId);
    expect([store.viewed.value, store.follows.value]).toEqual([first, true]);
    const later = new CallStore(call as unknown as Call, new Catalog("http://hub"), new ToastList());
    expect(later.viewed.value).toBe(second);
  });


  test("nothing at first, then what was added: for everybody", async () => {
    expect(store.viewed.value).toBeUndefined();
    const [first] = await add();
    expect(call.active).toBe(first);
    expect(store.viewed.value).toBe(first);
    expect(store.follows.value).toBe(true);
  });

  test("[R7] one may look elsewhere, stay there, and come back", async () => {
    const [first, second, third] = (await add(3)) as [ResourceId, ResourceId, ResourceId];
    store.look(first);
    expect([store.viewed.value, store.follows.value, call.active]).toEqual([first, false, third]);
    call.show(second); // somebody else
    expect(store.viewed.value).toBe(first);
    store.follow();
    expect([store.viewed.value, store.follows.value]).toEqual([second, true]);
  });

  test("looking at what everybody sees is following", async () => {
    const [first, second] = (await add(2)) as [ResourceId, ResourceId];
    store.look(first);
    store.look(second);
    call.show(first);
    expect(store.viewed.value).toBe(first);
  });

  test("what was removed is no longer in view", async () => {
    const [first] = (await add(2)) as [ResourceId, ResourceId];
    store.look(first);
    call.resources.remove(first);
    expect(store.viewed.value).toBe(call.active);
  });

  test("who removes what everybody sees shows what stood beside it", async () => {
    const [first, second, third] = (await add(3)) as [ResourceId, ResourceId, ResourceId];
    call.show(second);
    store.remove(second);
    expect(call.active).toBe(third);
    store.remove(third);
    expect(call.active).toBe(first);
  });
});

describe("frames", () => {
  const loaded = (): string[] => store.mounted.value.map(({ resource }) => resource.id).sort();

  test("[G30] at most so many are loaded: the last that were in view", async () => {
    const all = await add(10);
    expect(loaded()).toEqual(all.slice(2).sort());
    store.look(all[0] as ResourceId);
    expect(loaded()).toEqual([all[0], ...all.slice(3)].sort());
  });

  test("[G30] where fewer may be, those go that nobody looked at for longest, and come back when they are looked at", async () => {
    const most = signal(4);
    store = new CallStore(call as unknown as Call, new Catalog("http://hub"), new ToastList(), most);
    const [first, second, third, fourth] = (await add(4)) as [ResourceId, ResourceId, ResourceId, ResourceId];
    store.look(first);
    most.value = 2;
    expect(loaded()).toEqual([first, fourth].sort());
    most.value = 4;
    expect(loaded()).toEqual([first, fourth].sort()); // what is unloaded costs a load: only who looks pays that
    most.value = 0;
    expect(loaded()).toEqual([first]); // the one in view
    most.value = 2;
    store.look(third);
    store.look(second);
    expect(loaded()).toEqual([second, third].sort());
  });

  test("[G30] one that has work under way stays until that is done", async () => {
    const most = signal(1);
    store = new CallStore(call as unknown as Call, new Catalog("http://hub"), new ToastList(), most);
    const [first] = (await add(1)) as [ResourceId];
    let works = true;
    const over = store.attend(first, () => works);
    const [, second] = (await add(1)) as [ResourceId, ResourceId];
    expect(loaded()).toEqual([first, second].sort());
    works = false;
    const [, , third] = (await add(1)) as [ResourceId, ResourceId, ResourceId];
    expect(loaded()).toEqual([third]);
    over();
  });

  test("[G30] work without end keeps as many again loaded, and no more", async () => {
    const most = signal(2);
    store = new CallStore(call as unknown as Call, new Catalog("http://hub"), new ToastList(), most);
    const one = async (works: boolean): Promise<ResourceId> => {
      const id = (await add()).at(-1) as ResourceId;
      store.attend(id, () => works);
      return id;
    };
    const working: ResourceId[] = [];
    for (let i = 0; i < 6; i++) working.push(await one(true));
    const [, , third, , fifth, sixth] = working as [ResourceId, ResourceId, ResourceId, ResourceId, ResourceId, ResourceId];
    expect(loaded()).toEqual(working.slice(2).sort());
    store.look(third); // the fourth has been out of view for longest now
    const idle = await one(false);
    expect(loaded()).toEqual([third, fifth, sixth, idle].sort());
    store.attend(fifth, () => false); // it is done
    store.look(sixth);
    expect(loaded()).toEqual([third, sixth, idle].sort());
    most.value = 1;
    expect(loaded()).toEqual([third, sixth].sort());
  });

  test("none is moved when others come and go", async () => {
    await add(4);
    const before = store.mounted.value.map(({ resource }) => resource.id);
    store.look(before[0] as ResourceId);
    store.follow();
    expect(store.mounted.value.map(({ resource }) => resource.id)).toEqual(before);
  });

  test("[R4] a removed one stays a moment, so that it can be told", async () => {
    vi.useFakeTimers();
    const [first] = (await add(1)) as [ResourceId];
    store.remove(first);
    expect(store.mounted.value).toMatchObject([{ resource: { id: first }, removed: true }]);
    vi.runAllTimers();
    expect(store.mounted.value).toEqual([]);
    vi.useRealTimers();
  });

  test("[R2] the adder's first frame alone is told of adding", async () => {
    await add();
    const [resource] = store.resources.value as [Resource];
    expect([store.introduce(resource), store.introduce(resource)]).toEqual([true, false]);
  });

  test("[R2] a whole batch is a re-sync, coming back alone is none", () => {
    for (const link of ["reconnecting", "joined", "joined"] as const) {
      call.link = link;
      call.tell("link");
    }
    expect(store.syncs.value).toBe(0);
    call.tell("resync");
    expect(store.syncs.value).toBe(1);
  });
});

describe("rights", () => {
  test("[J13] whose role is changed is told, and nobody at first", () => {
    const said = () => store.toasts.shown.value.map(({ text }) => text);
    call.tell("participants");
    expect([store.isHost.value, said()]).toEqual([false, []]);
    call.me = { ...call.me, role: "host" };
    call.tell("participants");
    expect([store.isHost.value, said().length, said()[0]]).toEqual([true, 1, expect.stringMatching(/^You are a host now/)]);
  });

  test("[A27] titles are numbered, and nobody's language: each reads them in their own", async () => {
    await add(3);
    expect(store.resources.value.map(({ title }) => title)).toEqual(["Poll", "Poll 2", "Poll 3"]);
    const languages = { de: { name: "Umfrage", description: "" } };
    store.catalog.take([{ ...POLL, name: "Poll", languages }]);
    const seen = (title: string): string => store.catalog.titleOf({ app: "poll", title });
    await speak("de", { byChoice: true });
    expect(["Poll", "Poll 2", "Poll of mine", "Lunch?"].map(seen)).toEqual(["Umfrage", "Umfrage 2", "Poll of mine", "Lunch?"]);
    await speak("en", { byChoice: true });
    expect([seen("Poll 2"), store.catalog.titleOf({ app: "gone", title: "Gone" })]).toEqual(["Poll 2", "Gone"]);
  });

  test("hosts and owners may remove, observers nothing", async () => {
    await add();
    const [resource] = store.resources.value as [Resource];
    const may = (role: string, person: string): boolean => {
      call.me = { ...call.me, role, person } as Participant;
      call.tell("participants");
      return store.mayRemove(resource);
    };
    expect([may("host", "u9"), may("guest", "u1"), may("guest", "u9"), may("observer", "u1")]).toEqual([
      true, true, false, false,
    ]);
  });
});

test("[G7] a message has the name that the roster gives its author, else it says that the name is theirs alone", () => {
  const written = new Map<string, unknown>();
  const listeners: (() => void)[] = [];
  const state = { entries: () => [...written], listen: (fn: () => void) => (listeners.push(fn), () => undefined) };
  const presence = { all: () => new Map(), subscribe: () => () => undefined };
  Object.assign(call, { mesh: { entry: () => undefined } });
  written.set("chat/u2/a", { name: "Dr Ada", text: "Take 50 mg" });
  call.list = [{ id: "r1", app: "talk", title: "Talk", added: 1, access: "edit", state, presence } as unknown as Resource];
  call.tell("resources");
  const saidBy = (name: string): void => {
    expect(store.talk.messages.value.map((message) => store.authorOf(message))).toEqual([name]);
    expect(filesOf(store, "c", new Date(0)).get("chat.txt")).toContain(`  ${name}:\n    Take 50 mg`);
  };
  saidBy("somebody who called themselves “Dr Ada”");
  call.hosting.left = [{ person: "u2", name: "Bo" }];
  call.tell("door");
  saidBy("Bo");
  const bob = { id: "p2", person: "u2", name: "Bob", role: "guest", offers: [], here: true } as unknown as Participant;
  call.participants.set(bob.id, bob);
  call.tell("participants");
  saidBy("Bob");
  written.set("chat/u2/b", { name: "Dr Ada", text: "now" });
  for (const fn of listeners) fn();
  expect(store.toasts.shown.value.map(({ text }) => text)).toEqual(["Bob: now"]);
  written.delete("chat/u2/b");
  for (const fn of listeners) fn();
  call.participants.delete(bob.id);
  call.tell("participants");
  saidBy("Bob");
});

/** Who comes into the call. */
function enter(id: string, person: string, name: string, more: object = {}): void {
  const one = { id, person, name, role: "guest", offers: [], here: true, ...more } as unknown as Participant;
  call.participants.set(one.id, one);
  call.tell("participants");
}

function leave(id: string): void {
  call.participants.delete(id as ParticipantId);
  call.tell("participants");
}

describe("[G13] two of one name", () => {
  const names = () => store.participants.value.map(({ id, name }) => `${id} ${name}`);

  test("are told apart by who came first, everywhere on the page; each keeps what they are called", () => {
    enter("p2", "u2", "Ada");
    enter("p3", "u3", "ada");
    enter("p4", "u2", "Ada"); // another tab
    expect(names()).toEqual(["p1 Ada", "p2 Ada (2)", "p3 ada (3)", "p4 Ada (2)"]);
    expect(store.people.value.map(({ name }) => name)).toEqual(["Ada", "Ada (2)", "ada (3)"]);
    leave("p2");
    leave("p4");
    enter("p5", "u5", "Ada");
    expect(names()).toEqual(["p1 Ada", "p3 ada (3)", "p5 Ada (2)"]);
    expect([store.nameOf("u3"), store.nameOf("u2"), store.nameOf("u9")]).toEqual(["ada (3)", "Ada (2)", undefined]);
  });

  test("who comes later themselves has the number, and one of another name keeps it", () => {
    call.participants.clear();
    enter("p2", "u2", "Ada");
    enter("p3", "u3", "Ada (2)");
    call.participants.set(call.me.id, call.me);
    const later = new CallStore(call as unknown as Call, new Catalog("http://hub"), new ToastList());
    expect([later.me.value?.name, ...later.participants.value.map(({ name }) => name)]).toEqual(["Ada (3)", "Ada (3)", "Ada", "Ada (2)"]);
  });
});

test("[G12] a host sees who is here, or another way, what they may do, and changes it for one", () => {
  const set = vi.fn();
  const settings = new Map([["u2", "view"], ["u3", "hidden"], ["u4", "edit"], ["u7", "view"], ["guest", "view"], ["waiting", "edit"]]);
  const resource = { id: "r1", settings, setAccess: set } as unknown as Resource;
  call.hosting.left = [{ person: "u3", name: "Cleo" }];
  call.tell("door");
  call.me = { ...call.me, role: "host" };
  enter("p1", "u1", "Ada", { role: "host" });
  enter("p2", "u2", "Bob");
  enter("p4", "u4", "Dee", { role: "host" });
  enter("p5", "u5", "Bob", { role: "observer" });
  enter("p6", "u6", "Timer", { half: "r1" });
  expect(store.exceptions(resource)).toEqual([
    { person: "u2", name: "Bob", here: true, access: "view" },
    { person: "u5", name: "Bob (2)", here: true, access: undefined },
    { person: "u3", name: "Cleo", here: false, access: "hidden" },
    { person: "u7", name: "somebody who has left", here: false, access: "view" },
  ]);
  store.letOne(resource, "u2" as PersonId, undefined);
  store.letOne(resource, "u5" as PersonId, "edit");
  expect(set.mock.calls).toEqual([["u2", undefined], ["u5", "edit"]]);
});

test("[G27] who is muted is told by whom, as far as that is known", () => {
  enter("p2", "u2", "Bob");
  expect(mutedWords(store.nameOf("u2"))).toBe("Bob muted your microphone. You can turn it on again.");
  expect(mutedWords(store.nameOf(""))).toMatch(/^A host muted/);
});

test("[J14] what a host has hidden leaves a word: on the stage where it stood, else in a note", async () => {
  const [first, second] = (await add(2)) as [ResourceId, ResourceId];
  hide(first);
  expect(store.hidden.value).toBeUndefined();
  expect(store.toasts.shown.value.map(({ text }) => text)).toEqual(["A host has hidden “Poll” from you."]);
  hide(second);
  expect(store.hidden.value?.title).toBe("Poll 2");
  expect(store.toasts.shown.value).toHaveLength(1);
  call.list = [{ id: second, app: "poll", title: "Poll 2" } as unknown as Resource];
  call.tell("resources");
  expect([store.viewed.value, store.hidden.value]).toEqual([second, undefined]);
  call.resources.remove(second);
  expect(store.hidden.value).toBeUndefined();
});

test("[E10] how many others go on while the hub is away, in words too", () => {
  call.reached = 2;
  call.link = "reconnecting";
  call.tell("link");
  expect(store.reached.value).toBe(2);
  call.reached = 1;
  call.tell("participants");
  expect(store.reached.value).toBe(1);
});
