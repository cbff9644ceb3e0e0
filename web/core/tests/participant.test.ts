import { expect, test } from "vitest";

import { BadValue } from "../src/errors.ts";
import { mayEdit, readParticipant, ROLES } from "../src/participant.ts";

const ADA = { id: "p1", person: "u1", name: "Ada", role: "host", offers: ["rtc"], here: false };

test("a roster entry is read, what a later hub adds is passed over", () => {
  expect(readParticipant({ ...ADA, later: 1 })).toEqual(ADA);
  expect(readParticipant({ id: "p1", person: "u1", name: "", role: "guest" })).toMatchObject({ offers: [], here: true });
});

test("[Y3] a Python half is shown with its resource", () => {
  expect(readParticipant({ ...ADA, half: "r1" })).toEqual({ ...ADA, half: "r1" });
  expect(readParticipant({ ...ADA, half: "" })).toEqual(ADA);
});

test.each([null, 1, [], {}, { ...ADA, role: "king" }, { ...ADA, offers: "rtc" }, { ...ADA, offers: [1] }, { ...ADA, id: 1 }, { ...ADA, here: 1 }])(
  "%j is no participant",
  (value) => {
    expect(() => readParticipant(value)).toThrow(BadValue);
  },
);

test("[J6] observers change nothing", () => {
  expect(ROLES.filter(mayEdit)).toEqual(["host", "guest"]);
});
