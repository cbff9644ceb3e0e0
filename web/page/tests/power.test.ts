import { beforeEach, expect, test, vi } from "vitest";

import { Memory } from "../src/memory.ts";
import { isWeak, mostFrames, Power, thisMachine, type Machine } from "../src/power.ts";

const STRONG: Machine = { memory: 8, cores: 8, touch: false, thrifty: false, discarded: false };

let kept: Map<string, string>;

beforeEach(() => {
  kept = new Map();
  vi.stubGlobal("localStorage", { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value) });
});

test("[G31] a machine is weak that has little memory, few cores too, or saves data", () => {
  const weak = (what: Partial<Machine>): boolean => isWeak({ ...STRONG, ...what });
  expect([{ memory: 2 }, { memory: 4, cores: 4 }, { thrifty: true }].map(weak)).toEqual([true, true, true]);
  expect([{}, { memory: 4 }, { cores: 2 }, { touch: true }].map(weak)).toEqual([false, false, false, false]);
  expect(weak({ memory: undefined, cores: 2 })).toBe(false); // browsers that hide the one make up the other
});

test("[G30] the less memory there may be, the fewer apps stay loaded", () => {
  const most = (what: Partial<Machine>, saves = false): number => mostFrames({ ...STRONG, ...what }, saves);
  expect([most({}), most({ memory: undefined })]).toEqual([8, 8]);
  expect([most({ memory: 4 }), most({ touch: true })]).toEqual([4, 4]);
  expect([most({}, true), most({ discarded: true })]).toEqual([2, 2]);
});

test("[G31] what was chosen goes before what the machine is like, also in later visits", () => {
  const power = new Power(new Memory("hub"), { ...STRONG, memory: 1 });
  expect([power.saves.value, power.mostFrames.value]).toEqual([true, 2]);
  power.save(false);
  expect([power.saves.value, power.mostFrames.value]).toEqual([false, 4]);
  expect(new Power(new Memory("hub"), { ...STRONG, memory: 1 }).saves.value).toBe(false);
  power.save(true);
  expect(new Power(new Memory("hub"), STRONG).saves.value).toBe(true);
  expect(new Power(new Memory("another hub"), STRONG).saves.value).toBe(false);
});

test("a browser that tells little is taken for a strong machine", () => {
  vi.stubGlobal("navigator", { hardwareConcurrency: 2 });
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  vi.stubGlobal("document", {});
  expect(thisMachine()).toEqual({ memory: undefined, cores: 2, touch: false, thrifty: false, discarded: false });
  vi.stubGlobal("navigator", { hardwareConcurrency: 2, deviceMemory: 2, connection: { saveData: true } });
  vi.stubGlobal("document", { wasDiscarded: true });
  expect(thisMachine()).toMatchObject({ memory: 2, thrifty: true, discarded: true });
});
