// As an app should do it: what comes is kept, and drawn once per frame.

import { connect } from "callmesh/app";

const SAMPLES = 1500; // six seconds at 250 Hz
const resource = await connect();
const canvas = document.getElementById("canvas");
const pen = canvas.getContext("2d");
const traces = [0, 1, 2].map(() => new Float32Array(SAMPLES));
const pointers = new Map();
const counts = { samples: 0, gaps: 0, presence: 0, updates: 0, frames: 0, late: 0, last: 0, next: 0 };
let drawing = false;
let moved = false;

/** A message: uint32 with its number, then a sample of each trace as int16. */
resource.stream("ecg", { mode: "reliable" }).subscribe(({ data }) => {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const number = view.getUint32(0, true);
  counts.samples++;
  counts.gaps += Number(counts.next > 0 && number !== counts.next);
  counts.next = number + 1;
  traces.forEach((trace, n) => (trace[number % SAMPLES] = view.getInt16(4 + 2 * n, true)));
});
resource.presence.subscribe((change) => {
  counts.presence += change?.keys.size ?? 0;
  moved = true;
});
resource.state.subscribe((change) => (counts.updates += change?.keys.size ?? 0));

function draw(now) {
  if (!drawing) return;
  requestAnimationFrame(draw);
  counts.frames++;
  counts.late += Number(counts.last > 0 && now - counts.last > 25);
  counts.last = now;
  drawTraces();
  if (moved) drawPointers();
  moved = false;
  resource.presence.set("at", [Math.round(now) % 900, 150]); // one's own pointer moves too
}

function drawTraces() {
  pen.clearRect(0, 0, 900, 300);
  traces.forEach((trace, n) => {
    pen.beginPath();
    for (let x = 0; x < SAMPLES; x += 2) pen.lineTo(x * 0.6, 50 + 100 * n - trace[x] / 50);
    pen.stroke();
  });
}

function drawPointers() {
  for (const [id, { at }] of resource.presence.all()) {
    if (id === resource.me.id || at === undefined) continue;
    const pointer = pointers.get(id) ?? document.body.appendChild(document.createElement("div"));
    pointers.set(id, pointer);
    pointer.className = "pointer";
    pointer.style.transform = `translate(${at[0]}px, ${at[1]}px)`;
  }
}

window.monitor = {
  resource,
  counts,
  start() {
    drawing = true;
    counts.last = 0;
    requestAnimationFrame(draw);
  },
  stop: () => (drawing = false),
};
