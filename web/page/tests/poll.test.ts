import { expect, test } from "vitest";

// The app is plain JavaScript without types: what it promises stands here.
interface Answers {
  newId: (now?: number) => string;
  inOrder: (answers: [id: string, text: string][]) => [id: string, text: string][];
}

const app = new URL("../../../src/callmesh/apps/poll/answers.js", import.meta.url).href;
const { inOrder, newId } = (await import(/* @vite-ignore */ app)) as Answers;
const NOW = 1_800_000_000_000;

test("two who add an answer at the same moment give it different ids", () => {
  const ids = Array.from({ length: 10 }, () => newId(NOW));
  expect(new Set(ids).size).toBeGreaterThan(8);
});

test("answers stand in the order in which they were added", () => {
  const answers: [string, string][] = [[newId(NOW + 1), "e"], ["10", "c"], ["2", "b"], [newId(NOW), "d"], ["1", "a"]];
  expect(inOrder(answers).map(([, text]) => text)).toEqual(["a", "b", "c", "d", "e"]);
});
