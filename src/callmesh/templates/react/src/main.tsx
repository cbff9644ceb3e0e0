import { useEffect, useState, type FormEvent } from "react";
import { createRoot } from "react-dom/client";
import { connect, type Resource } from "callmesh/app";
import { useAccess, useList, usePresence } from "callmesh/react";

import "./app.css";

interface Item {
  readonly text: string;
  readonly by: string;
}

function App({ resource }: { resource: Resource }) {
  const mayEdit = useAccess(resource) === "edit";
  // The state reaches everybody, and is there for who comes late. A list is a part of it.
  const items = useList(resource.state, "items") as unknown as readonly [string, Item][];
  return (
    <div className={mayEdit ? "" : "looks"}>
      <h1>My app</h1>
      <Problem resource={resource} />
      {mayEdit && <Form resource={resource} />}
      <ul aria-label="The list">
        {items.map(([id, { text, by }]) => (
          <li key={id}>
            {text} – {by}
            <button aria-label={`Remove ${text}`} onClick={() => resource.state.list("items").remove(id)}>
              Remove
            </button>
          </li>
        ))}
      </ul>
      <Writing resource={resource} />
    </div>
  );
}

function Form({ resource: { state, presence, cache, me } }: { resource: Resource }) {
  // The cache is mine alone: what I have begun to write is there again after a reload.
  const [text, setText] = useState(String(cache.get("draft") ?? ""));
  const write = (next: string): void => {
    setText(next);
    cache.set("draft", next);
    // Presence says what I am doing now; it is gone when I leave.
    if (next === "") presence.delete("writing");
    else presence.set("writing", me.name);
  };
  const add = (event: FormEvent): void => {
    event.preventDefault();
    if (text.trim() === "") return;
    state.list("items").append({ text: text.trim(), by: me.name });
    write("");
  };
  return (
    <form onSubmit={add}>
      <input
        aria-label="What to add"
        maxLength={200}
        autoComplete="off"
        placeholder="Milk, bread, …"
        value={text}
        onChange={({ target }) => write(target.value)}
      />
      <button>Add</button>
    </form>
  );
}

function Writing({ resource: { presence, me } }: { resource: Resource }) {
  const others = [...usePresence(presence)].filter(([id, { writing }]) => id !== me.id && writing);
  return (
    <p id="writing" role="status">
      {others.map(([, { writing }]) => `${String(writing)} is writing…`).join(" ")}
    </p>
  );
}

/** What the hub does not take is undone, and says why. */
function Problem({ resource }: { resource: Resource }) {
  const [why, setWhy] = useState("");
  useEffect(() => resource.state.listen(({ denied }) => denied && setWhy(denied.message)), [resource]);
  return why === "" ? null : (
    <p id="problem" role="alert">
      Not done: {why}
    </p>
  );
}

const resource = await connect();
createRoot(document.getElementById("root")!).render(<App resource={resource} />);
