// In a call page: one end of each way that `channels.py` compares. A message begins with what it is for.

const [COUNT, ECHO, BACK] = [1, 2, 3];
// As the streams of callmesh: a channel is kept filled to one mark, and so much may wait before it.
const HIGH = 1024 * 1024;
const LOW = 256 * 1024;

const ways = {};

/** A way to the other side: `send` resolves when there is room for the next; `take` is for who receives. */
function way(name, send) {
  const own = (ways[name] = { send, messages: 0, bytes: 0, first: 0, last: 0, pinged: undefined });
  return (data) => {
    if (data[0] === COUNT) {
      own.last = performance.now();
      own.first ||= own.last;
      own.messages++;
      own.bytes += data.byteLength;
    } else if (data[0] === ECHO) {
      data[0] = BACK;
      void send(data);
    } else {
      own.pinged?.();
    }
  };
}

/** Let what waits happen: the others of this page, and what has come. */
const turns = new MessageChannel();
const turn = () =>
  new Promise((done) => {
    turns.port1.onmessage = done;
    turns.port2.postMessage(0);
  });

function bareChannel(pc, mode, id) {
  const latest = mode === "latest";
  const channel = pc.createDataChannel(mode, {
    negotiated: true,
    id,
    ordered: !latest,
    ...(latest && { maxRetransmits: 0 }),
  });
  channel.binaryType = "arraybuffer";
  channel.bufferedAmountLowThreshold = LOW;
  const room = () => new Promise((done) => channel.addEventListener("bufferedamountlow", done, { once: true }));
  const take = way(`bare ${mode}`, async (data) => {
    if (latest && channel.bufferedAmount > LOW) return;
    channel.send(data);
    if (!latest && channel.bufferedAmount > HIGH) await room();
  });
  channel.onmessage = ({ data }) => take(new Uint8Array(data));
  return new Promise((done) => (channel.onopen = done));
}

let pc;
let opened;

function bare() {
  pc = new RTCPeerConnection();
  opened = Promise.all([bareChannel(pc, "reliable", 10), bareChannel(pc, "latest", 11)]);
}

/** The description of this end, with all its candidates. */
async function described() {
  await pc.setLocalDescription();
  await new Promise((done) => {
    const look = () => pc.iceGatheringState === "complete" && done();
    pc.onicegatheringstatechange = look;
    look();
  });
  const { type, sdp } = pc.localDescription;
  return { type, sdp };
}

window.bench = {
  offer() {
    bare();
    return described();
  },
  async answer(offer) {
    bare();
    await pc.setRemoteDescription(offer);
    return described();
  },
  finish: (answer) => pc.setRemoteDescription(answer),
  opened: async () => void (await opened),

  /** Two streams of callmesh to one participant. */
  open(call, resource, to) {
    for (const mode of ["reliable", "latest"]) {
      const stream = call.resources.get(resource).stream(`bench-${mode}`, { mode });
      const take = way(`callmesh ${mode}`, (data) => stream.send(data, { to: [to] }));
      stream.subscribe(({ data }) => take(data));
    }
  },

  /** Send messages of `size` bytes for so many seconds. How many. */
  async flood(name, size, seconds) {
    const { send } = ways[name];
    const data = new Uint8Array(size);
    data[0] = COUNT;
    const end = performance.now() + seconds * 1000;
    let sent = 0;
    while (performance.now() < end) {
      for (let left = size > 1000 ? 1 : 64; left > 0; left--, sent++) await send(data);
      await turn();
    }
    return sent;
  },

  /** What has come since the last time: messages, bytes, and seconds from the first to the last. */
  came(name) {
    const { messages, bytes, first, last } = ways[name];
    Object.assign(ways[name], { messages: 0, bytes: 0, first: 0, last: 0 });
    return [messages, bytes, (last - first) / 1000];
  },
  count: (name) => ways[name].messages,

  /** Milliseconds there and back, of one message at a time. */
  async pings(name, times, size) {
    const own = ways[name];
    const found = [];
    for (let left = times; left > 0; left--) {
      const data = new Uint8Array(size);
      data[0] = ECHO;
      const back = new Promise((done) => (own.pinged = done));
      const began = performance.now();
      await own.send(data);
      await back;
      found.push(performance.now() - began);
    }
    return found;
  },
};
