import { expect, test } from "vitest";

import * as errors from "../src/errors.ts";
import { vectors } from "./vectors.ts";

interface Row {
  readonly name: string;
  readonly code: string;
  readonly close: number;
  readonly reconnect: boolean;
}
const { errors: rows, denials } = vectors<{ errors: Row[]; denials: string[] }>("errors");

test.each(rows)("[W6] $name is $code, $close", ({ name, code, close, reconnect }) => {
  const kind = errors[name as "CallmeshError"];
  expect([kind.code, kind.close, kind.reconnect]).toEqual([code, close, reconnect]);
  const error = errors.fromWire(code, "because");
  expect(error).toBeInstanceOf(kind);
  expect(error.constructor).toBe(kind);
  expect(error).toMatchObject({ code, close, reconnect, message: "because" });
});

test("[W6] every code and every close code leads to its error", () => {
  const codes = rows.map(({ code }) => code).filter((code) => code !== "denied");
  expect([...errors.BY_CODE.keys()].sort()).toEqual(codes.sort());
  expect(new Set(errors.BY_CLOSE.keys())).toEqual(new Set(rows.map(({ close }) => close)));
});

test("[W6] the reasons of a denial", () => {
  expect(errors.DENIALS).toEqual(denials);
  expect(new errors.Denied("full", "no room", "k")).toMatchObject({ reason: "full", message: "no room", key: "k" });
});

test("[W6] a code from a later version is a plain error", () => {
  expect(errors.fromWire("what", "later").constructor).toBe(errors.CallmeshError);
});

test("an error says its code where it is printed, also when class names were shortened", () => {
  expect(String(new errors.BadName("no"))).toBe("CallmeshError [bad_name]: no");
});
