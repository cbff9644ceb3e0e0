import { connect } from "callmesh/app";

const resource = await connect();
const { state, presence, cache, me } = resource;
const find = (id) => document.getElementById(id);

// The state reaches everybody, and is there for who comes late. A list is a part of it.
const items = state.list("items");

state.subscribe(() => {
  find("items").replaceChildren(
    ...items.entries().map(([id, { text, by }]) => {
      const row = document.createElement("li");
      const remove = document.createElement("button");
      row.textContent = `${text} – ${by}`;
      remove.textContent = "Remove";
      remove.setAttribute("aria-label", `Remove ${text}`);
      remove.onclick = () => items.remove(id);
      row.append(remove);
      return row;
    }),
  );
});

// The cache is mine alone: what I have begun to write is there again after a reload.
find("text").value = cache.get("draft") ?? "";

find("text").oninput = () => {
  const text = find("text").value;
  cache.set("draft", text);
  // Presence says what I am doing now; it is gone when I leave.
  if (text === "") presence.delete("writing");
  else presence.set("writing", me.name);
};

find("form").onsubmit = (event) => {
  event.preventDefault();
  const text = find("text").value.trim();
  if (text === "") return;
  items.append({ text, by: me.name });
  find("text").value = "";
  find("text").oninput();
};

presence.subscribe(() => {
  const others = [...presence.all()].filter(([id, { writing }]) => id !== me.id && writing);
  find("writing").textContent = others.map(([, { writing }]) => `${writing} is writing…`).join(" ");
});

// What the hub does not take is undone, and says why.
state.listen(({ denied }) => {
  if (!denied) return;
  find("problem").textContent = `Not done: ${denied.message}`;
  find("problem").hidden = false;
});

// Who may only look changes nothing.
resource.onAccess((access) => {
  find("form").hidden = access !== "edit";
  document.body.classList.toggle("looks", access !== "edit");
});
