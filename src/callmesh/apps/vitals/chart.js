// The screen of a monitor: a trace that is written from left to right, and again from the left.

import uPlot from "callmesh/uplot";

const BLANK = 0.25; // seconds that stay empty ahead of the pen

// uPlot's own stylesheet lies beside the SDK. The hub says where that is.
const sdk = document.querySelector('meta[name="callmesh-sdk"]')?.content ?? "/sdk/";
document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: `${sdk}uplot.css` }));

export class Chart {
  #box;
  #plot;
  #key = ""; // what the plot was made for
  #data = [[0], [null]];

  constructor(box) {
    this.#box = box;
    new ResizeObserver(() => {
      if (box.clientWidth > 0) this.#plot?.setSize(this.#size()); // hidden, it has no size
    }).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#make(this.#key);
    });
  }

  /** Draw the `seconds` up to sample `head`. `value(i)` is sample i, in mV. */
  draw({ head, seconds, rate, value }) {
    const columns = Math.max(2, Math.round(seconds * rate));
    const key = `${seconds} ${rate}`;
    if (key !== this.#key) {
      this.#data = [Array.from({ length: columns }, (_, i) => i / rate), new Array(columns).fill(null)];
      this.#make(key);
    }
    const pen = head % columns;
    const blank = BLANK * rate;
    for (let i = 0; i < columns; i++) {
      const back = (pen - i + columns) % columns; // how long ago this column was written
      const y = columns - back < blank ? NaN : value(head - back);
      this.#data[1][i] = Number.isNaN(y) ? null : y;
    }
    this.#plot.setData(this.#data);
  }

  #size() {
    return { width: this.#box.clientWidth, height: this.#box.clientHeight };
  }

  #make(key) {
    this.#key = key;
    this.#plot?.destroy();
    if (!key) return;
    const [seconds] = key.split(" ");
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false } };
    this.#plot = new uPlot(
      {
        ...this.#size(),
        legend: { show: false },
        cursor: { show: false },
        padding: [12, 12, 0, 0],
        scales: {
          x: { time: false, range: [0, Number(seconds)] },
          y: { range: (_, low, high) => [Math.floor(2 * (low ?? -1)) / 2, Math.ceil(2 * (high ?? 1) + 0.1) / 2] },
        },
        axes: [
          { ...axis, size: 30, splits: () => steps(0, Number(seconds), 0.2), values: whole },
          { ...axis, size: 44, label: "mV", labelSize: 18, labelFont: "12px system-ui", space: 28 },
        ],
        series: [{}, { stroke: colour("--trace"), width: 2, points: { show: false } }],
      },
      this.#data,
      this.#box,
    );
  }
}

/** Paper lines: one every 0.2 s, and numbers at whole seconds. */
function steps(from, to, by) {
  return Array.from({ length: Math.round((to - from) / by) + 1 }, (_, i) => from + i * by);
}

function whole(_, splits) {
  return splits.map((at) => (Math.abs(at - Math.round(at)) < 0.01 ? `${Math.round(at)} s` : ""));
}
