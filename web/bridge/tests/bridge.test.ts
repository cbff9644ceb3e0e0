import {
  AHEAD, BadInput, BadValue, Broken, bundle, CALL, DELETED, Denied, encodeMessage, encodeValue, FILES, HUB_STATE, MAX_PAYLOAD, openLetter, presenceOf, ROSTER, stateOf, STREAMS, TooFast, TooLarge, unbundle, Unreachable, type Json, type LifeEvent,
  type Message, type ParticipantId, type Reach, type StateId, type Value, type Writer,
} from "@callmesh/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { Courier } from "../src/courier.ts";
import { Frame, type Handlers } from "../src/frame.ts";
import type { Resource } from "../src/resource.ts";
import { vectors } from "../../core/tests/vectors.ts";
import { FakeCall, ME, RESOURCE } from "./fakeCall.ts";

const STATE = stateOf(RESOURCE);
const PRESENCE = presenceOf(RESOURCE);
const REACH: Reach = {
  path: "direct", reads: true, buffered: 0, sent: 0, received: 0, roundTrip: undefined, resent: 0, dropped: 0, lost: 0, late: 0,
  loss: 0, messagesSent: 0, messagesReceived: 0, sentRate: 0, receivedRate: 0, messagesSentRate: 0, messagesReceivedRate: 0,
}; // prettier-ignore

let call: FakeCall;
let courier: Courier;
let ports: MessagePort[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true, advanceTimeDelta: 1 });
  call = new FakeCall();
  courier = new Courier(call.host);
  ports = [];
});

afterEach(() => {
  courier.close();
  for (const port of ports) port.close();
  vi.useRealTimers();
});

/** A pair of ports, the first of which the courier has. */
function attach(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  courier.attach(port1);
  return port2;
}

async function open(handlers: Handlers = {}): Promise<Resource> {
  return new Frame(attach(), handlers).ready;
}

/** Lets everything arrive that is on its way through a port, and frames pass. */
async function settle(): Promise<void> {
  for (let round = 0; round < 12; round++) {
    await new Promise((resolve) => void setImmediate(resolve));
    vi.advanceTimersByTime(8);
  }
}

/** A frame that does by hand what the test says. */
class Rogue {
  readonly port = attach();
  readonly heard: Message[] = [];
  bundles = 0;

  constructor() {
    this.port.onmessage = ({ data }: MessageEvent<Uint8Array>) => {
      this.bundles++;
      this.heard.push(...unbundle(data, null));
    };
    this.send({
      type: "hello", version: 1, call: "", name: "", role: null, token: null, person: null, resume: null, cursor: 0,
      offers: [],
      key: "",
    }); // prettier-ignore
  }

  send(...messages: Message[]): void {
    this.port.postMessage(bundle(messages.map(encodeMessage)));
  }

  write(state: StateId, key: string, { writer = "p1.1", time = call.time, value = 1 as never } = {}): void {
    this.send({ type: "write", groups: [{ state, entries: [{ key, time, writer: writer as Writer, value }], version: 0 }] });
  }

  of<T extends Message["type"]>(type: T): Extract<Message, { type: T }>[] {
    return this.heard.filter((message): message is Extract<Message, { type: T }> => message.type === type);
  }
}

describe("the frame's replica", () => {
  test("[A3] a frame gets its resource, its participants and its state", async () => {
    call.hubWrites(STATE, { question: "Why?" });
    const resource = await open();
    expect(resource).toMatchObject({ id: RESOURCE, app: "poll", title: "Poll", owner: ME.person, enabled: false });
    expect(resource.me).toEqual(ME);
    expect([...resource.participants.keys()]).toEqual([ME.id]);
    expect(resource.state.toObject()).toEqual({ question: "Why?" });
  });

  test("[A2] of other resources and of the rest of the call it gets nothing", async () => {
    call.hubWrites(stateOf("r2" as typeof RESOURCE), { secret: 1 });
    call.hubWrites("call" as StateId, { active: "r1", "resource/r2": { app: "x", title: "x", owner: "u2" } });
    const rogue = new Rogue();
    await settle();
    call.hubWrites(stateOf("r2" as typeof RESOURCE), { secret: 2 });
    await settle();
    const groups = rogue.of("batch").flatMap((batch) => batch.groups);
    const places = groups.flatMap(({ state, entries }) => entries.map(({ key }) => `${state} ${key}`));
    expect(places.sort()).toEqual(["apps poll", "call resource/r1", "roster p1"]);
  });

  test("[A8] what its app has not asked for is denied, with the name of it", async () => {
    call.hubWrites(ROSTER, { p9: { ...ME, id: "p9", name: "Eve" } });
    call.ask();
    const resource = await open();
    expect(() => resource.stream("pen")).toThrow('the app poll has not asked for streams: add "streams" to "capabilities"');
    expect(() => resource.files).toThrow("has not asked for files");
    expect(() => resource.participants).toThrow("has not asked for participants");
    expect(() => resource.onParticipants(() => undefined)).toThrow("has not asked for participants");
    expect(resource.me.name).toBe(ME.name);
    expect(call.consumers.size).toBe(0);
  });

  test("[A8] a frame gets no participant but its own, and all when its app may have them", async () => {
    call.hubWrites(ROSTER, { p9: { ...ME, id: "p9", name: "Eve" } });
    call.ask("streams");
    const seen = async (rogue: Rogue): Promise<string[]> => {
      await settle();
      const groups = rogue.of("batch").flatMap((batch) => batch.groups);
      return groups.filter(({ state }) => state === ROSTER).flatMap(({ entries }) => entries.map(({ key }) => key));
    };
    expect(await seen(new Rogue())).toEqual([ME.id]);
    call.ask("participants");
    expect((await seen(new Rogue())).sort()).toEqual([ME.id, "p9"]);
  });

  test.each([
    ["pen", "streams"],
    [FILES, "files"],
  ])("[A8] a frame that goes round the SDK is stopped: %s", async (name, missing) => {
    call.ask("participants");
    const rogue = new Rogue();
    await settle();
    rogue.send({ type: "taken", peers: [], resource: RESOURCE, name, mode: "reliable", opened: 1, number: 0, word: "open", came: 0, ordered: false, retransmits: 0 });
    await settle();
    expect(courier.ended?.message).toContain(`has not asked for ${missing}`);
    expect(call.consumers.size).toBe(0);
  });

  test("[A18] a frame knows where it is shown from the beginning, and is told of others by one event", async () => {
    const seen = { locale: "de-CH", theme: "dark", size: { width: 640, height: 480 }, visible: true } as const;
    courier.surround({ ...seen, size: { width: 640.4, height: 479.5 } });
    const resource = await open();
    expect(resource).toMatchObject(seen);
    const told = vi.fn();
    const stop = resource.onSurroundings(told);
    expect(told.mock.calls).toEqual([[seen]]);
    courier.surround(seen);
    courier.surround({ ...seen, theme: "light" });
    courier.surround({ ...seen, locale: "fr", visible: false, size: { width: 0, height: 0 } });
    await settle();
    expect(told.mock.calls.slice(1)).toEqual([[{ locale: "fr", theme: "dark", size: { width: 0, height: 0 }, visible: false }]]);
    stop();
    courier.surround(seen);
    await settle();
    expect(told).toHaveBeenCalledTimes(2);
    expect(resource.locale).toBe("de-CH");
  });

  test("[A18] one that nobody tells where it is shown is not visible, and no later frame lacks it", async () => {
    const resource = await open();
    expect(resource).toMatchObject({ locale: "en", theme: "light", size: { width: 0, height: 0 }, visible: false });
    const seen = { locale: "de", theme: "dark", size: { width: 1, height: 1 }, visible: true } as const;
    courier.surround(seen);
    expect(await open()).toMatchObject(seen);
  });

  test("[A26] an app speaks the language of who looks at it, and is given its words when that is another", async () => {
    const seen = { locale: "de-CH", theme: "dark", size: { width: 1, height: 1 }, visible: true } as const;
    courier.surround(seen);
    const resource = await open();
    const told = vi.fn();
    const [en, de] = [{ yes: "Yes" }, { yes: "Ja" }];
    const stop = resource.speak({ en, de }, told);
    expect(told.mock.calls).toEqual([[de, "de"]]);
    for (const other of [{ visible: false }, { locale: "de" }, { locale: "fr" }, { locale: "en-GB" }]) courier.surround({ ...seen, ...other });
    await settle();
    expect(told.mock.calls.slice(1)).toEqual([[en, "en"]]);
    courier.surround(seen);
    await settle();
    stop();
    courier.surround({ ...seen, locale: "en" });
    await settle();
    expect(told.mock.calls.slice(2)).toEqual([[de, "de"]]);
  });

  test("[A20] what an app fetches goes to the hub, and comes as a Response or an error", async () => {
    const resource = await open();
    call.answer = { headers: [["content-type", "application/json"]], body: new TextEncoder().encode('{"a":1}') };
    const answer = await resource.fetch("https://a.example/x?y", { method: "post", headers: { "X-A": "b" }, body: "é" });
    expect([answer.status, answer.headers.get("content-type"), await answer.json()]).toEqual([200, "application/json", { a: 1 }]);
    const body = new TextEncoder().encode("é");
    expect(call.fetched).toMatchObject([{ resource: RESOURCE, method: "POST", url: "https://a.example/x?y", headers: [["x-a", "b"]], body }]);
    call.answer = { status: 204 };
    expect(await (await resource.fetch(new URL("https://a.example/"))).text()).toBe("");
    call.answer = { code: "denied", reason: "no_capability", why: "not named (A20)" };
    await expect(resource.fetch("https://b.example/")).rejects.toMatchObject({ code: "denied", reason: "no_capability" });
    call.answer = { code: "unreachable", why: "away" };
    await expect(resource.fetch("https://b.example/")).rejects.toThrow(Unreachable);
  });

  test("[A20] what cannot be sent is refused at once, and who waits no longer does not", async () => {
    const resource = await open();
    await expect(resource.fetch("https://a.example/", { body: 5 as never })).rejects.toThrow(BadValue);
    await expect(resource.fetch("https://a.example/", { headers: { "a b": "c" } })).rejects.toThrow(BadValue);
    await expect(resource.fetch("https://a.example/", { method: "POST", body: "x".repeat(600_000) })).rejects.toThrow(TooLarge);
    await expect(resource.fetch("https://a.example/", { signal: AbortSignal.abort() })).rejects.toThrow();
    expect(call.fetched).toEqual([]);
    const abort = new AbortController();
    const asked = resource.fetch("https://a.example/", { signal: abort.signal });
    abort.abort();
    await expect(asked).rejects.toThrow();
  });

  test("[A20] 64 things are fetched at a time, and one more is told so", async () => {
    const resource = await open();
    let come = (): void => undefined;
    call.fetches = new Promise((resolve) => (come = () => resolve(undefined)));
    const asked = Array.from({ length: 64 }, () => resource.fetch("https://a.example/"));
    await expect(resource.fetch("https://a.example/")).rejects.toThrow(TooFast);
    come();
    expect((await Promise.all(asked)).every(({ ok }) => ok)).toBe(true);
    expect((await resource.fetch("https://a.example/")).ok).toBe(true);
  });

  test("[A8, A2] an app that has not asked fetches nothing, and none for another resource", async () => {
    call.ask("streams");
    const resource = await open();
    await expect(resource.fetch("https://a.example/")).rejects.toThrow('add "fetch" to "capabilities"');
    const wish = { type: "fetch", number: 1, resource: RESOURCE, method: "GET", url: "https://a.example/", headers: [], body: new Uint8Array() } as const;
    for (const [sent, why] of [[wish, "A8"], [{ ...wish, resource: "r2" }, "A2"]] as const) {
      const rogue = new Rogue();
      await settle();
      rogue.send(sent);
      await settle();
      expect(courier.ended?.message).toContain(why);
    }
    expect(call.fetched).toEqual([]);
  });

  test("[A3] what others write comes, and what they delete goes", async () => {
    const { state } = await open();
    call.hubWrites(STATE, { a: 1, b: 2 });
    await settle();
    expect(state.toObject()).toEqual({ a: 1, b: 2 });
    call.replica.wrote(call.replica.mesh.write(new Map([[STATE, new Map([["a", 3]])]]), call.time));
    await settle();
    expect(state.get("a")).toBe(3);
    call.deny();
    await settle();
    expect(state.get("a")).toBe(1);
    call.resync();
    await settle();
    expect(state.toObject()).toEqual({ a: 1, b: 2 });
  });

  test("[A6] what comes within 8 ms goes to a frame together, and the first at once", async () => {
    const rogue = new Rogue();
    await settle();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }); // time stands still from here
    const { port } = rogue;
    port.onmessage = ({ data }: MessageEvent<Uint8Array>) => {
      rogue.heard.push(...unbundle(data, null));
      rogue.send({ type: "ping", number: ++rogue.bundles });
    };
    rogue.send({ type: "ping", number: rogue.bundles });
    const turns = async (): Promise<void> => {
      for (let n = 0; n < 8; n++) await new Promise((resolve) => void setImmediate(resolve));
    };
    await turns();
    vi.advanceTimersByTime(8);
    call.time += 8_000;
    const before = rogue.bundles;
    call.hubWrites(STATE, { first: 0 }); // a millisecond passes with each
    await turns();
    expect(rogue.bundles - before).toBe(1);
    for (let n = 1; n <= 20; n++) {
      call.hubWrites(STATE, { [`k${n}`]: n });
      await turns();
    }
    expect(rogue.bundles - before).toBe(3);
    vi.advanceTimersByTime(8);
    await turns();
    expect(rogue.bundles - before).toBe(4);
    const keys = rogue.of("batch").flatMap(({ groups }) => groups.flatMap(({ entries }) => entries.map(({ key }) => key)));
    expect(keys.filter((key) => key.startsWith("k"))).toHaveLength(20);
  });

  test("[S24] what cannot be read is told once, and known by its key", async () => {
    const warn = vi.spyOn(console, "warn").mockReturnValue();
    call.hubWrites(STATE, { "a/1": 1 });
    call.hubWritesRubbish(STATE, "a/2");
    const { state } = await open();
    call.hubWritesRubbish(STATE, "a/3");
    call.hubWritesRubbish(STATE, "a/3");
    await settle();
    expect(state.at("a").toObject()).toEqual({ 1: 1 });
    expect([...state.at("a").unreadable.keys()]).toEqual(["2", "3"]);
    expect([...state.at("b").unreadable]).toEqual([]);
    expect(warn.mock.calls.map(([said]) => String(said).slice(0, 30))).toEqual(["a/2 of state/r1 cannot be read", "a/3 of state/r1 cannot be read"]);
    call.resync();
    call.hubWrites(STATE, { "a/2": 2, "a/3": 3 });
    await settle();
    expect([state.unreadable.size, state.get("a/2")]).toEqual([0, 2]);
    warn.mockRestore();
  });

  test("[S9] a frame's writes leave at most once per frame of time, conflated", async () => {
    const { state } = await open();
    await settle();
    for (let n = 1; n <= 1000; n++) state.set("n", n);
    await settle();
    const [group, ...others] = call.outgoing();
    expect(others).toEqual([]);
    expect(group).toMatchObject({ state: STATE, entries: [{ key: "n", writer: "p1.1", value: 1000 }] });
  });
});

describe("what becomes of a frame's writes", () => {
  test("[A3] pending until the hub has it, saved when the hub's disk has it", async () => {
    const { state } = await open();
    state.set("vote", "yes");
    const saved = vi.fn();
    const waiting = state.saved().then(saved);
    await settle();
    expect(state.status).toBe("saving");
    call.accept(call.outgoing(), { saved: false });
    await settle();
    expect(saved).not.toHaveBeenCalled();
    expect(state.status).toBe("saving");
    call.save();
    await waiting;
    expect(state.status).toBe("synced");
    expect(state.get("vote")).toBe("yes");
  });

  test("[A3] denied by the hub: undone, and told why", async () => {
    call.hubWrites(STATE, { vote: "no" });
    const { state } = await open();
    state.set("vote", "yes");
    state.set("other", "new");
    const saved = expect(state.saved()).rejects.toMatchObject({ code: "denied", reason: "no_right" });
    await settle();
    expect(state.get("vote")).toBe("yes");
    call.deny();
    await saved;
    await settle();
    expect(state.toObject()).toEqual({ vote: "no" });
    expect(call.replica.mesh.value(STATE, "vote")).toBe("no");
    expect(state.status).toBe("synced");
  });

  test("[A3] a newer write of one's own does not hide the denial of it from those who wait", async () => {
    const { state } = await open();
    state.set("vote", 1);
    const first = expect(state.saved()).rejects.toMatchObject({ code: "denied" });
    await settle();
    state.set("vote", 2); // conflated with the first: the hub sees this one alone
    await settle();
    call.deny();
    await first;
    await settle();
    expect(state.has("vote")).toBe(false);
  });

  test("[A3] two writes on their way: the first is saved while the second is pending", async () => {
    const { state } = await open();
    state.set("n", 1);
    const first = state.saved();
    await settle();
    const sent = call.outgoing();
    state.set("n", 2);
    await settle();
    call.accept(sent);
    await first;
    expect(state.get("n")).toBe(2);
    expect(state.status).toBe("saving");
    call.accept();
    await settle();
    expect(state.status).toBe("synced");
  });

  test("[A3] a delete is saved, and one that loses against a newer write is answered", async () => {
    call.hubWrites(STATE, { a: 1, b: 1 });
    const { state } = await open();
    state.delete("a");
    await settle();
    call.accept();
    await state.saved();
    expect(state.toObject()).toEqual({ b: 1 });
    state.set("b", 2);
    call.time += 10_000_000_000;
    call.hubWrites(STATE, { b: "newest" }); // before the frame's write has come to the page
    await settle();
    await state.saved();
    expect(state.toObject()).toEqual({ b: "newest" });
  });

  test("[A3] a whole batch from the hub: what it lacks is sent again, and saved", async () => {
    const { state } = await open();
    state.set("mine", 1);
    await settle();
    call.outgoing(); // lost with the link
    const waiting = state.saved();
    call.resync();
    await settle();
    expect(state.get("mine")).toBe(1);
    call.accept();
    await waiting;
    await settle();
    expect(state.status).toBe("synced");
  });

  test("[A5] however far ahead a frame stamps, message after message, the page's clock stays as it is", async () => {
    const rogue = new Rogue();
    await settle();
    const { mesh } = call.replica;
    let time = call.time + AHEAD / 2 - 10_000;
    for (let message = 0; message < 20; message++) {
      const entries = Array.from({ length: 2_000 }, () => {
        return { key: "k", time: (time += 1_000), writer: "p1.1" as Writer, value: 1 as never };
      });
      rogue.send({ type: "write", groups: [{ state: STATE, entries, version: 0 }] });
      await settle();
    }
    expect(mesh.clock.seen).toBeLessThanOrEqual(call.time);
    const own = new Map<StateId, Map<string, Value>>([[CALL, new Map([["active", "r1"]])], [STATE, new Map([["k", 2]])]]);
    call.replica.wrote(mesh.write(own, call.time));
    const sent = call.outgoing().flatMap(({ entries }) => entries).filter(({ writer }) => writer === ME.id);
    expect(sent.map(({ key }) => key)).toEqual(["active", "k"]);
    for (const entry of sent) expect(entry.time).toBeLessThan(call.time + AHEAD);
    expect(mesh.value(STATE, "k")).toBe(2);
  });

  test("[S16] while the page has no link to the hub, the frame is offline too, and loses nothing", async () => {
    const { state } = await open();
    await settle();
    expect(state.status).toBe("synced");
    call.cut();
    await settle();
    expect(state.status).toBe("offline");
    state.set("mine", 1);
    await settle();
    expect([state.status, state.statusOf("mine")]).toEqual(["offline", "pending"]);
    expect(call.replica.mesh.unsavedWrites().map(({ entry }) => entry.key)).toEqual(["mine"]);
    call.comeBack();
    await settle();
    expect(state.status).toBe("saving");
    call.accept();
    await settle();
    expect([state.status, state.statusOf("mine")]).toEqual(["synced", "saved"]);
  });

  test("[E10] a letter is a change like any other, and makes nothing count as saved", async () => {
    const { state } = await open();
    await settle();
    call.cut();
    state.set("mine", 1);
    await settle();
    const saved = vi.fn();
    const waiting = state.saved().then(saved);
    const { mesh } = call.replica;
    const written = (mesh.entry(STATE, "mine")?.time ?? 0) + 1_000;
    const groups = ["mine", "theirs"].map((key) => {
      return { state: STATE, entries: [{ key, time: written, writer: "p2" as Writer, value: 2 }], version: 0 };
    });
    const letter = { author: "p2", epoch: 1, open: true, write: encodeMessage({ type: "write", groups }) };
    const held = openLetter({ type: "letter", ...letter, signature: new Uint8Array(64) });
    call.replica.peers(mesh.takeIn(held));
    await settle();
    expect(state.toObject()).toEqual({ mine: 2, theirs: 2 });
    expect([state.status, saved.mock.calls.length]).toEqual(["offline", 0]);
    call.replica.peers(mesh.letLettersGo([held]));
    await settle();
    expect([state.toObject(), saved.mock.calls.length]).toEqual([{ mine: 1 }, 0]);
    call.replica.peers(mesh.takeIn(held));
    call.comeBack();
    call.accept();
    await settle();
    expect(saved).not.toHaveBeenCalled(); // the hub has said nothing of the letter yet
    call.accept(groups);
    await settle();
    await waiting;
    expect([state.status, state.toObject()]).toEqual(["synced", { mine: 2, theirs: 2 }]);
  });

  test("[S16] a frame that starts while the page has no link knows it", async () => {
    call.cut();
    const { state } = await open();
    expect(state.status).toBe("offline");
    call.comeBack();
    await settle();
    expect(state.status).toBe("synced");
  });

  test("[A2, A22] a write to anything else, in another name, far ahead or without form is not even carried to the hub, and is told its rule", async () => {
    const rogue = new Rogue();
    await settle();
    rogue.write("roster" as StateId, "p9");
    rogue.write("call" as StateId, "resource/r1");
    rogue.write(stateOf("r2" as typeof RESOURCE), "x");
    rogue.write(STATE, "x", { writer: "p1" });
    rogue.write(STATE, "x", { time: call.time + 10_000_000 });
    rogue.write(STATE, "a//b");
    rogue.write(STATE, "x", { value: NaN as never });
    await settle();
    call.link = "left";
    rogue.write(STATE, "x");
    rogue.send({ type: "ping", number: 1 });
    await settle();
    rogue.send({ type: "ping", number: rogue.bundles });
    await settle();
    expect(rogue.of("denied").map(({ reason, why }) => `${reason} ${/\(\w+\)$/u.exec(why)?.[0] ?? why}`)).toEqual([
      "no_right (A2)", "no_right (A2)", "no_right (A2)", "foreign_writer (J4)", "clock_ahead (A5)", "bad_value (S4)",
      "bad_value (S3)", "read_only (J28)",
    ]); // prettier-ignore
    expect(call.outgoing()).toEqual([]);
    expect(call.replica.mesh.clock.seen).toBeLessThanOrEqual(call.time);
  });

  test("[P1] presence is written under one's own id, and goes when the frame goes", async () => {
    const { presence } = await open();
    presence.set("cursor", [1, 2]);
    await settle();
    expect(call.outgoing()).toMatchObject([{ state: PRESENCE, entries: [{ key: "p1/cursor", value: [1, 2] }] }]);
    expect(presence.all()).toEqual(new Map([["p1", { cursor: [1, 2] }]]));
    courier.close();
    expect(call.replica.mesh.keys(PRESENCE)).toEqual([]);
  });
});

describe("the cache", () => {
  test("[A4] what is put into it is kept by the page, and there when the frame is loaded again", async () => {
    const first = await open();
    first.cache.set("zoom", 1.5).set("draft", { text: "x".repeat(1.2 * 1024 * 1024) }).set("gone", 1);
    first.cache.delete("gone");
    await settle();
    expect([...call.cache.keys()]).toEqual(["zoom", "draft"]);
    const second = await open();
    expect(second.cache.get("zoom")).toBe(1.5);
    expect([...second.cache.keys()]).toEqual(["zoom", "draft"]);
    expect(courier.ended).toBeUndefined();
  });

  test("[A4] what an older frame wrote is there too, and it is not heard any more", async () => {
    const first = await open();
    first.state.set("mine", 1);
    await settle();
    const second = await open();
    expect(second.state.get("mine")).toBe(1);
    first.state.set("mine", 2);
    second.state.set("theirs", 3);
    await settle();
    expect(call.replica.mesh.value(STATE, "mine")).toBe(1);
    expect(call.outgoing().flatMap(({ entries }) => entries.map(({ writer }) => writer))).toEqual(["p1.1", "p1.2"]);
  });
});

describe("the life of the resource", () => {
  test("[R2] handlers run one after another, after what the app does on connecting", async () => {
    const told: string[] = [];
    const slow = (event: LifeEvent) => async (resource: Resource) => {
      await Promise.resolve();
      told.push(`${event} ${resource.enabled}`);
    };
    courier.onConnect = () => {
      for (const event of ["add", "setup", "enable"] as const) courier.life(event);
    };
    await open({ add: slow("add"), setup: slow("setup"), enable: slow("enable"), disable: slow("disable") });
    told.push("connected");
    await settle();
    courier.life("disable");
    await settle();
    expect(told).toEqual(["connected", "add false", "setup false", "enable true", "disable false"]);
  });

  test("[R4] what is told last arrives though the port is closed at once", async () => {
    const removed = vi.fn();
    await open({ remove: removed });
    await settle();
    courier.life("remove");
    courier.close();
    await settle();
    expect(removed).toHaveBeenCalledOnce();
  });
});

describe("streams", () => {
  const from = "p2" as ParticipantId;
  const payload = encodeValue({ x: 1 });

  const whole = (number: number, bytes = payload, json = true) => ({ sender: from, number, json, payload: bytes });

  test("[D1] a frame sends by way of the page, and gets what comes on the streams that it has open", async () => {
    const resource = await open();
    const pen = resource.stream("pen", { mode: "latest", keep: 2 });
    const heard: unknown[] = [];
    pen.subscribe(({ data, sender }) => heard.push([data, sender]));
    await pen.send({ x: 1 }, { to: [from] });
    await resource.stream("file").send(new Uint8Array([1, 2]));
    await settle();
    expect(call.sent).toEqual([
      { name: "pen", mode: "latest", payload: { json: true, payload }, to: [from] },
      { name: "file", mode: "reliable", payload: { json: false, payload: new Uint8Array([1, 2]) }, to: undefined },
    ]);
    expect([...call.consumers].map(([name, { keep }]) => [name, keep])).toEqual([["pen", 2], ["file", 0]]);
    call.consumers.get("pen")!.receive(whole(1));
    await settle();
    call.consumers.get("pen")!.receive(whole(2, new Uint8Array([0xc1])));
    await settle();
    expect(heard).toEqual([[{ x: 1 }, from]]);
    pen.abort();
    await settle();
    expect([...call.consumers.keys()]).toEqual(["file"]);
  });

  test("[D12] an end counts no more in a frame once its sender has opened the stream again", async () => {
    const resource = await open();
    const pen = resource.stream("pen");
    await settle();
    const consumer = call.consumers.get("pen")!;
    consumer.receive(whole(1));
    consumer.ended({ sender: from, why: undefined });
    consumer.began(from);
    await settle();
    const got: unknown[] = [];
    const reading = (async () => {
      for await (const { number } of pen.of(from)) got.push(number);
    })();
    await settle();
    consumer.receive(whole(2));
    consumer.ended({ sender: from, why: undefined });
    await settle();
    await reading;
    expect(got).toEqual([1, 2]);
  });

  test("[D13] a large message of a frame arrives whole at the page, in both modes", async () => {
    const resource = await open();
    for (const mode of ["reliable", "latest"] as const) {
      const bytes = new Uint8Array(5 * MAX_PAYLOAD + 7).map((_, at) => at % 251);
      await resource.stream(mode, { mode }).send(bytes);
      for (let n = 0; n < 5; n++) await settle();
      expect(call.sent.at(-1)).toEqual({ name: mode, mode, payload: { json: false, payload: bytes }, to: undefined });
    }
  });

  test("[D14] [D15] a frame knows whom its streams reach, and how", async () => {
    const ecg = (await open()).stream("ecg");
    const row: Reach = {
      path: "direct", reads: true, buffered: 1, sent: 2, received: 3, roundTrip: 0.004, resent: 5, dropped: 6, lost: 7, late: 8,
      loss: 0.25, messagesSent: 9, messagesReceived: 10, sentRate: 11, receivedRate: 12, messagesSentRate: 13.5, messagesReceivedRate: 0.25,
    }; // prettier-ignore
    await ecg.ready();
    expect(ecg.reaches.size).toBe(0);
    call.reach.set(from, row);
    const ready = ecg.ready({ to: [from] });
    call.consumers.get("ecg")!.reachChanged();
    expect([...(await ready)]).toEqual([from]);
    expect(ecg.stats.get(from)).toEqual(row);
  });

  test("[D21] a frame says how its channels of latest deliver, once", async () => {
    const resource = await open();
    const pen = resource.stream("pen", { mode: "latest", ordered: true, maxRetransmits: 2 });
    await settle();
    expect(call.deliveries.get("pen")).toEqual({ mode: "latest", ordered: true, maxRetransmits: 2 });
    expect(resource.stream("pen")).toBe(pen);
    expect(() => resource.stream("pen", { ordered: false })).toThrow(BadValue);
    expect(() => resource.stream("ecg", { maxRetransmits: 2 })).toThrow(BadValue);
    resource.stream("ecg");
    await settle();
    expect(call.deliveries.get("ecg")).toEqual({ mode: "reliable", ordered: true, maxRetransmits: undefined });
  });

  test("[D12] closing waits for the page; a sender's end is seen, and what was lost", async () => {
    const ecg = (await open()).stream("ecg");
    const reading = (async () => {
      const got: number[] = [];
      for await (const { number } of ecg.of(from)) got.push(number);
      return got;
    })();
    await settle();
    const consumer = call.consumers.get("ecg")!;
    consumer.receive(whole(1));
    consumer.ended({ sender: from, why: undefined });
    expect(await reading).toEqual([1]);
    const rest = ecg[Symbol.asyncIterator]();
    consumer.ended({ sender: from, why: new Broken("lost") });
    await expect(rest.next()).rejects.toMatchObject({ code: "broken" });
    await ecg.close();
    await settle();
    expect([call.done, call.consumers.size]).toEqual([["ecg end"], 0]);
  });

  test("[D1] a mode that there is not is refused, and so is a listener that is none", async () => {
    const resource = await open();
    expect(() => resource.stream("x", { mode: "bad" as never })).toThrow("mode is reliable or latest");
    expect(() => resource.stream("x", { modus: "latest" } as never)).toThrow("no option modus, only mode");
    expect(() => resource.stream("x", { keep: -1 })).toThrow("keep is a number");
    expect(() => resource.stream("x", { codec: {} as never })).toThrow("a codec has the functions");
    expect(() => resource.stream("x", "latest" as never)).toThrow("options are an object");
    expect(() => resource.onAccess("edit" as never)).toThrow("fn is a function");
    expect(() => resource.onParticipants({} as never)).toThrow("fn is a function");
  });

  test("[D2] in mode reliable a frame waits while the page has no room", async () => {
    let makeRoom = (): void => undefined;
    call.room = new Promise((resolve) => (makeRoom = resolve));
    const file = (await open()).stream("file");
    let sent = 0;
    const all = (async () => {
      for (; sent < 40; sent++) await file.send(new Uint8Array(MAX_PAYLOAD));
    })();
    await settle();
    expect(call.sent.length).toBeLessThan(7);
    expect(sent).toBeLessThan(30);
    makeRoom();
    for (let n = 0; n < 10; n++) await settle();
    await all;
    expect(call.sent.length).toBe(40);
  });

  test("[D25] what a frame sends in latest waits for none of its reliable, however large", async () => {
    const resource = await open();
    call.room = new Promise(() => undefined);
    const [file, picture] = [resource.stream("file"), resource.stream("picture", { mode: "latest" })];
    for (let n = 0; n < 20; n++) void file.send(new Uint8Array(MAX_PAYLOAD));
    for (let n = 0; n < 10; n++) await settle();
    const held = call.sent.length;
    expect(held).toBeLessThan(8);
    call.room = Promise.resolve();
    for (let n = 0; n < 3; n++) {
      void picture.send(new Uint8Array(5 * MAX_PAYLOAD));
      for (let turn = 0; turn < 10; turn++) await settle();
    }
    expect(call.sent.slice(held).map(({ name }) => name)).toEqual(["picture", "picture", "picture"]);
  });

  test("[D8] a frame that is too slow for reliable holds up its senders, and nobody else", async () => {
    const resource = await open();
    const ecg = resource.stream("ecg");
    const reader = ecg[Symbol.asyncIterator]();
    await settle();
    const consumer = call.consumers.get("ecg")!;
    consumer.receive(whole(1));
    await reader.next();
    let number = 1;
    for (; consumer.takes(from) === "yes"; number++) consumer.receive(whole(number + 1, new Uint8Array(MAX_PAYLOAD), false));
    expect(number).toBeLessThan(80);
    for (let n = 0; n < 10; n++) await settle();
    expect(consumer.takes(from)).toBe("yes");
    for (let n = 0; n < 80; n++, number++) consumer.receive(whole(number + 1, new Uint8Array(MAX_PAYLOAD), false));
    for (let n = 0; n < 10; n++) await settle();
    expect(consumer.takes(from)).toBe("wait");
    for (let n = 1; n < number; n++) await reader.next();
    await settle();
    expect(consumer.takes(from)).toBe("yes");
    resource.state.set("still", "here");
    await settle();
    expect(call.replica.mesh.value(STATE, "still")).toBe("here");
  });

  test("[W9] a stream more than the page may open is refused, and it alone", async () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const resource = await open();
    call.most = 1;
    call.hubWrites(HUB_STATE, { [STREAMS]: 1 });
    const [pen, more] = [resource.stream("pen"), resource.stream("more")];
    const reading = more[Symbol.asyncIterator]().next();
    void more.send(new Uint8Array(MAX_PAYLOAD + 1)).catch(() => undefined);
    const refused = { code: "too_fast", message: expect.stringMatching(/^of the 1 streams .*limits\.streams/) as string };
    await expect(reading).rejects.toMatchObject(refused);
    await expect(more.send(1)).rejects.toMatchObject(refused);
    await expect(more.ready()).rejects.toMatchObject(refused);
    expect(warned).toHaveBeenCalledOnce();
    await pen.send(1);
    await settle();
    expect(call.sent.map(({ name }) => name)).toEqual(["pen"]);
    await pen.close();
    await settle();
    await resource.stream("more").send(2);
    await settle();
    expect(call.sent.map(({ name }) => name)).toEqual(["pen", "more"]);
  });

  /** A rogue's words: it opens streams of these names, or closes them. */
  const say = (rogue: Rogue, word: "open" | "off", names: readonly string[]): void =>
    rogue.send(
      ...names.map(
        (name): Message => ({
          type: "taken", peers: [], resource: RESOURCE, name, mode: "reliable", opened: 1, number: 0, word, came: 0, ordered: false, retransmits: 0,
        }), // prettier-ignore
      ),
    );

  const names = (kind: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${kind}${n}`);

  test("[A28] a frame opens 64 streams at once, then 8 a second, and another app suffers nothing", async () => {
    const opened = vi.spyOn(call, "openStream");
    const rogue = new Rogue();
    await settle();
    for (let round = 0; round < 10; round++) {
      say(rogue, "open", names("x", 60));
      say(rogue, "off", names("x", 60));
      await settle();
    }
    expect(opened).toHaveBeenCalledTimes(64);
    for (let second = 1; second <= 3; second++) {
      call.time += 1_000_000;
      say(rogue, "open", names(`y${second}.`, 20));
      say(rogue, "off", names(`y${second}.`, 20));
      await settle();
      expect(opened).toHaveBeenCalledTimes(64 + 8 * second);
    }
    expect(courier.ended).toBeUndefined();
    const other = new Courier(call.host);
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    other.attach(port1);
    await (await new Frame(port2, {}).ready).stream("pen").send(1);
    await settle();
    expect(call.sent.map(({ name }) => name)).toEqual(["pen"]);
    other.close();
  });

  test("[A28] it has 64 open, and is told by which rule no more; one that is closed makes room", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const resource = await open();
    const streams = names("x", 64).map((name) => resource.stream(name));
    await settle();
    call.time += 60_000_000;
    const why = (name: string): Promise<unknown> => resource.stream(name)[Symbol.asyncIterator]().next().catch((error: unknown) => error);
    expect(await why("more")).toMatchObject({ code: "too_fast", message: expect.stringMatching(/at most 64 streams open.*\(A28\)/) as string });
    streams[0]?.abort();
    await settle();
    await resource.stream("more").send(2);
    await settle();
    expect(call.sent.map(({ name }) => name)).toEqual(["more"]);
    for (const stream of streams) stream.abort();
    for (const name of names("y", 63)) resource.stream(name).abort();
    await settle();
    expect(await why("z")).toMatchObject({ code: "too_fast", message: expect.stringMatching(/at most 8 streams a second.*\(A28\)/) as string });
  });

  test("[D8] whom a frame reads apart waits for its own readers alone", async () => {
    const resource = await open();
    const reading = resource.stream("ecg").of(from);
    const first = reading.next();
    await settle();
    const consumer = call.consumers.get("ecg")!;
    const other = "p3" as ParticipantId;
    for (let number = 1; consumer.takes(other) !== "no"; number++) {
      consumer.receive({ ...whole(number, new Uint8Array(MAX_PAYLOAD), false), sender: other });
      await settle();
    }
    expect(consumer.takes(from)).toBe("yes");
    consumer.receive(whole(1));
    expect((await first).value).toMatchObject({ number: 1, sender: from });
    for (let number = 2; number < 300; number++) {
      consumer.receive(whole(number, new Uint8Array(MAX_PAYLOAD), false));
      await settle();
    }
    expect(consumer.takes(from)).toBe("wait");
    await reading.return();
    await settle();
    expect(consumer.takes(from)).toBe("no");
  });
});

describe("a bad frame", () => {
  test.each([
    ["text", "hello"],
    ["no bundle", new Uint8Array([0xc1])],
    ["a message of the hub's", bundle([encodeMessage({ type: "saved", cursor: 1 })])],
    ["a stream of another resource", bundle([
      encodeMessage({
        type: "stream", peers: [], resource: "r2", name: "pen", mode: "latest", number: 1, json: false,
        payload: new Uint8Array(), step: 1, part: 0, parts: 1,
      }),
    ])],
    ["a stream that it has not opened", bundle([
      encodeMessage({
        type: "stream", peers: [], resource: "r1", name: "pen", mode: "latest", number: 1, json: false,
        payload: new Uint8Array(), step: 1, part: 0, parts: 1,
      }),
    ])],
    ["too much at once", new Uint8Array(2 * 1024 * 1024)],
  ])("[A5] %s ends its session, and no other", async (_, rubbish) => {
    const ended = vi.fn();
    courier.onEnd = ended;
    const other = new Courier(call.host);
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    const rogue = new Rogue();
    other.attach(port1);
    const { state } = await new Frame(port2, {}).ready;
    await settle();
    rogue.port.postMessage(rubbish);
    await settle();
    expect(ended).toHaveBeenCalledOnce();
    expect(courier.ended).toMatchObject({ reconnect: false });
    rogue.write(STATE, "x");
    await settle();
    expect(call.replica.mesh.value(STATE, "x")).toBeUndefined();
    state.set("well", true);
    await settle();
    expect(call.replica.mesh.value(STATE, "well")).toBe(true);
    other.close();
  });

  test("[L1] a frame that hangs has one bundle on its way, and gets the present once when it wakes", async () => {
    const hung = new Rogue();
    await settle();
    expect(hung.bundles).toBe(1);
    for (let n = 1; n <= 500; n++) {
      call.hubWrites(STATE, { n, [`k/${n % 7}`]: n });
      if (n % 100 === 0) await settle();
    }
    expect(hung.bundles).toBe(1);
    hung.send({ type: "ping", number: 1 });
    await settle();
    expect(hung.bundles).toBe(2);
    const entries = hung.of("batch").at(-1)!.groups.flatMap((group) => group.entries);
    expect(entries).toHaveLength(8);
    expect(entries.find(({ key }) => key === "n")?.value).toBe(500);
  });

  test("[A24] one that is seen and does not answer is told of, until it does", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
    const told: boolean[] = [];
    courier.onHang = (hangs) => told.push(hangs);
    const seconds = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n++) {
        vi.advanceTimersByTime(1_000);
        await settle();
      }
    };
    const hung = new Rogue();
    hung.send({ type: "ping", number: 1 });
    await seconds(20);
    expect([told, hung.bundles]).toEqual([[], 1]); // nobody sees it
    courier.surround({ locale: "en", theme: "light", size: { width: 1, height: 1 }, visible: true });
    await settle();
    hung.send({ type: "ping", number: 2 });
    await seconds(20);
    expect([told, hung.bundles]).toEqual([[true], 3]); // asked once
    hung.send({ type: "ping", number: 3 });
    await seconds(1);
    expect(told).toEqual([true, false]);
  });
});

describe("[G30] work that would be lost with a frame", () => {
  test("is what it wrote, until the hub has taken it", async () => {
    const { state } = await open();
    expect(courier.works).toBe(false);
    state.set("x", 1);
    await settle();
    expect(courier.works).toBe(true);
    call.accept();
    expect(courier.works).toBe(false);
  });

  test("is what it fetches", async () => {
    const resource = await open();
    let answer = (): void => undefined;
    call.fetches = new Promise<void>((resolve) => (answer = resolve));
    const fetched = resource.fetch("https://a.example/");
    await settle();
    expect(courier.works).toBe(true);
    answer();
    await settle();
    await fetched;
    expect(courier.works).toBe(false);
  });

  test("is what it sends reliably and is not known to have come, and a file that comes", async () => {
    const resource = await open();
    resource.stream("pen", { mode: "latest" });
    resource.stream("chat");
    await settle();
    const stands = (buffered: number, receivedRate: number): boolean => {
      call.reach.set("p9" as ParticipantId, { ...REACH, buffered, receivedRate });
      return courier.works;
    };
    expect([stands(0, 0), stands(10, 0), stands(0, 10)]).toEqual([false, true, false]);
    call.reach.clear();
    expect(resource.files).toBeDefined();
    await settle();
    expect([stands(0, 0), stands(0, 10)]).toEqual([false, true]);
  });
});

/** `vectors/leading.json`. */
interface Leading {
  readonly views: readonly { readonly text: [string, number]; readonly code?: string }[];
  readonly leads: readonly (readonly [readonly Json[], number])[];
  readonly nobody: readonly Json[];
  readonly places: {
    readonly taken: readonly [string, number, number][];
    readonly refused: readonly [string, number, number][];
    readonly nowhere: readonly Json[];
  };
}

/** The code of the error that comes of it. */
function refusalOf(act: () => void): string | undefined {
  try {
    act();
  } catch (error) {
    return error instanceof BadInput ? error.code : String(error);
  }
  return undefined;
}

describe("services over presence", () => {
  const eve = "p9" as ParticipantId;

  beforeEach(() => call.hubWrites(ROSTER, { p9: { ...ME, id: eve, person: "u9", name: "Eve" } }));

  /** What this participant shows, as it has left by now. */
  const shown = (): Record<string, Value> =>
    Object.fromEntries(call.outgoing().flatMap(({ state, entries }) => (state === PRESENCE ? entries.map(({ key, value }) => [key, value]) : [])));

  test("[A21] who began last leads, and who led before stops", async () => {
    const { leading } = await open();
    const told = vi.fn();
    leading.subscribe(told);
    leading.lead({ page: 1 });
    expect([leading.leads, leading.follows, leading.leader]).toEqual([true, false, { id: ME.id, name: "Ada", me: true, view: { page: 1 } }]);
    await settle();
    expect(shown()).toMatchObject({ "p1/callmesh/lead": [expect.any(Number), { page: 1 }] });
    call.accept();
    call.time += 1_000_000;
    call.hubWrites(PRESENCE, { "p9/callmesh/lead": [call.time, { page: 2 }] });
    await settle();
    expect([leading.leads, leading.follows, leading.leader]).toEqual([false, true, { id: eve, name: "Eve", me: false, view: { page: 2 } }]);
    expect(shown()).toEqual({ "p1/callmesh/lead": DELETED });
    expect(told.mock.calls.map(([leader]) => (leader as { view: unknown } | undefined)?.view)).toEqual([undefined, { page: 1 }, { page: 2 }]);
    call.hubWrites(PRESENCE, { "p9/callmesh/lead": DELETED });
    await settle();
    expect([leading.leader, leading.follows]).toEqual([undefined, false]);
  });

  test("[A21] who looks elsewhere does so until somebody leads anew, also after a reload", async () => {
    call.hubWrites(PRESENCE, { "p9/callmesh/lead": [call.time, 1] });
    const { leading } = await open();
    leading.follow(false);
    expect([leading.follows, leading.leader?.view]).toEqual([false, 1]);
    await settle();
    const again = (await open()).leading;
    expect(again.follows).toBe(false);
    again.follow();
    expect(again.follows).toBe(true);
    again.follow(false);
    call.hubWrites(PRESENCE, { "p9/callmesh/lead": [call.time + 5, 2] });
    await settle();
    expect(again.follows).toBe(true);
  });

  test("[A21] rubbish, and a lead from the future, lead nobody", async () => {
    for (const value of [1, [], ["x", 1], [5], [call.time * 2, 1], null]) call.hubWrites(PRESENCE, { "p9/callmesh/lead": value });
    const { leading } = await open();
    expect(leading.leader).toBeUndefined();
    expect(() => leading.lead(undefined as never)).toThrow(BadValue);
  });

  test("[A21] what may be shown, and what that says, is the same in both languages", async () => {
    const cases = vectors<Leading>("leading");
    const { cache, leading, pointer } = await open();
    for (const { text, code } of cases.views) {
      const view = text[0].repeat(text[1]);
      expect(refusalOf(() => { leading.lead(view); })).toBe(code);
      expect([leading.leads, leading.leader?.view]).toEqual(code === undefined ? [true, view] : [false, undefined]);
      leading.stop();
    }
    await settle();
    const show = async (key: string, value: Json): Promise<void> => {
      call.hubWrites(PRESENCE, { [`p9/callmesh/${key}`]: value });
      await settle();
    };
    for (const [value, since] of cases.leads) {
      await show("lead", value);
      leading.follow(false);
      expect([leading.leader?.view, cache.get("callmesh/lead")]).toEqual([value[1], `p9 ${since}`]);
      leading.follow();
    }
    for (const value of cases.nobody) {
      await show("lead", value);
      expect([value, leading.leader]).toEqual([value, undefined]);
    }
    for (const [view, x, y] of cases.places.taken) {
      await show("point", [view, x, y]);
      expect(pointer.others).toMatchObject([{ view, x, y }]);
      pointer.at(x, y, view);
    }
    for (const [view, x, y] of cases.places.refused) expect(refusalOf(() => { pointer.at(x, y, view); })).toBe("bad_value");
    for (const place of cases.places.nowhere) {
      await show("point", place);
      expect([place, pointer.others]).toEqual([place, []]);
    }
  });

  test("[A21] where others point comes with name and colour; the newest place goes, at a bounded rate", async () => {
    call.hubWrites(PRESENCE, { "p9/callmesh/point": ["page", 1, 2.5], "p8/callmesh/point": ["page", 1, 1] });
    const { pointer } = await open();
    const told = vi.fn();
    pointer.subscribe(told);
    expect(pointer.others).toEqual([{ id: eve, name: "Eve", colour: pointer.colour(eve), view: "page", x: 1, y: 2.5 }]);
    expect(pointer.colour(eve)).not.toBe(pointer.colour());
    expect(pointer.colour(eve)).toBe("hsl(352.9 75% 45%)"); // as in Python
    for (let n = 0; n <= 50; n++) pointer.at(n, n, "page");
    await settle();
    expect(shown()).toEqual({ "p1/callmesh/point": ["page", 50, 50] });
    call.accept();
    pointer.hide();
    await settle();
    expect(shown()).toEqual({ "p1/callmesh/point": DELETED });
    call.hubWrites(PRESENCE, { "p9/callmesh/point": "rubbish" });
    await settle();
    expect(pointer.others).toEqual([]);
    expect(told.mock.calls.map(([others]) => (others as unknown[]).length)).toEqual([1, 0]);
    expect(() => pointer.at(Number.NaN, 1)).toThrow(BadValue);
  });

  test("[Y10, A8] an app that has asked for participants is told when the owner leaves and comes back", async () => {
    const resource = await open();
    const told = vi.fn();
    const stop = resource.onOwner(told);
    const ada = (here: boolean): void => call.hubWrites(ROSTER, { [ME.id]: { ...ME, here } });
    for (const here of [false, false, true]) ada(here);
    await settle();
    ada(false);
    await settle();
    call.hubWrites(ROSTER, { p8: { ...ME, id: "p8" } }); // in another tab
    await settle();
    expect([told.mock.calls, resource.ownerHere]).toEqual([[[true], [false], [true]], true]);
    stop();
    ada(true);
    call.ask();
    await settle();
    expect(() => resource.ownerHere).toThrow(Denied);
    expect(() => resource.onOwner(told)).toThrow(Denied);
    expect(told).toHaveBeenCalledTimes(3);
  });

  test("[A21, A8] an app that has not asked for participants learns no names", async () => {
    call.ask();
    call.hubWrites(PRESENCE, { "p9/callmesh/point": ["page", 1, 2], "p9/callmesh/lead": [call.time, 1] });
    const { pointer, leading } = await open();
    expect([pointer.others[0]?.name, leading.leader?.name]).toEqual(["", ""]);
  });
});

describe("how much a frame may send", () => {
  const pings = (count: number): Message[] => Array.from({ length: count }, () => ({ type: "ping", number: 0 }));

  test("[A22] a flood of messages ends that frame alone, with a sentence", async () => {
    const rogue = new Rogue();
    await settle();
    for (let n = 0; n < 19; n++) rogue.send(...pings(1_000));
    await settle();
    expect(courier.ended).toBeUndefined();
    for (let n = 0; n < 2; n++) rogue.send(...pings(1_000));
    await settle();
    expect(courier.ended).toBeInstanceOf(TooFast);
    expect(courier.ended?.message).toContain("A22");
    expect(rogue.of("error")).toMatchObject([{ code: "too_fast" }]);
    courier = new Courier(call.host); // as when somebody starts it again
    expect(await open()).toBeDefined();
  });

  test("[A22] so does one that begins anew over and over, also where each port is slow", () => {
    const ended = vi.fn();
    courier.onEnd = ended;
    for (let round = 0; round < 30; round++) attach();
    expect(ended).not.toHaveBeenCalled();
    for (let round = 0; round < 30; round++) attach();
    expect([ended.mock.calls.length, courier.ended?.code]).toEqual([1, "too_fast"]);
    attach();
    expect(courier.ended?.code).toBe("too_fast");
  });

  test("[A22] so does a flood of bytes", async () => {
    const rogue = new Rogue();
    await settle();
    const text = "x".repeat(900_000);
    for (let n = 0; n < 200 && courier.ended === undefined; n++) {
      rogue.send({ type: "cache", items: [["k", text]] });
      await settle();
    }
    expect(courier.ended).toBeInstanceOf(TooFast);
  });

  test("[A22] as many messages as ten streams at 250 Hz and presence at 60 Hz are, for as long as you like, are far below it", async () => {
    const rogue = new Rogue();
    await settle();
    for (let second = 0; second < 20; second++) {
      for (let part = 0; part < 3; part++) rogue.send(...pings(860)); // 2,500 of streams, 60 of presence, and answers
      await settle();
      call.time += 1_000_000;
    }
    expect(courier.ended).toBeUndefined();
  });
});
