// In the call page and in the frames of its apps: what `callpage.py` asks for.

const watch = (window.watch = { long: 0, longest: 0 });
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) {
    watch.long++;
    watch.longest = Math.max(watch.longest, duration);
  }
}).observe({ type: "longtask" });

/** The page answers whoever asks through a port: what a frame's messages could cost at least. */
window.addEventListener("message", ({ data, ports: [port] }) => {
  if (data === "bench" && port !== undefined) port.onmessage = ({ data: bytes }) => port.postMessage(bytes, [bytes.buffer]);
});

const rest = (least) => new Promise((done) => setTimeout(done, least + 15 * Math.random()));

/** Milliseconds that `act` takes, again and again; what is written leaves once per frame, so there is a rest between. */
async function timed(times, act, least = 20) {
  const found = [];
  for (let number = 1; number <= times; number++) {
    await rest(least);
    const began = performance.now();
    await act(number);
    found.push(performance.now() - began);
  }
  return found;
}

window.trips = {
  bare(times) {
    const { port1, port2 } = new MessageChannel();
    window.parent.postMessage("bench", "*", [port2]);
    const trip = () =>
      new Promise((done) => {
        port1.onmessage = done;
        const bytes = new Uint8Array(64);
        port1.postMessage(bytes, [bytes.buffer]);
      });
    return timed(times, trip);
  },

  /** So seldom that the hub confirms each write at once. */
  state({ state }, key, times) {
    const trip = async (number) => {
      state.set(key, number);
      await state.accepted();
    };
    return timed(Math.min(times, 10), trip, 550);
  },

  presence({ presence }, id, other, times) {
    let told;
    const stop = presence.subscribe(() => told?.());
    const trip = async (number) => {
      presence.set("ping", `${id} ${number}`);
      while (presence.of(other).pong !== `${id} ${number}`) await new Promise((done) => (told = done));
    };
    return timed(times, trip).finally(stop);
  },
  stream(resource, other, times) {
    const stream = resource.stream("trips", { mode: "reliable" });
    let told;
    stream.subscribe(() => told?.());
    const trip = async () => {
      const back = new Promise((done) => (told = done));
      await stream.send(new Uint8Array(64), { to: [other] });
      await back;
    };
    return timed(times, trip).finally(() => stream.close());
  },

  /** Give back what `other` shows and sends. Returns what ends that. */
  answer(resource, other) {
    const { presence } = resource;
    let answered;
    const stop = presence.subscribe(() => {
      const { ping } = presence.of(other);
      if (ping === answered) return;
      answered = ping;
      presence.set("pong", ping);
    });
    const stream = resource.stream("trips", { mode: "reliable" });
    stream.subscribe(({ data }) => void stream.send(data, { to: [other] }));
    return () => {
      stop();
      stream.close();
    };
  },
};
