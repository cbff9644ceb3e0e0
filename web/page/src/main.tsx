import { render } from "preact";

import { readAddress } from "./address.ts";
import "./app.css";
import "./people.css";
import "./meet.css";
import "./devices.css";
import { App } from "./App.tsx";
import { CallView } from "./CallView.tsx";
import { beginToSpeak } from "./languages.ts";
import { Page } from "./page.ts";

const page = new Page(readAddress(location));
await beginToSpeak(page);
const root = document.getElementById("root");
if (root) render(<App page={page} view={CallView} />, root);

// Kept by the browser and shown once more: its call was left when it was hidden.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});

// Another link to the same call is another invitation; the browser itself would only note it.
addEventListener("hashchange", () => location.reload());
