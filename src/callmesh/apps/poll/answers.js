// The ids of answers. An id is never given twice: the votes for a removed answer stay in the state,
// and must not count for another one.

/** A new id: it sorts behind those given before, "1" and "2" too. */
export function newId(now = Date.now()) {
  const chance = crypto.getRandomValues(new Uint32Array(1))[0] % 36 ** 4; // two may add at the same moment
  return now.toString(36).padStart(9, "0") + chance.toString(36).padStart(4, "0");
}

/** Answers as `[id, text]`, in the order in which they were added. */
export function inOrder(answers) {
  return answers.sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1));
}
