// A live ECG. A Python program (examples/vitals_source.py) or a device joins the call and gives
//   state "source"   { name, rate, unit, lead, scale }: who measures, samples per second, µV per step
//   stream "ecg"     messages of samples; a stream has no history, so a late joiner starts with now
// What is mine alone, pause and zoom, is in the cache.

import { connect } from "callmesh/app";

import { Chart } from "./chart.js";
import { readMessage, Trace } from "./trace.js";
import { WORDS } from "./words.js";

const BEHIND = 0.2; // seconds the pen stays behind the newest sample, so that bursts look smooth
const SILENT = 3000; // milliseconds without samples before we say so

const find = (id) => document.getElementById(id);
const chart = new Chart(find("chart"));
const trace = new Trace();

let source = { rate: 360, scale: 1 }; // until the state says better
let pen = 0; // index of the sample being drawn, with a fraction
let heard = -Infinity; // when the last samples came
let from; // the participant who sends them
let frame = 0;
let drawn = 0; // when the last frame was drawn
let paused = false;
let seconds = 6;
let words; // in the language of who looks at it

// For tests, and for the curious.
window.vitals = { received: [], count: 0, gaps: 0 };

const resource = await connect({ enable: start, disable: stop });
const { state, cache } = resource;
const stream = resource.stream("ecg", { mode: "reliable" });

paused = cache.get("paused") === true;
seconds = cache.get("seconds") ?? 6;
resource.speak(WORDS, (now) => {
  words = now;
  find("command").textContent = `.venv/bin/python examples/vitals_source.py <${words.link}> --resource ${resource.id}`;
  showSource();
  showNumbers();
  showControls();
});
state.subscribe(showSource);
stream.subscribe(receive);
setInterval(showNumbers, 500);

function receive({ data, sender }) {
  const now = performance.now();
  if (!(data instanceof Uint8Array) || data.byteLength < 6) return;
  if (sender !== from && now - heard < SILENT) return; // one source at a time
  const { first, samples } = readMessage(data);
  const anew = sender !== from || first < trace.end || now - heard > SILENT;
  if (sender !== from) trace.restart();
  trace.put(first, samples);
  if (anew) pen = trace.end;
  from = sender;
  heard = now;
  window.vitals.received.push(...samples.slice(0, 4000 - window.vitals.received.length));
  Object.assign(window.vitals, { count: trace.count, gaps: trace.gaps });
}

// --- drawing: only while this resource is in view

function start() {
  cancelAnimationFrame(frame);
  drawn = performance.now();
  frame = requestAnimationFrame(draw);
}

function stop() {
  cancelAnimationFrame(frame);
}

function draw(now) {
  frame = requestAnimationFrame(draw);
  const passed = Math.min(0.1, Math.max(0, (now - drawn) / 1000));
  drawn = now;
  if (trace.count === 0) return;
  if (!paused) movePen(passed);
  drawTrace();
}

/** The pen runs at the rate of the signal; when it has fallen behind it hurries, or jumps. */
function movePen(passed) {
  const behind = (trace.end - pen) / source.rate - BEHIND;
  if (behind > 1) pen = trace.end - BEHIND * source.rate;
  else pen += passed * source.rate * Math.max(0, 1 + 2 * behind);
  pen = Math.min(pen, trace.end - 1);
}

function drawTrace() {
  chart.draw({
    head: Math.max(0, Math.floor(pen)),
    seconds,
    rate: source.rate,
    value: (index) => (trace.at(index) * source.scale) / 1000, // µV to mV
  });
}

// --- words and numbers

function showSource() {
  const told = state.get("source");
  if (told) source = { lead: "–", ...told, rate: told.rate || 360, scale: told.scale || 1 };
  find("name").textContent = source.name ?? (told ? words.unnamed : "–");
  find("lead").textContent = source.lead ?? "–";
  find("hertz").textContent = told ? `${source.rate} Hz` : "–";
}

function showNumbers() {
  const silent = performance.now() - heard > SILENT;
  const beats = silent ? undefined : trace.heartRate(source.rate);
  find("bpm").textContent = beats ? String(Math.round(beats)) : "–";
  find("gaps").textContent = String(trace.gaps);
  find("heart").classList.toggle("beating", beats !== undefined);
  find("heart").style.animationDuration = `${60 / (beats ?? 60)}s`;
  find("waiting").hidden = !silent;
  setText("words", trace.count ? words.silent(source.name) : words.waiting);
}

/** Only when it differs: a screen reader reads out what was written. */
function setText(id, text) {
  if (find(id).textContent !== text) find(id).textContent = text;
}

function showControls() {
  find("pause").textContent = paused ? words.goOn : words.pause;
  find("pause").setAttribute("aria-pressed", String(paused));
  for (const button of find("zoom").children) {
    button.setAttribute("aria-pressed", String(Number(button.value) === seconds));
  }
}

find("pause").onclick = () => {
  paused = !paused;
  cache.set("paused", paused);
  showControls();
};

find("zoom").onclick = ({ target }) => {
  if (!target.value) return;
  seconds = Number(target.value);
  cache.set("seconds", seconds);
  showControls();
};
