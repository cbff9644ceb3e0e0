/** The call as the page shows it: signals that mirror a `Call`, and what this participant looks at. */

import { computed, signal, type ReadonlySignal } from "@preact/signals";
import type { Call, RemovedResource, Resource } from "@callmesh/client";
import { isRole, keyOf, mayEdit, WAITING, type Access, type Participant, type ParticipantId, type PersonId, type ResourceId } from "@callmesh/core";

import { numberedTitle, type App, type Catalog } from "./catalog.ts";
import type { Ground } from "./frame.ts";
import { Hosts } from "./hosts.ts";
import { asCalled, toldApart, type Called } from "./names.ts";
import { Keeping } from "./keeping.ts";
import { peopleIn, type Somebody } from "./people.ts";
import { TALK, Talk, type Message } from "./talk.ts";
import { say } from "./say.ts";
import type { ToastList } from "./toasts.ts";
import { Watching } from "./watching.ts";
import { callProblem, newRoleWords } from "./words.ts";

/** How long a removed resource's frame stays, so that its `remove` handler can run; milliseconds. */
const FAREWELL = 1_000;

/** One of the others, and what they may do with a resource; undefined where that is as for all. */
export interface Exception {
  readonly person: PersonId;
  readonly name: string;
  readonly here: boolean;
  readonly access: Access | undefined;
}

/** A resource whose frame is loaded. */
export interface Mounted {
  readonly resource: Resource;
  readonly removed: boolean;
}

export class CallStore implements Ground {
  readonly call: Call;
  readonly catalog: Catalog;
  readonly toasts: ToastList;
  /** What hosts see and do. */
  readonly hosts: Hosts;
  /** Chat, raised hands and reactions. */
  readonly talk: Talk;
  /** Whose screen is looked at. */
  readonly watching: Watching;

  readonly me = signal<Participant | undefined>(undefined);
  readonly participants = signal<readonly Participant[]>([]);
  readonly resources = signal<readonly Resource[]>([]);
  /** What was removed, and can be restored by this participant; the latest last. */
  readonly removed = signal<readonly RemovedResource[]>([]);
  readonly active = signal<ResourceId | undefined>(undefined);
  readonly link = signal<Call["link"]>("joined");
  readonly status = signal<Call["status"]>("synced");
  /** How many others go on with oneself while the hub is away. */
  readonly reached = signal(0);
  /** Counts what changed in media and paths: those who show them read the call anew. */
  readonly media = signal(0);
  /** Counts changes of roles, access and rules. */
  readonly rights = signal(0);
  /** Counts re-syncs: after each, every resource is set up again. */
  readonly syncs = signal(0);
  /** Why the call ended here; undefined while it has not, or when one left by oneself. */
  readonly ended = signal<unknown>(undefined);

  /** What this participant looks at on their own. */
  readonly #elsewhere = signal<ResourceId | undefined>(undefined);
  /** What stood on the stage when a host hid it. */
  readonly #hidden = signal<Resource | undefined>(undefined);
  readonly #keeping: Keeping;
  readonly #farewell = signal<readonly Resource[]>([]);
  #called: Called = new Map();
  /** Whom the page has seen in the roster, by what they were called last. */
  readonly #met = signal<ReadonlyMap<PersonId, string>>(new Map());
  readonly #introduced = new Set<ResourceId>();
  /** Removed here while everybody saw it, and what took its place. */
  readonly #wasShown = new Map<ResourceId, ResourceId | undefined>();
  /** Whose removal was told, or is looked at no more. */
  readonly #told = new Set<ResourceId>();
  readonly #stops: (() => void)[] = [];

  /** The one in view here: looked at on one's own, or shown to everybody. */
  readonly viewed: ReadonlySignal<ResourceId | undefined> = computed(
    () => this.#known(this.#elsewhere.value) ?? this.#known(this.active.value),
  );
  /** Why the stage is empty, if it is because a host has hidden what stood there. */
  readonly hidden: ReadonlySignal<Resource | undefined> = computed(() =>
    this.viewed.value === undefined ? this.#hidden.value : undefined,
  );
  readonly follows: ReadonlySignal<boolean> = computed(
    () => this.viewed.value === this.#known(this.active.value),
  );
  readonly isHost: ReadonlySignal<boolean> = computed(() => this.me.value?.role === "host");
  readonly people: ReadonlySignal<readonly Somebody[]> = computed(() =>
    peopleIn(this.participants.value, this.me.value?.person),
  );
  readonly mayEdit: ReadonlySignal<boolean> = computed(() => {
    const me = this.me.value;
    return me !== undefined && mayEdit(me.role);
  });
  /** Of those who may show one. */
  readonly #screens: ReadonlySignal<readonly ParticipantId[]> = computed(() => {
    const may = new Set(this.participants.value.filter(({ role }) => mayEdit(role)).map(({ id }) => id));
    return this.talk.screens.value.filter((id) => may.has(id));
  });
  /** In an order that never moves a frame: a frame that is moved loads anew. */
  readonly mounted: ReadonlySignal<readonly Mounted[]> = computed(() => {
    const wanted = new Set([this.viewed.value, ...this.#keeping.loaded.value]);
    const kept = this.resources.value.filter(({ id }) => wanted.has(id));
    return [
      ...kept.map((resource) => ({ resource, removed: false })),
      ...this.#farewell.value
        .filter(({ id }) => this.#known(id) === undefined) // who may not remove sees it come back
        .map((resource) => ({ resource, removed: true })),
    ].sort((a, b) => (a.resource.id < b.resource.id ? -1 : 1));
  });

  /** `mostFrames`: as many as stay loaded. */
  constructor(call: Call, catalog: Catalog, toasts: ToastList, mostFrames: ReadonlySignal<number> = signal(8)) {
    this.call = call;
    this.#keeping = new Keeping(mostFrames);
    this.catalog = catalog;
    this.toasts = toasts;
    this.hosts = new Hosts(call);
    this.talk = new Talk(call, (message) =>
      toasts.note(say("chat-news", { name: this.authorOf(message), text: message.text.slice(0, 200) })),
    );
    const mirrors = {
      participants: () => {
        this.#mirrorParticipants();
        this.reached.value = call.reached;
      },
      resources: () => this.#mirrorResources(),
      active: () => this.#mirrorActive(),
      link: () => {
        this.link.value = call.link;
        this.reached.value = call.reached;
      },
      status: () => (this.status.value = call.status),
      media: () => (this.media.value += 1),
      rights: () => this.#mirrorRights(),
      door: () => this.hosts.mirror(),
    } as const;
    for (const [event, mirror] of Object.entries(mirrors)) {
      this.#stops.push(call.on(event as keyof typeof mirrors, mirror));
      mirror();
    }
    this.watching = new Watching(this.#screens, this.active, () => call.me.id);
    this.#stops.push(call.on("resync", () => (this.syncs.value += 1)));
    this.#stops.push(call.on("error", (error) => this.#problem(error)));
    this.#stops.push(this.viewed.subscribe((viewed) => this.#remember(viewed)));
  }

  /** Stop mirroring. */
  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#keeping.close();
    this.talk.close();
    this.watching.close();
  }

  record(id: ResourceId | undefined): Resource | undefined {
    return this.resources.value.find((resource) => resource.id === id);
  }

  /** Look at a resource: on one's own, unless it is what everybody sees. */
  look(id: ResourceId): void {
    this.#elsewhere.value = id === this.active.value ? undefined : id;
  }

  follow(): void {
    this.#elsewhere.value = undefined;
  }

  show(id: ResourceId): void {
    this.call.show(id);
    this.#elsewhere.value = undefined;
  }

  /** Add an app's resource and show it to everybody; tells whether that went well. */
  async add(app: App): Promise<boolean> {
    try {
      const titles = this.resources.value.map(({ title }) => title);
      const resource = await this.call.resources.add(app.id, { title: numberedTitle(app.ownName, titles) });
      this.show(resource.id);
      return true;
    } catch (error) {
      this.toasts.problem(callProblem(error));
      return false;
    }
  }

  /** Whether this participant's role may add an app (A7). */
  mayAdd({ add }: App): boolean {
    const role = this.me.value?.role;
    return role !== undefined && add.includes(role);
  }

  mayRemove(resource: Resource): boolean {
    const me = this.me.value;
    const own = this.mayEdit.value && resource.owner === me?.person && this.accessTo(resource) === "edit";
    return me !== undefined && (me.role === "host" || (own && this.call.state.canWrite(keyOf(resource.id))));
  }

  /** What this participant may do with a resource. */
  accessTo(resource: Resource): Access {
    this.rights.valueOf(); // whoever shows it shows it anew
    return resource.access;
  }

  /** What all but hosts may do with a resource. */
  othersAccess(resource: Resource): Access {
    this.rights.valueOf();
    return resource.settings.get("guest") ?? "edit";
  }

  /** Hosts: let all others edit a resource, look at it only, or not see it. */
  letOthers(resource: Resource, access: Access): void {
    resource.setAccess("guest", access === "edit" ? undefined : access);
    resource.setAccess("observer", access === "hidden" ? "hidden" : undefined);
  }

  /** Hosts: those who are here and no hosts, and who is another way though they have left. */
  exceptions({ settings }: Resource): readonly Exception[] {
    this.rights.valueOf();
    const others = this.people.value.filter(({ half }) => !half);
    const here = new Set(others.map(({ person }) => person));
    const away = [...settings.keys()].filter((who): who is PersonId => who !== WAITING && !isRole(who) && !here.has(who as PersonId));
    return [
      ...others.filter(({ role }) => role !== "host").map(({ person, name }) => ({ person, name, here: true })),
      ...away.map((person) => ({ person, name: this.nameOf(person) ?? say("access-somebody"), here: false })),
    ].map((one) => ({ ...one, access: settings.get(one.person) }));
  }

  /** Hosts: let one person do something else than all; undefined for the same again. */
  letOne(resource: Resource, person: PersonId, access: Access | undefined): void {
    resource.setAccess(person, access);
  }

  /** Whether who waits to be let in has it before them. */
  isShownMeanwhile(resource: Resource): boolean {
    this.rights.valueOf();
    const access = resource.settings.get(WAITING) ?? "hidden";
    return access !== "hidden";
  }

  /** Hosts: have who waits to be let in use it, or not. */
  showMeanwhile(resource: Resource, shown: boolean): void {
    resource.setAccess(WAITING, shown ? "edit" : undefined);
  }

  isOutdated(resource: Resource): boolean {
    this.rights.valueOf();
    const app = this.catalog.apps.value.get(resource.app);
    return app !== undefined && resource.version > app.state;
  }

  /** Remove a resource for everybody, until it is restored. What stood beside it takes its place in view. */
  remove(id: ResourceId): void {
    const all = this.resources.value;
    const place = all.findIndex((resource) => resource.id === id);
    const next = all[place + 1] ?? all[place - 1];
    this.#wasShown.delete(id);
    if (this.active.value === id) this.#wasShown.set(id, next?.id);
    if (this.active.value === id && next) this.call.show(next.id);
    this.call.resources.remove(id, { restorable: true });
  }

  /** Bring back what was removed, for everybody; also into view, where it was taken out of that and nobody has shown anything since. */
  restore(id: ResourceId): void {
    const shown = this.#known(this.active.value);
    const isAsLeft = this.#wasShown.has(id) && (shown === undefined || shown === this.#wasShown.get(id));
    this.call.resources.restore(id);
    if (isAsLeft) this.show(id);
    else this.look(id);
  }

  /** One knows that it was removed. */
  forgetRemoved(id: ResourceId): void {
    this.#told.add(id);
    this.#mirrorRemoved();
  }

  /** What a screen reader reads out too: who has removed what. */
  removalWords({ app, title: given, by }: RemovedResource): string {
    const title = this.catalog.titleOf({ app, title: given });
    if (by === this.call.me.id) return say("removed-by-you", { title });
    const name = this.participants.value.find(({ id }) => id === by)?.name;
    return name === undefined ? say("removed", { title }) : say("removed-by", { title, name });
  }

  courierHost(resource: Resource): ReturnType<Call["courierHost"]> {
    return this.call.courierHost(resource);
  }

  /**
   * Whose message it is, in words: by the roster, also once they have left, or by what hosts are told of who left. The name
   * that a message itself gives may be anybody's, and is marked.
   */
  authorOf({ person, name }: Message): string {
    return this.nameOf(person) ?? say("chat-claimed", { name });
  }

  /** What a person is called here, also once they have left; undefined for who is known to nobody. */
  nameOf(person: string): string | undefined {
    const { left, keptOut } = this.hosts;
    const told = [...left.value, ...keptOut.value].find((one) => one.person === person);
    return this.#met.value.get(person as PersonId) ?? told?.name;
  }

  attend(id: ResourceId, works: () => boolean): () => void {
    return this.#keeping.attend(id, works);
  }

  introduce(resource: Resource): boolean {
    const first = resource.adder && !this.#introduced.has(resource.id);
    this.#introduced.add(resource.id);
    return first;
  }

  path(id: ParticipantId): ReturnType<Call["path"]> | undefined {
    this.media.valueOf(); // whoever shows it shows it anew
    return id === this.call.me.id ? undefined : this.call.path(id);
  }

  #known(id: ResourceId | undefined): ResourceId | undefined {
    return this.record(id)?.id;
  }

  #remember(viewed: ResourceId | undefined): void {
    if (viewed === undefined) return;
    this.#hidden.value = undefined;
    this.#keeping.look(viewed, new Set(this.resources.peek().map(({ id }) => id)));
  }

  #mirrorRights(): void {
    this.rights.value += 1;
    this.hosts.mirror(); // whether guests wait stands in the call's own State
  }

  #mirrorParticipants(): void {
    const here = [...this.call.participants.values()];
    if (!this.call.participants.has(this.call.me.id)) here.push(this.call.me);
    this.#called = toldApart(here, this.#called);
    const me = asCalled(this.call.me, this.#called);
    const before = this.me.value?.role;
    if (before !== undefined && before !== me.role) this.toasts.note(newRoleWords(me.role));
    const others = here.filter(({ id }) => id !== me.id).map((other) => asCalled(other, this.#called));
    this.me.value = me;
    this.participants.value = [me, ...others];
    this.#met.value = new Map([...this.#met.peek(), ...[me, ...others].map(({ person, name }) => [person, name] as const)]);
    this.media.value += 1;
  }

  #mirrorResources(): void {
    const all = this.call.resources.all();
    this.talk.follow(all);
    const now = all.filter(({ app }) => app !== TALK);
    const ids = new Set(now.map(({ id }) => id));
    const gone = this.resources.value.filter(({ id }) => !ids.has(id));
    const loaded = new Set(this.mounted.value.map(({ resource }) => resource.id));
    this.#noteHidden(gone.filter(({ hidden }) => hidden));
    this.resources.value = now;
    for (const resource of gone.filter(({ id }) => loaded.has(id))) this.#sayGoodbye(resource);
    this.#mirrorRemoved();
  }

  /** What has no place on the stage takes nobody else's: it stays as it was, or shows who comes later the newest there is. */
  #mirrorActive(): void {
    const { active, resources } = this.call;
    const isBeside = resources.all().some(({ id, app }) => id === active && app === TALK);
    this.active.value = isBeside ? (this.active.peek() ?? this.resources.peek().at(-1)?.id) : active;
  }

  /** Who may not restore it is told that it was removed. */
  #mirrorRemoved(): void {
    const { state, resources } = this.call;
    for (const { id } of this.resources.peek()) this.#told.delete(id);
    const removed = resources.removed.filter(({ id, app }) => app !== TALK && !this.#told.has(id));
    const [mine, others] = [true, false].map((may) => removed.filter(({ id }) => state.canWrite(keyOf(id)) === may));
    for (const one of others ?? []) {
      this.#told.add(one.id);
      this.toasts.note(this.removalWords(one));
    }
    this.removed.value = mine ?? [];
  }

  #noteHidden(hidden: readonly Resource[]): void {
    const seen = this.viewed.peek();
    this.#hidden.value = hidden.find(({ id }) => id === seen) ?? this.#hidden.peek();
    for (const one of hidden) if (one.id !== seen) this.toasts.note(say("stage-hidden-note", { title: this.catalog.titleOf(one) }));
  }

  #sayGoodbye(resource: Resource): void {
    this.#farewell.value = [...this.#farewell.value, resource];
    setTimeout(() => {
      this.#farewell.value = this.#farewell.value.filter((other) => other !== resource);
    }, FAREWELL);
  }

  #problem(error: unknown): void {
    if (this.call.link === "left") this.ended.value = error;
    else this.toasts.problem(callProblem(error));
  }
}
