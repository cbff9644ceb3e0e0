/** One participant of a call in memory: a replica and its link, and the app's frame at a real port. */

import {
  CALL, keyOf, Lifecycle, Listeners, MemoryLink, readParticipant, Replica, ResourceCache, ROSTER, stateOf, type CallmeshError, type LedgerHub, type LifeEvent,
  type Message, type Participant, type ResourceId, type Writer,
} from "@callmesh/core";

import { Courier } from "./courier.ts";
import { Frame, type Handlers } from "./frame.ts";
import type { CourierHost } from "./host.ts";
import { hostOver, type CallInMemory } from "./hostOver.ts";
import type { Resource } from "./resource.ts";
import { after, now } from "./runtime.ts";

export interface SeatOptions {
  readonly me: Participant;
  readonly resource: ResourceId;
  readonly stateVersion: number;
  /** Whether it has added the resource. */
  readonly adder: boolean;
  openStream(seat: Seat, ...how: Parameters<CourierHost["openStream"]>): ReturnType<CourierHost["openStream"]>;
  /** Something is to be sent. */
  flush(): void;
  /** From 0 up to 1, as the seed says. */
  chance(): number;
}

/** When, in turns, the next bundle arrives, each way; undefined while none is on its way. */
interface Due {
  up: number | undefined;
  down: number | undefined;
}

export class Seat implements CallInMemory {
  readonly replica: Replica;
  readonly cache = new ResourceCache();
  readonly links = new Listeners<undefined>();
  readonly callId = "demo";
  readonly way: MemoryLink;
  link = "joined";
  isCut = false;
  isSlow = false;
  readonly #options: SeatOptions;
  readonly #courier: Courier;
  readonly #due: Due = { up: undefined, down: undefined };
  #traffic = new Traffic();
  #frame: Frame | undefined;
  #life: Lifecycle;
  #frames = 0;
  #inStep = false;

  constructor(options: SeatOptions) {
    this.#options = options;
    this.#life = new Lifecycle({ adder: options.adder });
    this.replica = new Replica({ now, after, flush: () => options.flush() });
    this.replica.mesh.writer = options.me.id as string as Writer;
    this.way = new MemoryLink({ mesh: this.replica.mesh, now, hear: (message) => this.#hear(message) });
    this.#courier = new Courier(hostOver(this));
    this.#courier.onConnect = () => this.#tell([...this.#life.synced(), ...this.#life.view(true)]);
    this.#courier.onEnd = (error) => this.#stopped(error);
  }

  get resource(): ResourceId {
    return this.#options.resource;
  }

  /** As the hub has said; before that, as it was let in. */
  get me(): Participant {
    const told = this.replica.mesh.value(ROSTER, this.#options.me.id);
    return told === undefined ? this.#options.me : readParticipant(told);
  }

  now(): number {
    return now();
  }

  writer(): Writer {
    return `${this.#options.me.id}.${++this.#frames}` as Writer;
  }

  openStream(...how: Parameters<CourierHost["openStream"]>): ReturnType<CourierHost["openStream"]> {
    return this.#options.openStream(this, ...how);
  }

  // --- the app's frame

  /** The app connects. */
  open(handlers: Handlers): Promise<Resource> {
    const { port1, port2 } = new MessageChannel();
    this.#traffic = new Traffic();
    this.#traffic.watch(port1, port2);
    this.#traffic.watch(port2, port1);
    this.#courier.attach(port1);
    this.#frame = new Frame(port2, handlers, this.#options.stateVersion);
    return this.#frame.ready;
  }

  /** As after a reload. */
  reopen(handlers: Handlers): Promise<Resource> {
    this.#life = new Lifecycle();
    return this.open(handlers);
  }

  /** The resource is not there any more for this participant. */
  #removed(): void {
    this.#tell(this.#life.removed());
    this.#courier.close();
  }

  close(): void {
    this.#courier.close();
    this.way.cut();
  }

  #stopped(error: CallmeshError): void {
    console.error(`The app of ${this.me.name} was stopped (${error.code}): ${error.message}`);
  }

  #tell(events: readonly LifeEvent[]): void {
    for (const event of events) this.#courier.life(event);
  }

  // --- the link

  connect(hub: LedgerHub): void {
    const { me } = this;
    this.way.connect(hub, { ...me, here: true });
  }

  cut(): void {
    this.way.cut();
    this.#due.up = this.#due.down = undefined;
    this.#turn("reconnecting");
  }

  #turn(link: string): void {
    this.link = link;
    this.links.tell(undefined);
  }

  #hear(message: Message): void {
    this.replica.hear(message);
    if (message.type !== "batch") return;
    if (this.link !== "joined") this.#turn("joined");
    if (message.whole && this.#inStep && this.#life.state.kind === "ready") this.#tell(this.#life.synced());
    this.#inStep = true;
    const there = this.replica.mesh.value(CALL, keyOf(this.resource));
    if (there === undefined) this.#removed();
  }

  /** Put on the link what waits for it; what arrives in this turn is said with the moment in it. */
  *arriving(turn: number): Generator<{ readonly at: number; readonly act: () => void }, void> {
    const { way } = this;
    way.send();
    way.answer();
    if (way.up > 0 && (this.#due.up ??= this.#moment(turn)) < turn + 1) {
      yield { at: this.#due.up, act: () => ((this.#due.up = undefined), void way.arrive()) };
    }
    if (way.down > 0 && !this.isSlow && (this.#due.down ??= this.#moment(turn)) < turn + 1) {
      yield { at: this.#due.down, act: () => ((this.#due.down = undefined), void way.hear()) };
    }
  }

  /** Each bundle takes up to four turns, by chance. */
  #moment(turn: number): number {
    return turn + 4 * this.#options.chance();
  }

  /** Whether something is between the app and its page. */
  get isTalking(): boolean {
    return this.#traffic.isBusy;
  }

  /** Whether it is not in step with the hub, or its app not with it. */
  get isLate(): boolean {
    const { mesh } = this.replica;
    const synced = this.isCut || (!this.way.isBusy && mesh.status(stateOf(this.resource)) === "synced");
    return !synced || this.isTalking || this.#courier.isBusy || (this.#frame?.isBusy ?? false);
  }
}

/** Counts what is on its way between two ports. */
class Traffic {
  #sent = 0;
  #came = 0;
  #closed = false;

  get isBusy(): boolean {
    return !this.#closed && this.#sent > this.#came;
  }

  watch(from: MessagePort, to: MessagePort): void {
    const [post, close] = [from.postMessage.bind(from), from.close.bind(from)];
    from.postMessage = (data: unknown, transfer: unknown) => {
      this.#sent++;
      post(data, transfer as Transferable[]);
    };
    from.close = () => {
      this.#closed = true;
      close();
    };
    to.addEventListener("message", () => this.#came++);
  }
}
