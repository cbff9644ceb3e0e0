import { BadName, Denied, EndedByPeer, Replaced, Restarting, TimedOut, Unauthorized, WireError } from "@callmesh/core";
import { describe, expect, test } from "vitest";

import { inviteLink, linkTrouble, readAddress } from "../src/address.ts";
import { asksOf, iconOf, numberedTitle, translated, type App, type Told } from "../src/catalog.ts";
import { hue, initials } from "../src/person.ts";
import { LANGUAGES, speak, type Language } from "../src/say.ts";
import { addressProblem, callProblem, endProblem, joinProblem, roleWords, stopProblem } from "../src/words.ts";

function address(path: string, hash = "") {
  return readAddress({ origin: "https://clinic.example", pathname: path, hash });
}

describe("the address of the page", () => {
  test("at the top of a host", () => {
    expect(address("/call/ward-3")).toEqual({
      hub: "https://clinic.example",
      call: "ward-3",
      url: "https://clinic.example/call/ward-3",
      role: undefined,
      token: undefined,
    });
  });

  test("under a prefix, with a slash at the end", () => {
    const { hub, url } = address("/team/calls/call/ward-3/");
    expect(hub).toBe("https://clinic.example/team/calls");
    expect(url).toBe("https://clinic.example/team/calls/call/ward-3");
  });

  test("a prefix that is called call", () => {
    expect(address("/call/call/demo")).toMatchObject({ hub: "https://clinic.example/call", call: "demo" });
  });

  test("the fragment says as whom, and only in words that are known", () => {
    expect(address("/call/a", "#role=observer&token=abc")).toMatchObject({ role: "observer", token: "abc" });
    expect(address("/call/a", "#role=king")).toMatchObject({ role: undefined, strangeRole: "king" });
    expect(address("/call/a", "#role=").strangeRole).toBeUndefined();
  });

  test("a token may call its bearer by name; rubbish calls nobody anything", () => {
    const claims = btoa(String.fromCharCode(...new TextEncoder().encode('{"name":"Åsa ÿ?"}')));
    const token = `e30.${claims.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}.x`;
    expect(address("/call/a", `#token=${token}`)).toMatchObject({ token, name: "Åsa ÿ?" });
    for (const rubbish of ["x", "a.b.c", "..", "e30.e30.x", "e30.W10.x", "e30.MQ.x", "e30.bnVsbA.x", "e30.eyJuYW1lIjoxfQ.x"]) {
      expect(address("/call/a", `#token=${rubbish}`)).toMatchObject({ token: rubbish, name: undefined });
    }
  });

  test("the lobby says as whom one joins, and that a role is unknown", () => {
    expect(roleWords(address("/call/a"))).toBeUndefined(); // a hub that wants an invitation lets in nobody so
    expect(roleWords(address("/call/a", "#role=guest"))).toBe("You join as a guest.");
    expect(roleWords(address("/call/a", "#role=observer"))).toMatch(/as an observer/);
    expect(addressProblem(address("/call/a", "#role=guest"))).toBeUndefined();
    expect(addressProblem(address("/call/a", "#role=king"))).toMatch(/“king”/);
  });

  test("what is wrong with a link that was refused is told from the link", async () => {
    const trouble = (claims: object) => linkTrouble(address("/call/a", `#token=e30.${btoa(JSON.stringify(claims))}.x`), 1_000);
    expect(linkTrouble(address("/call/a", "#role=host"), 1_000)).toBe("none");
    expect(linkTrouble(address("/call/a", "#token=e30.e3"), 1_000)).toBe("cut");
    expect(trouble({ call: "b", exp: 2_000 })).toBe("elsewhere");
    expect(trouble({ call: "a", exp: 1_000 })).toBe("late");
    expect(trouble({ call: "a", exp: 1_001 })).toBe("other");
    const error = new Unauthorized("this invitation is not valid yet");
    for (const tag of Object.keys(LANGUAGES) as Language[]) {
      await speak(tag);
      const said = (["none", "cut", "elsewhere", "late", "other"] as const).map((link) => joinProblem(error, link));
      expect(new Set(said).size).toBe(5);
    }
    await speak("en");
  });

  test("an invitation is for a guest, whoever sends it", () => {
    expect(inviteLink(address("/call/a", "#role=host&token=mine"))).toBe("https://clinic.example/call/a#role=guest");
  });
});

const A: Told = {
  id: "a", name: "A", version: "1", description: "an app", entry: "i.html", icon: "i.svg", state: 1, base: "/apps/a/",
  add: ["host"], size: { width: 0, height: 0 }, capabilities: [], hosts: [], python: false, languages: {}, afterwards: false,
}; // prettier-ignore

test.each([
  [["de-AT", "fr"], "Notizen", "an app"],
  [["pt-BR", "de"], "Notas do Brasil", "um app"],
  [["pt-PT", "de"], "Notizen", "an app"],
  [["en-GB", "de"], "A", "an app"],
  [["fr"], "A", "an app"],
])("[A9] an app is called as the reader speaks: %s", (wanted, name, description) => {
  const languages = { de: { name: "Notizen", description: "" }, "pt-BR": { name: "Notas do Brasil", description: "um app" } };
  expect(translated({ ...A, languages }, wanted)).toMatchObject({ name, description });
});

test("[G9] what an app asks for is said in plain words, in every language", async () => {
  const hosts = ["https://api.example.org", "wss://*.example.org:8443"];
  const asks = { hosts, capabilities: ["files", "participants", "fetch", "documents", "streams"], python: true };
  expect(asksOf({ hosts: [], capabilities: [], python: false })).toEqual([]);
  expect(asksOf({ ...asks, capabilities: ["files", "participants"], python: false })).toEqual([
    "Talks to: api.example.org, *.example.org:8443", "Sends files", "Sees who is here",
  ]); // prettier-ignore
  const said: string[] = [];
  for (const tag of Object.keys(LANGUAGES) as Language[]) {
    await speak(tag);
    expect(asksOf(asks)[0]).toContain("api.example.org, *.example.org:8443");
    said.push(...asksOf(asks));
  }
  expect(new Set(said).size).toBe(7 * Object.keys(LANGUAGES).length);
  await speak("en");
});

describe("titles of resources", () => {
  test("the first has the app's name, the others are numbered", () => {
    expect(numberedTitle("Poll", [])).toBe("Poll");
    expect(numberedTitle("Poll", ["Poll"])).toBe("Poll 2");
    expect(numberedTitle("Poll", ["Poll 2", "Vitals"])).toBe("Poll 3");
    expect(numberedTitle("Poll", ["Poll results", "Poll 2b", "Polls"])).toBe("Poll");
  });

  test("an icon lies in the app's folder", () => {
    const app: App = { ...A, ownName: A.name };
    expect(iconOf(app)).toBe("/apps/a/i.svg");
    expect(iconOf({ ...app, icon: "" })).toBeUndefined();
    expect(iconOf(undefined)).toBeUndefined();
  });
});

describe("participants without a picture", () => {
  test("initials", () => {
    expect(initials("Amara Okafor")).toBe("AO");
    expect(initials("  Dr. Lena van Brandt ")).toBe("DB");
    expect(initials("ecg")).toBe("E");
    expect(initials("Ada (2)")).toBe("A2");
    expect(initials("😀 Ada")).toBe("😀A");
    expect(initials("")).toBe("");
  });

  test("colours stay, and differ for neighbours", () => {
    expect(hue("u1abc")).toBe(hue("u1abc"));
    const hues = ["u1", "u2", "u3"].map(hue);
    expect(new Set(hues).size).toBe(3);
    for (const value of hues) expect(value >= 0 && value < 360).toBe(true);
  });
});

describe("words", () => {
  test("why an app has stopped, in its own words where it has some", () => {
    const own = new EndedByPeer("could not be brought to its new version: the count is missing");
    expect(stopProblem("Counter", own)).toMatch(/^“Counter” could not be brought to its new version: the count is missing\. Start/);
    expect(stopProblem("Counter", new EndedByPeer("x".repeat(1_000))).length).toBeLessThan(400);
    expect(stopProblem("Counter", new WireError("no tag"))).toContain("did something that an app may not do");
  });

  test("every problem is a sentence that says what to do", () => {
    expect(joinProblem(new BadName("x"))).toMatch(/Check your name/);
    expect(joinProblem(new TimedOut("x"))).toMatch(/Check your connection/);
    expect(joinProblem(new Restarting("x"))).toMatch(/in a few seconds/);
    expect(joinProblem(new Error("odd."))).toBe("Joining failed: odd. Try again, or load the page once more.");
    expect(endProblem(new Replaced("x"))).toMatch(/somewhere else/);
    expect(endProblem(new EndedByPeer("x"))).toBe("The call ended here: x. You can join again.");
    expect(endProblem(new Unauthorized("you were away for too long; join again"))).toBe(
      "The call ended here: you were away for too long; join again.",
    );
    expect(callProblem(new Denied("no_right", "observers change nothing"))).toBe(
      "Not allowed: observers change nothing.",
    );
    // [L8]
    expect(callProblem(new Denied("read_only", "the hub cannot save at the moment; what was saved is safe (L8)"))).toBe(
      "The hub cannot save at the moment; what was saved is safe.",
    );
  });
});
