// A poll. What everybody shares is in the state:
//   question       the text
//   options/<id>   an answer's text
//   votes/<person> the id of the answer this person chose: a person has one key, so one vote
//   closed         true when nobody may vote any more
// Who may write which of these stands in manifest.json, and the hub checks it.
// What is mine alone, the draft of a question, is in the cache: it is still there after a reload.

import { connect } from "callmesh/app";

import { inOrder, newId } from "./answers.js";

const MOST_ANSWERS = 12;

const resource = await connect({
  // Once, on the participant who adds the poll.
  add({ state }) {
    if (!state.has("question")) {
      state.update({ question: "Do you agree?", "options/1": "Yes", "options/2": "No" });
    }
  },
});
const { state, cache, me } = resource;
// As things stand: a host may change who may do what here at any moment.
const mayVote = () => state.canWrite(`votes/${me.person}`);
const mayEdit = () => state.canWrite("question");

const find = (id) => document.getElementById(id);

find("most").textContent = `at most ${MOST_ANSWERS}`;
state.subscribe(show);
resource.onAccess(show);
showEditor();

find("vote").onchange = ({ target }) => write({ [`votes/${me.person}`]: target.value });
find("close").onclick = () => write({ closed: state.get("closed") ? undefined : true });
find("edit").onclick = () => {
  keepDraft({ question: state.get("question") ?? "", answers: options() });
  showEditor();
  find("draft-question").focus();
};

/** Write, and wait until the hub has it on its disk. What the hub denies is undone by itself. */
async function write(values) {
  try {
    state.update(values);
    await state.saved();
    tell("");
  } catch (error) {
    tell(
      error.code === "timed_out"
        ? "Not saved yet: there is no connection. It is kept, and saved once you are back."
        : `This was not allowed: ${error.message}.`,
    );
  }
}

function tell(problem) {
  find("problem").hidden = problem === "";
  find("problem").textContent = problem;
}

// --- the poll

/** The answers as `[id, text]`, in order. */
function options() {
  const entries = state.entries().filter(([key]) => key.startsWith("options/"));
  return inOrder(entries.map(([key, text]) => [key.slice("options/".length), String(text)]));
}

/** How many votes each answer has. */
function count() {
  const counts = new Map(options().map(([id]) => [id, 0]));
  for (const [key, id] of state.entries()) {
    if (key.startsWith("votes/") && counts.has(id)) counts.set(id, counts.get(id) + 1);
  }
  return counts;
}

function show() {
  const counts = count();
  const total = [...counts.values()].reduce((sum, votes) => sum + votes, 0);
  const closed = state.get("closed") === true;

  find("question").textContent = state.get("question") ?? "";
  find("vote").querySelector("fieldset").disabled = closed || !mayVote();
  const words = [votes(total), closed ? "this poll is closed" : !mayVote() && "you may look, and not vote"];
  find("total").textContent = words.filter(Boolean).join(" · ");
  find("close").textContent = closed ? "Open again" : "Close poll";
  find("manage").hidden = !mayEdit();

  const rows = options().map(([id, text]) => {
    const row = document.getElementById(`option-${id}`) ?? newRow(id);
    showRow(row, text, counts.get(id), total, state.get(`votes/${me.person}`) === id);
    return row;
  });
  keepInOrder(find("options"), rows);
  chooseForm();
}

function newRow(id) {
  const row = find("option").content.firstElementChild.cloneNode(true);
  row.id = `option-${id}`;
  row.querySelector("input").value = id;
  return row;
}

function showRow(row, text, got, total, mine) {
  const percent = total ? Math.round((100 * got) / total) : 0;
  row.querySelector("input").checked = mine;
  row.querySelector(".text").textContent = text;
  row.querySelector(".mine").hidden = !mine;
  row.querySelector(".count").textContent = `${votes(got)} · ${percent} %`;
  row.querySelector(".bar span").style.width = `${percent}%`;
}

function votes(n) {
  return n === 1 ? "1 vote" : `${n} votes`;
}

/** Put the rows into the box, moving only what is out of place: a moved row loses the focus. */
function keepInOrder(box, rows) {
  for (const old of [...box.children]) if (!rows.includes(old)) old.remove();
  rows.forEach((row, place) => {
    if (box.children[place] !== row) box.insertBefore(row, box.children[place] ?? null);
  });
}

// --- editing the question

function keepDraft(draft) {
  cache.set("draft", draft);
}

function draftInForm() {
  const rows = [...find("answers").children];
  return {
    question: find("draft-question").value,
    answers: rows.map((row) => [row.dataset.answer, row.querySelector("input").value]),
  };
}

function showEditor() {
  const draft = cache.get("draft");
  find("draft-question").value = draft?.question ?? "";
  find("answers").replaceChildren(...(draft?.answers ?? []).map(answerRow));
  find("more").disabled = draft?.answers.length >= MOST_ANSWERS;
  find("most").hidden = !find("more").disabled;
  chooseForm();
}

function chooseForm() {
  const editing = mayEdit() && cache.has("draft");
  find("editor").hidden = !editing;
  find("vote").hidden = editing || !state.has("question");
}

function answerRow([id, text], place) {
  const row = find("answer").content.firstElementChild.cloneNode(true);
  row.dataset.answer = id;
  const input = row.querySelector("input");
  input.value = text;
  input.setAttribute("aria-label", `Answer ${place + 1}`);
  row.querySelector("button").setAttribute("aria-label", `Remove answer ${place + 1}`);
  row.querySelector("button").onclick = () => {
    row.remove();
    keepDraft(draftInForm());
    showEditor();
    find("more").focus();
  };
  return row;
}

find("editor").oninput = () => keepDraft(draftInForm());

find("more").onclick = () => {
  const draft = draftInForm();
  if (draft.answers.length >= MOST_ANSWERS) return;
  draft.answers.push([newId(), ""]);
  keepDraft(draft);
  showEditor();
  find("answers").lastElementChild.querySelector("input").focus();
};

find("cancel").onclick = () => endEditing();

find("save").onclick = () => save();
find("editor").onkeydown = ({ key, target }) => {
  if (key === "Enter" && target.matches("input")) save();
};

function save() {
  const { question, answers } = draftInForm();
  const given = answers.filter(([, text]) => text.trim() !== "");
  if (question.trim() === "" || given.length < 2) {
    return tell("A poll needs a question and at least two answers.");
  }
  const values = { question: question.trim() };
  for (const [id] of options()) values[`options/${id}`] = undefined; // deletes, unless set below
  for (const [id, text] of given) values[`options/${id}`] = text.trim();
  endEditing();
  void write(values); // one transaction: nobody sees the new question with the old answers
}

function endEditing() {
  cache.delete("draft");
  showEditor();
  find("edit").focus();
}
