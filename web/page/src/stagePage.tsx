import { render } from "preact";

import { readAddress } from "./address.ts";
import "./app.css";
import "./people.css";
import "./meet.css";
import "./stage.css";
import { App } from "./App.tsx";
import { beEmbedded } from "./embedded.ts";
import { beginToSpeak } from "./languages.ts";
import { Page } from "./page.ts";
import { StageView } from "./StageView.tsx";

const page = new Page(readAddress(location), { media: false });
beEmbedded(page);
await beginToSpeak(page);
const root = document.getElementById("root");
if (root) render(<App page={page} view={StageView} />, root);
const { name, called } = page.address;
const known = name ?? called;
if (known !== undefined) void page.join(known); // the page around this one has asked already

addEventListener("hashchange", () => location.reload());
