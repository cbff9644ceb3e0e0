import type { Call, Quality } from "@callmesh/client";
import type { ParticipantId } from "@callmesh/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { Connections, Health } from "../src/connections.ts";
import { Speaking, Speech } from "../src/speaking.ts";

const [me, ada, bob] = ["me", "ada", "bob"] as [ParticipantId, ParticipantId, ParticipantId];
const FINE: Quality = { roundTrip: 0.05, loss: 0, relayed: false };

class FakeCall {
  readonly me = { id: me };
  readonly participants = new Map<ParticipantId, object>([me, ada, bob].map((id) => [id, {}]));
  readonly amplitudes = new Map<ParticipantId, number>();
  readonly qualities = new Map<ParticipantId, Quality>();
  readonly media = {
    hear: (id: ParticipantId) => this.amplitudes.get(id) ?? 0,
    measure: async (id: ParticipantId) => this.qualities.get(id),
  };
}

let call: FakeCall;
beforeEach(() => {
  call = new FakeCall();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("[G23] who speaks", () => {
  test("is not who coughs, and is who pauses for breath", () => {
    const speech = new Speech();
    const heard = (...levels: number[]): boolean[] => levels.map((level) => speech.hear(level, (now += 200)));
    let now = 0;
    expect(heard(0.9, 0, 0, 0.9, 0, 0)).not.toContain(true);
    expect(heard(0.9, 0.1, 0.9)).toEqual([false, false, true]);
    expect(heard(0.4, 0.4, 0, 0, 0, 0, 0)).not.toContain(false); // quieter, and a pause
    expect(heard(0, 0)).toEqual([false, false]);
    expect(heard(0.4, 0.4, 0.4)).not.toContain(true); // too quiet to begin with
  });

  test("is told of when it is another one, and then only", () => {
    const speaking = new Speaking(call as unknown as Call, () => undefined);
    const told: ParticipantId[][] = [];
    speaking.now.subscribe((now) => told.push([...now]));
    let now = 0;
    const listen = (times: number): void => {
      for (let n = 0; n < times; n++) speaking.listen((now += 200));
    };
    listen(10);
    call.amplitudes.set(ada, 0.2);
    listen(100);
    call.amplitudes.set(bob, 0.3);
    listen(100);
    call.amplitudes.delete(ada);
    listen(100);
    call.participants.delete(bob);
    listen(1);
    expect(told).toEqual([[], [ada], [ada, bob], [bob], []]);
  });

  test("is not listened for while nobody sees the page", () => {
    vi.useFakeTimers();
    const page = { hidden: true };
    vi.stubGlobal("document", page);
    const speaking = new Speaking(call as unknown as Call, () => undefined);
    const stop = speaking.start();
    call.amplitudes.set(ada, 0.3);
    vi.advanceTimersByTime(5_000);
    expect([...speaking.now.value]).toEqual([]);
    page.hidden = false;
    vi.advanceTimersByTime(5_000);
    expect([...speaking.now.value]).toEqual([ada]);
    stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("[G25] how a connection goes", () => {
  test("is poor when it is slow or loses much, more than once; and fine again likewise", () => {
    const health = new Health();
    const slow = { ...FINE, roundTrip: 0.5 };
    const lossy = { ...FINE, loss: 0.1 };
    expect([FINE, slow, FINE, slow, lossy, FINE, slow, FINE, FINE].map((one) => health.take(one))).toEqual([
      "fine", "fine", "fine", "fine", "poor", "poor", "poor", "poor", "fine",
    ]); // prettier-ignore
    expect(new Health().take({ roundTrip: undefined, loss: 0, relayed: true })).toBe("server");
  });

  test("is told of when it is otherwise, and then only", async () => {
    const connections = new Connections(call as unknown as Call);
    const told: [ParticipantId, string][][] = [];
    connections.now.subscribe((now) => told.push([...now]));
    const measure = async (): Promise<void> => {
      for (let n = 0; n < 5; n++) await connections.measure();
    };
    call.qualities.set(ada, FINE).set(bob, { ...FINE, relayed: true });
    await measure();
    call.qualities.set(ada, { ...FINE, loss: 0.2 });
    await measure();
    call.qualities.delete(ada); // no connection: then its path says more
    call.participants.delete(bob);
    await measure();
    call.media.measure = () => Promise.reject(new Error("closed just now"));
    await measure();
    expect(told).toEqual([[], [[bob, "server"]], [[ada, "poor"], [bob, "server"]], []]);
  });
});
