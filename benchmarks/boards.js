// In the frame of the whiteboard: what `boards.py` asks for. Pointers and wheels are events of this page, one per frame.

(() => {
  const canvas = () => document.getElementById("above");
  const pointer = (type, x, y) => canvas().dispatchEvent(new PointerEvent(type, { pointerId: 1, clientX: x, clientY: y, pointerType: "mouse", pressure: 0.5 }));
  const wheel = (more) => canvas().dispatchEvent(new WheelEvent("wheel", { clientX: 500, clientY: 300, cancelable: true, ...more }));
  const zoom = (factor) => wheel({ ctrlKey: true, deltaY: -240 * Math.log(factor) });
  /** Up and down between 0 and 1, in `frames` each way. */
  const swing = (number, frames) => Math.abs((number % (2 * frames)) - frames) / frames;

  const ACTS = {
    nothing: () => undefined,
    "somebody else draws": () => undefined,
    // As after coming: nothing has been drawn before.
    "show everything": (number) => number === 0 && document.getElementById("fit").click(),
    pan: (number) => wheel({ deltaX: number % 300 < 150 ? 16 : -16, deltaY: number % 300 < 150 ? 9 : -9 }),
    // Out and in again, eightfold in a second, with half a second between: then the board is drawn at the new zoom.
    zoom: (number) => number % 90 < 60 && zoom(8 ** ((number % 180 < 90 ? -1 : 1) / 60)),
    draw(number) {
      const at = [100 + 800 * swing(number, 90), 300 + 150 * Math.sin(number / 9)];
      if (number % 60 === 0) pointer("pointerdown", ...at);
      else pointer(number % 60 === 59 ? "pointerup" : "pointermove", ...at);
    },
    // Ten things, held by the first of them.
    move(number) {
      const at = [400 + 300 * swing(number, 90), 300 + 100 * swing(number, 70)];
      if (number % 90 === 0) pointer("pointerdown", ...at);
      else pointer(number % 90 === 89 ? "pointerup" : "pointermove", ...at);
    },
  };

  /** The tool, and what of the board is in view. */
  function prepare(what) {
    const { desk, stage } = window.whiteboard;
    desk.tool = { draw: "pen", move: "select" }[what] ?? "hand";
    stage.view = { x: 2000, y: 1500, zoom: 1 };
    if (what === "show everything") for (const { id, element } of desk.scene.all()) desk.scene.put(id, { ...element });
    if (what !== "move") return;
    const near = ({ box: { x, y } }) => Math.hypot(x - 2700, y - 1800);
    const all = desk.scene.all().sort((one, other) => near(one) - near(other));
    desk.choose(all.slice(0, 10));
  }

  /** So long, with the milliseconds between one frame and the next. */
  function measure(what, seconds) {
    return new Promise((done) => {
      const gaps = [];
      let begun;
      let last;
      const frame = (now) => {
        begun ??= now;
        if (last !== undefined) gaps.push(now - last);
        last = now;
        if (now - begun >= 1000 * seconds) {
          pointer("pointercancel", 0, 0);
          done(gaps);
          return;
        }
        ACTS[what](gaps.length);
        requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    });
  }

  window.board = { prepare, measure };
})();
