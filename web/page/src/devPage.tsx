import { render } from "preact";

import "./app.css";
import "./dev.css";
import { Dev } from "./dev.ts";
import { DevView } from "./DevView.tsx";

const dev = new Dev(location);
const root = document.getElementById("root");
if (root) render(<DevView dev={dev} />, root);
void dev.run();
