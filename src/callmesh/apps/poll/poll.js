// A poll. What everybody shares is in the state:
//   question       the text; until somebody has written one, everybody reads the first one in their own language
//   options/<id>   an answer's text; likewise
//   votes/<person> the id of the answer this person chose: a person has one key, so one vote
//   closed         true when nobody may vote any more
// Who may write which of these stands in manifest.json, and the hub checks it.
// What is mine alone, the draft of a question, is in the cache: it is still there after a reload.

import { connect } from "callmesh/app";

import { inOrder, newId } from "./answers.js";
import { WORDS } from "./words.js";

const MOST_ANSWERS = 12;

const resource = await connect();
const { state, cache, me } = resource;
let words; // in the language of who looks at it
// As things stand: a host may change who may do what here at any moment.
const mayVote = () => state.canWrite(`votes/${me.person}`);
const mayEdit = () => state.canWrite("question");

const find = (id) => document.getElementById(id);

resource.speak(WORDS, (now) => {
  words = now;
  find("most").textContent = words.most(MOST_ANSWERS);
  show();
  showEditor();
});
state.subscribe(show);
resource.onAccess(show);

find("vote").onchange = ({ target }) => write({ [`votes/${me.person}`]: target.value });
find("close").onclick = () => write({ closed: state.get("closed") ? undefined : true });
find("edit").onclick = () => {
  keepDraft({ question: question(), answers: options() });
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
    tell(error.code === "timed_out" ? words.notSaved : words.notAllowed(error.message));
  }
}

function tell(problem) {
  find("problem").hidden = problem === "";
  find("problem").textContent = problem;
}

// --- the poll

function question() {
  return state.get("question") ?? words.firstQuestion;
}

/** The answers as `[id, text]`, in order. */
function options() {
  const entries = state.entries().filter(([key]) => key.startsWith("options/"));
  if (entries.length === 0) return words.firstAnswers.map((text, place) => [String(place + 1), text]);
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

  find("question").textContent = question();
  find("vote").querySelector("fieldset").disabled = closed || !mayVote();
  const told = [words.votes(total), closed ? words.isClosed : !mayVote() && words.mayLook];
  find("total").textContent = told.filter(Boolean).join(" · ");
  find("close").textContent = closed ? words.open : words.close;
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
  row.querySelector(".mine").textContent = words.mine;
  row.querySelector(".mine").hidden = !mine;
  row.querySelector(".count").textContent = `${words.votes(got)} · ${percent} %`;
  row.querySelector(".bar span").style.width = `${percent}%`;
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
  find("vote").hidden = editing;
}

function answerRow([id, text], place) {
  const row = find("answer").content.firstElementChild.cloneNode(true);
  row.dataset.answer = id;
  const input = row.querySelector("input");
  input.value = text;
  input.setAttribute("aria-label", words.answer(place + 1));
  row.querySelector("button").textContent = words.remove;
  row.querySelector("button").setAttribute("aria-label", words.removeAnswer(place + 1));
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
  const draft = draftInForm();
  const given = draft.answers.filter(([, text]) => text.trim() !== "");
  if (draft.question.trim() === "" || given.length < 2) {
    return tell(words.needs);
  }
  const values = { question: draft.question.trim() };
  for (const [key] of state.entries()) if (key.startsWith("options/")) values[key] = undefined; // deletes, unless set below
  for (const [id, text] of given) values[`options/${id}`] = text.trim();
  endEditing();
  void write(values); // one transaction: nobody sees the new question with the old answers
}

function endEditing() {
  cache.delete("draft");
  showEditor();
  find("edit").focus();
}
