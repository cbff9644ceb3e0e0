import { render } from "preact";

import "./app.css";
import "./people.css";
import "./seat.css";
import { Halves } from "./Halves.tsx";
import { Network } from "./network.ts";
import { readSeat, Seat } from "./seat.ts";
import { Stage } from "./Stage.tsx";
import { Toasts } from "./Toasts.tsx";

const network = new Network();
network.install();
const address = readSeat(location);
const seat = new Seat(address, network);
if (address.guise.theme !== undefined) addEventListener("load", () => paint(address.guise.theme));
Object.assign(window, { callmeshSeat: seat });
void seat.start();

/** This page itself in a theme that the browser does not ask for. */
function paint(theme: string | undefined): void {
  document.documentElement.style.colorScheme = theme ?? "";
  for (const rule of [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])) {
    if (!(rule instanceof CSSMediaRule) || !rule.conditionText.includes("prefers-color-scheme: dark")) continue;
    rule.media.mediaText = theme === "dark" ? "all" : "not all";
  }
}

function SeatView() {
  const store = seat.store.value;
  const problem = seat.problem.value;
  return (
    <div class="seat-stage">
      {store !== undefined && <Halves store={store} />}
      {store !== undefined && problem === undefined && <Stage store={store} openDrawer={() => undefined} />}
      {problem !== undefined && (
        <div class="empty" role="alert">
          <p>{problem}</p>
          <button type="button" class="button primary" onClick={() => location.reload()}>
            Join again
          </button>
        </div>
      )}
      <Toasts list={seat.toasts} />
    </div>
  );
}

const root = document.getElementById("root");
if (root) render(<SeatView />, root);
addEventListener("hashchange", () => location.reload());
