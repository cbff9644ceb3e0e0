import { afterEach, describe, expect, test } from "vitest";

import type { Resource } from "../src/resource.ts";
import { MemoryHub, type Manifest, type MemoryHubOptions } from "../src/testing.ts";

const POLL: Manifest = {
  id: "poll",
  name: "Poll",
  version: "1.0.0",
  capabilities: ["streams", "participants"],
  keys: [
    { key: "votes/{person}", read: ["everyone"] },
    { key: "secret", read: ["host"] },
    { key: "first", write: ["everyone"], change: [] },
  ],
  state: { version: 1, defaults: { question: "Where?" } },
};

const hubs: MemoryHub[] = [];

function open(options: MemoryHubOptions = {}): MemoryHub {
  const hub = new MemoryHub(options);
  hubs.push(hub);
  return hub;
}

afterEach(() => {
  for (const hub of hubs.splice(0)) hub.close();
});

async function three(hub: MemoryHub): Promise<[Resource, Resource, Resource]> {
  return [await hub.join("Ada"), await hub.join("Bob", { role: "guest" }), await hub.join("Cem", { role: "observer" })];
}

describe("[T8] a call in memory", () => {
  test("all share one State, and who comes late has it", async () => {
    const hub = open({ manifest: POLL });
    const ada = await hub.join("Ada");
    ada.state.set("title", "Lunch");
    await ada.state.saved();
    const bob = await hub.join("Bob", { role: "guest" });
    expect(bob.state.toObject()).toEqual({ title: "Lunch", question: "Where?" });
    expect([bob.me.name, bob.me.role, bob.owner, bob.title]).toEqual(["Bob", "guest", ada.me.person, "Poll"]);
    bob.state.set("title", "Dinner");
    await hub.settled();
    expect(ada.state.get("title")).toBe("Dinner");
    expect([...ada.participants.values()].map(({ name }) => name)).toEqual(["Ada", "Bob"]);
  });

  test("roles, access and the key rules of the manifest hold", async () => {
    const hub = open({ manifest: POLL });
    const [ada, bob, cem] = await three(hub);
    ada.state.set("secret", 1);
    await hub.settled();
    expect([ada, bob, cem].map(({ state }) => state.has("secret"))).toEqual([true, false, false]);
    const own = `votes/${bob.me.person}`;
    expect([bob.state.canWrite(own), ada.state.canWrite(own), cem.state.canWrite("x")]).toEqual([true, false, false]);
    ada.state.set(own, "no");
    await expect(ada.state.saved()).rejects.toMatchObject({ reason: "no_right" });
    hub.setAccess("guest", "view");
    await hub.settled();
    expect([bob.access, bob.state.canWrite(own)]).toEqual(["view", false]);
    hub.setRole(bob.me.person, "host");
    await hub.settled();
    expect([bob.me.role, bob.access, bob.state.get("secret")]).toEqual(["host", "edit", 1]);
  });

  test("the seed says whose message comes first: who may write once, the other not any more", async () => {
    const winner = async (seed: number): Promise<string> => {
      const hub = open({ manifest: POLL, seed });
      const [ada, bob] = await three(hub);
      for (const { state, me } of [ada, bob]) state.set("first", me.name);
      await hub.settled();
      const there = JSON.stringify(ada.state.get("first"));
      expect(JSON.stringify(bob.state.get("first"))).toBe(there);
      return there;
    };
    const first = await Promise.all([1, 2, 3, 4, 5, 6].map(winner));
    expect(new Set(first).size).toBe(2);
    expect(await Promise.all([1, 2, 3, 4, 5, 6].map(winner))).toEqual(first);
  });

  test("who is cut off works on, and comes back by themselves", async () => {
    const hub = open();
    const [ada, bob] = await three(hub);
    const mend = await hub.partition(bob);
    expect(bob.state.status).toBe("offline");
    ada.state.set("a", 1);
    bob.state.set("b", 2);
    await hub.settled();
    expect([ada.participants.get(bob.me.id)?.here, ada.state.has("b"), bob.state.has("a")]).toEqual([false, false, false]);
    mend();
    await hub.settled();
    expect([ada.state.toObject(), bob.state.status]).toEqual([bob.state.toObject(), "synced"]);
    expect(ada.state.toObject()).toEqual({ a: 1, b: 2 });
  });

  test("who is slow is heard, and hears nothing; what is not in step is named", async () => {
    const hub = open();
    const [ada, bob, cem] = await three(hub);
    const flow = hub.slow(bob);
    bob.state.set("b", 2);
    ada.state.set("a", 1);
    await expect(hub.settled({ timeout: 200 })).rejects.toThrow("not in step after 0.2 s: Bob");
    expect([cem.state.toObject(), bob.state.toObject()]).toEqual([{ a: 1, b: 2 }, { b: 2 }]); // prettier-ignore
    flow();
    await hub.settled();
    expect(bob.state.toObject()).toEqual({ a: 1, b: 2 });
  });

  test("a hub that starts anew has what it has saved, and presence comes back", async () => {
    const hub = open();
    const [ada, bob] = await three(hub);
    ada.state.set("a", 1);
    ada.presence.set("at", "home");
    await hub.settled();
    hub.restart();
    bob.state.set("b", 2);
    await hub.settled();
    expect(ada.state.toObject()).toEqual({ a: 1, b: 2 });
    expect(bob.presence.of(ada.me.id)).toEqual({ at: "home" });
    hub.leave(ada);
    await hub.settled();
    expect([bob.presence.all().size, bob.participants.size]).toEqual([0, 2]);
    expect((await hub.join("Dan")).state.toObject()).toEqual({ a: 1, b: 2 });
  });

  test("handlers are told as in a call: who adds, who reloads, who is shut out", async () => {
    const hub = open();
    const told: string[] = [];
    const note = (name: string) => {
      const events = ["add", "setup", "enable", "disable", "remove"] as const;
      return Object.fromEntries(events.map((event) => [event, () => void told.push(`${name} ${event}`)]));
    };
    const ada = await hub.join("Ada", { handlers: note("ada") });
    ada.cache.set("draft", "x");
    await hub.settled();
    const bob = await hub.join("Bob", { role: "guest", handlers: note("bob") });
    await hub.settled();
    const again = await hub.reload(ada, note("ada"));
    await hub.settled();
    expect(again.cache.get("draft")).toBe("x");
    hub.setAccess(bob.me.person, "hidden");
    await hub.settled();
    expect(told.join(", ")).toBe("ada add, ada setup, ada enable, bob setup, bob enable, ada setup, ada enable, bob disable, bob remove");
  });

  test("streams reach the others, each in its mode", async () => {
    const hub = open();
    const [ada, bob, cem] = await three(hub);
    const got: unknown[] = [];
    const bobs = bob.stream("pen");
    bobs.subscribe(({ data, sender }) => void got.push([data, sender]));
    cem.stream("pen");
    const pen = ada.stream("pen");
    await pen.ready({ to: [bob.me.id] });
    const flow = hub.slow(bob);
    for (const data of [1, 2, 3]) await pen.send(data, { to: [bob.me.id] });
    flow();
    await hub.settled();
    expect(got).toEqual([1, 2, 3].map((data) => [data, ada.me.id]));
    const seen: unknown[] = [];
    bob.stream("pointer", { mode: "latest" }).subscribe(({ data }) => void seen.push(data));
    const pointer = ada.stream("pointer", { mode: "latest" });
    await pointer.ready({ to: [bob.me.id] });
    const mend = await hub.partition(bob);
    for (let data = 0; data < 9; data++) {
      await pointer.send(data);
      await hub.settled(); // each leaves alone
    }
    mend();
    await hub.settled();
    expect(seen).toEqual([8]);
  });

  test("[D12] a stream that is opened again has another end", async () => {
    const hub = open();
    const [ada, bob] = await three(hub);
    const heard = bob.stream("one");
    const before = ada.stream("one");
    await before.ready({ to: [bob.me.id] });
    await before.send("before");
    await before.close();
    await hub.settled();
    const again = ada.stream("one");
    await again.ready({ to: [bob.me.id] });
    await hub.settled();
    const got: unknown[] = [];
    const reading = (async () => {
      for await (const { data } of heard.of(ada.me.id)) got.push(data);
    })();
    await again.send("after");
    await again.close();
    await reading;
    expect(got).toEqual(["before", "after"]);
  });

  test("streams end: by their sender, and when the sender leaves", async () => {
    const hub = open();
    const [ada, bob, cem] = await three(hub);
    const read = async (name: string): Promise<string> => {
      const data: unknown[] = [];
      try {
        for await (const message of bob.stream(name).of(ada.me.id)) data.push(message.data);
        return JSON.stringify(data);
      } catch (error) {
        return `${JSON.stringify(data)} ${(error as Error).message}`;
      }
    };
    cem.stream("one");
    const [one, two] = [read("one"), read("two")];
    for (const name of ["one", "two"]) {
      const stream = ada.stream(name);
      await stream.ready({ to: [bob.me.id] });
      await stream.send(name);
    }
    await ada.stream("one").close();
    expect(await one).toBe('["one"]');
    await hub.settled();
    hub.leave(ada);
    expect(await two).toContain('["two"] the sender did not end this stream');
  });

  test("files are offered, and come whole", async () => {
    const hub = open();
    const [ada, bob] = await three(hub);
    const came = new Promise<Blob>((resolve, reject) => {
      bob.files.onOffer((offer) => void offer.blob().then(resolve, reject));
    });
    await hub.settled(); // now they know each other, and what is open
    const sent = await ada.files.send(new Uint8Array(300_000).fill(7), { name: "map.png", to: [bob.me.id] });
    const blob = await came;
    expect([blob.size, new Uint8Array(await blob.arrayBuffer())[299_999]]).toEqual([300_000, 7]);
    await sent.done();
  });

  test("what its manifest does not ask for is denied, and what is wrong in one is said", async () => {
    const hub = open({ manifest: { id: "notes", name: "Notes", version: "1" } });
    const ada = await hub.join("Ada");
    expect(() => ada.stream("pen")).toThrow('add "streams" to "capabilities"');
    expect(() => open({ manifest: { ...POLL, capabilities: ["stream"] } })).toThrow("asks for stream; the words are streams,");
    expect(() => open({ manifest: { ...POLL, keys: [{ key: "a", write: ["me"] }] } })).toThrow("the rule for a in the manifest of poll says me");
    expect(() => hub.slow({ me: { ...ada.me, id: "p9" as never } })).toThrow("Ada is not in this call");
  });

  test("an app of a later version brings the State to it", async () => {
    const hub = open({ manifest: { ...POLL, state: { version: 2, defaults: { count: "1" } } } });
    const migrate = { 2: (w: { get(key: string): unknown; set(key: string, value: number): void }) => w.set("count", Number(w.get("count"))) };
    const ada = await hub.join("Ada", { handlers: { version: 2, migrate } });
    await hub.settled();
    expect(ada.state.get("count")).toBe(1);
  });
});
