import { connect } from "callmesh/app";

import "./app.css";

interface Item {
  readonly text: string;
  readonly by: string;
}

const resource = await connect();
const { state, presence, cache, me } = resource;
const form = find<HTMLFormElement>("form");
const field = find<HTMLInputElement>("text");
const problem = find("problem");

function find<E extends HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}

// The state reaches everybody, and is there for who comes late. A list is a part of it.
const items = state.list("items");

function row(id: string, { text, by }: Item): HTMLElement {
  const row = document.createElement("li");
  const remove = document.createElement("button");
  row.textContent = `${text} – ${by}`;
  remove.textContent = "Remove";
  remove.setAttribute("aria-label", `Remove ${text}`);
  remove.onclick = () => items.remove(id);
  row.append(remove);
  return row;
}

state.subscribe(() => {
  const entries = items.entries() as unknown as [string, Item][];
  find("items").replaceChildren(...entries.map(([id, item]) => row(id, item)));
});

// The cache is mine alone: what I have begun to write is there again after a reload.
field.value = String(cache.get("draft") ?? "");

function wrote(): void {
  cache.set("draft", field.value);
  // Presence says what I am doing now; it is gone when I leave.
  if (field.value === "") presence.delete("writing");
  else presence.set("writing", me.name);
}

field.oninput = wrote;

form.onsubmit = (event) => {
  event.preventDefault();
  const text = field.value.trim();
  if (text === "") return;
  items.append({ text, by: me.name });
  field.value = "";
  wrote();
};

presence.subscribe(() => {
  const others = [...presence.all()].filter(([id, { writing }]) => id !== me.id && writing);
  find("writing").textContent = others.map(([, { writing }]) => `${String(writing)} is writing…`).join(" ");
});

// What the hub does not take is undone, and says why.
state.listen(({ denied }) => {
  if (denied === undefined) return;
  problem.textContent = `Not done: ${denied.message}`;
  problem.hidden = false;
});

// Who may only look changes nothing.
resource.onAccess((access) => {
  form.hidden = access !== "edit";
  document.body.classList.toggle("looks", access !== "edit");
});
