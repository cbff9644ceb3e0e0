import type { Call, HalfTrouble, Hosting, Left, Noted, Waiting } from "@callmesh/client";
import { CallOver, Declined, Denied, Removed, TimedOut, type Participant, type PersonId } from "@callmesh/core";
import { beforeEach, describe, expect, test } from "vitest";

import { EVERYBODY, Hosts } from "../src/hosts.ts";
import { heirs, isOnlyHost, peopleIn } from "../src/people.ts";
import { callProblem, commandProblem, farewell, halfWords, knockWords, removalWords } from "../src/words.ts";

/** As much of `call.hosting` as the page looks at. Its commands are answered by hand. */
class FakeHosting {
  waiting: Waiting[] = [];
  noted: Noted[] = [];
  left: Left[] = [];
  halves: HalfTrouble[] = [];
  waitingArea: boolean | undefined;
  locked = false;
  readonly asked: { resolve: () => void; reject: (reason: Error) => void }[] = [];

  admit = (): Promise<void> => new Promise((resolve, reject) => this.asked.push({ resolve, reject }));
  end = this.admit;
  setWaitingArea = this.admit;
}

function knock(name: string, held = false): Waiting {
  return { id: `p-${name}`, person: `u-${name}`, name, role: "guest", since: 1, held, words: "" } as unknown as Waiting;
}

let hosting: FakeHosting;
let hosts: Hosts;

beforeEach(() => {
  hosting = new FakeHosting();
  hosts = new Hosts({ hosting: hosting as unknown as Hosting } as unknown as Call);
});

function see(...waiting: Waiting[]): string[] {
  hosting.waiting = waiting;
  hosts.mirror();
  return hosts.news.value.map(({ name }) => name);
}

describe("who waits", () => {
  test("[J19] is news until it was looked at, was asked to wait, or went; who comes again is news again", () => {
    expect(see(knock("Bob"))).toEqual(["Bob"]);
    hosts.look();
    expect(see(knock("Bob"), knock("Cy"))).toEqual(["Cy"]);
    expect(see(knock("Bob"), knock("Cy", true))).toEqual([]);
    expect(see(knock("Cy", true))).toEqual([]);
    expect(see(knock("Bob"))).toEqual(["Bob"]);
    expect(hosts.waiting.value).toHaveLength(1);
  });

  test("[J29] is no news while the call is locked", () => {
    hosting.locked = true;
    expect(see(knock("Bob"))).toEqual([]);
    hosting.locked = false;
    expect(see(knock("Bob"))).toEqual(["Bob"]);
  });

  test("[J20] kept out are those who were removed, not all to whom a role was given", () => {
    const noted = (name: string, removed: number) => ({ person: `u-${name}`, name, role: undefined, removed, banned: false });
    hosting.noted = [noted("Dee", 0), noted("Eve", 5)] as unknown as Noted[];
    hosts.mirror();
    expect(hosts.keptOut.value.map(({ name }) => name)).toEqual(["Eve"]);
  });
});

describe("Python halves", () => {
  const trouble = (failures: number, again = 0): HalfTrouble =>
    ({ resource: "r1", app: "Timer", failures, again, error: "ValueError: no" }) as unknown as HalfTrouble;

  test("[Y6] what fails is news until it was looked at, and again when it had recovered", () => {
    const news = (...halves: HalfTrouble[]): number => {
      hosting.halves = halves;
      hosts.mirror();
      return hosts.troubles.value.length;
    };
    expect(news(trouble(1))).toBe(1);
    hosts.lookAtHalves();
    expect(news(trouble(2))).toBe(0);
    expect(news()).toBe(0);
    expect(news(trouble(1))).toBe(1);
  });

  test("[Y6] hosts are told which app it is, how often it failed, when it is tried again, and the error", () => {
    expect(halfWords(trouble(0), "Timer")).toBe("The program of Timer does not run: ValueError: no");
    expect(halfWords(trouble(1), "Talk")).toBe("The program of Timer, “Talk” has failed once. ValueError: no");
    expect(halfWords(trouble(3, 60_000_000), "Timer")).toMatch(/^The program of Timer has failed 3 times. Next try at .*\d\d.*\. ValueError: no$/);
  });

  test("[Y3] a half is a program of an app, and nobody to hand over to", () => {
    const half = { id: "p2", person: "u2", name: "Timer", role: "guest", offers: [], here: true, half: "r1" } as unknown as Participant;
    const people = peopleIn([half], undefined);
    expect(people).toMatchObject([{ name: "Timer", half: true }]);
    expect(heirs(people)).toEqual([]);
  });
});

describe("commands", () => {
  test("[J21] busy until answered, about the person alone; about everybody is about each", async () => {
    const admitting = hosts.run("u-Bob", (h) => h.admit("u-Bob" as PersonId));
    expect([hosts.isBusy("u-Bob"), hosts.isBusy("u-Cy")]).toEqual([true, false]);
    const all = hosts.run(EVERYBODY, (h) => h.admit());
    expect(hosts.isBusy("u-Cy")).toBe(true);
    hosting.asked[1]?.resolve();
    expect([await all, hosts.isBusy("u-Bob"), hosts.isBusy("u-Cy")]).toEqual([true, true, false]);
    hosting.asked[0]?.reject(new Denied("nobody", "this person does not wait any more"));
    expect([await admitting, hosts.isBusy("u-Bob")]).toEqual([false, false]);
    expect(hosts.problem.value).toBe("This person does not wait any more.");
    void hosts.run("u-Bob", (h) => h.admit("u-Bob" as PersonId));
    expect(hosts.problem.value).toBeUndefined();
  });

  test("[J18, J21, J22] what was not done is said in words, and what to do", async () => {
    const setting = hosts.setWaitingArea(false);
    hosting.asked[0]?.reject(new Denied("read_only", "the hub cannot save at the moment; what was saved is safe"));
    expect([await setting, hosts.problem.value !== undefined]).toEqual([false, true]);
    expect(callProblem(new Denied("last_host", "x"))).toMatch(/only host here: make somebody else/);
    expect(callProblem(new Denied("full", "this call is full: it has 100 participants"))).toMatch(/^This call is full/);
    expect(callProblem(new Denied("no_right", "only hosts decide who is in a call"))).toBe("Not allowed: only hosts decide who is in a call.");
    expect(commandProblem(new Denied("nobody", "there is no such person in this call"))).toBe("There is no such person in this call.");
    expect(commandProblem(new TimedOut("x"))).toMatch(/try again/);
  });

  test("[J23] who ended the call is told so, whenever the answer comes", async () => {
    const ending = hosts.end();
    expect(hosts.ends).toBe(true);
    hosting.asked[0]?.reject(new CallOver("this call was ended"));
    await ending;
    expect(farewell(new CallOver("x"), { byMe: hosts.ends })).toMatchObject({ words: expect.stringMatching(/You ended it/) as string, again: "join" });
    const words = "the operator has ended this call for everybody, and no host can open it";
    expect(farewell(new CallOver(words)).words).toMatch(/^The operator has ended .* no host can open it\. If you did not/);
  });

  test("[J23] who did not succeed is not told so when somebody else ends it later", async () => {
    const ending = hosts.end();
    hosting.asked[0]?.reject(new Denied("read_only", "the hub cannot save at the moment"));
    await ending;
    expect([hosts.ends, hosts.problem.value !== undefined]).toEqual([false, true]);
  });
});

describe("words", () => {
  test("[J19, J20] who was declined may ask again, who was removed tries whether they may", () => {
    expect(farewell(new Declined("x"))).toMatchObject({ title: "You were not let in", again: "ask" });
    const removed = farewell(new Removed("a host took you out of this call"));
    expect(removed.words).toMatch(/^A host took you out of this call\. Your invitation counts no more\./);
    expect(removed.again).toBe("try");
    expect(farewell(new Removed("you cannot come"), { atDoor: true })).toMatchObject({ again: "try", words: expect.stringMatching(/No host has let you/) as string });
    expect(farewell(undefined)).toMatchObject({ title: "You left the call", again: "join" });
    expect(farewell(new Error("odd")).words).toBe("The call ended here: odd. You can join again.");
  });

  test("[J20] what removing and banning do is said before", () => {
    expect(removalWords("Eve", false)).toMatchObject({ title: "Remove Eve from the call?", words: expect.stringMatching(/need a new one/) as string });
    expect(removalWords("Eve", true)).toMatchObject({ yes: "Ban", words: expect.stringMatching(/No invitation/) as string });
  });

  test("[J18] who knocks, and what the switch does", () => {
    expect([[], ["Bob"], ["Bob", "Cy"], ["Bob", "Cy", "Dee"]].map(knockWords)).toEqual([
      "", "Bob waits to be let in", "Bob and Cy wait to be let in", "Bob and 2 others wait to be let in",
    ]);
  });
});

describe("people", () => {
  const at = (id: string, person: string, role: string, here = true, offers: string[] = ["media"]): Participant =>
    ({ id, person, name: person, role, here, offers }) as unknown as Participant;
  const ME = "ada" as PersonId;

  test("[J3] one line per person, however many tabs; here while one of them is", () => {
    const people = peopleIn([at("p1", ME, "host"), at("p2", "bob", "guest", false), at("p3", "bob", "guest")], ME);
    expect(people.map(({ person, self, here, presences }) => [person, self, here, presences.length])).toEqual([
      ["ada", true, true, 1], ["bob", false, true, 2],
    ]);
  });

  test("[J22] the only host is one beside whom no other host is there; who is away is no heir", () => {
    const people = (...others: Participant[]) => peopleIn([at("p1", ME, "host"), ...others], ME);
    expect(isOnlyHost(people(at("p2", "bob", "guest")))).toBe(true);
    expect(isOnlyHost(people(at("p2", "bob", "host")))).toBe(false);
    expect(isOnlyHost(people(at("p5", ME, "host")))).toBe(false); // another tab of theirs
    expect(isOnlyHost(people(at("p5", ME, "host", false)))).toBe(true);
    expect(isOnlyHost(people(at("p2", "bob", "host", false)))).toBe(true);
    expect(isOnlyHost(peopleIn([at("p1", ME, "guest"), at("p2", "bob", "host")], ME))).toBe(false);
    const found = heirs(people(at("p2", "bob", "guest", false), at("p3", "ecg", "guest", true, ["rtc"]), at("p4", "cy", "guest")));
    expect(found.map(({ person }) => person)).toEqual(["cy", "ecg"]);
  });
});
