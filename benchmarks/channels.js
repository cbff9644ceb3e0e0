// In a call page: one end of each way that `channels.py` compares. A message begins with what it is for.

const [COUNT, ECHO, BACK, TIMED] = [1, 2, 3, 4];
// As the streams of callmesh: a channel is kept filled to one mark, and so much may wait before it.
const HIGH = 1024 * 1024;
const LOW = 256 * 1024;

const ways = {};
/** Milliseconds since the epoch, by the clock that all processes of a machine share. */
const clock = () => performance.timeOrigin + performance.now();
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** A way to the other side: `send` resolves when there is room for the next; `take` is for who receives. */
function way(name, send) {
  const own = (ways[name] = { send, messages: 0, bytes: 0, last: 0, late: [], number: 0, pinged: undefined });
  return (data) => {
    if (data[0] === COUNT) {
      own.last = clock();
      own.messages++;
      own.bytes += data.byteLength;
    } else if (data[0] === ECHO) {
      data[0] = BACK;
      void send(data);
    } else if (data[0] === TIMED) {
      own.late.push(clock() - new DataView(data.buffer, data.byteOffset).getFloat64(1, true));
    } else if (data[1] === own.number) {
      own.pinged?.(true);
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

  /** A bare relay, which has one mode. A socket does not say when it has room: it is looked at again. */
  async dial(url) {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    const take = way("bare", async (data) => {
      socket.send(data);
      while (socket.bufferedAmount > HIGH) await turn();
    });
    socket.onmessage = ({ data }) => take(new Uint8Array(data));
    await new Promise((done) => (socket.onopen = done));
  },

  /** Two streams of callmesh to one participant. */
  open(call, resource, to) {
    for (const mode of ["reliable", "latest"]) {
      const stream = call.resources.get(resource).stream(`bench-${mode}`, { mode });
      const take = way(`callmesh ${mode}`, (data) => stream.send(data, { to: [to] }));
      stream.subscribe(({ data }) => take(data));
    }
  },

  /** Send messages of `size` bytes for so many seconds. How many, and since when. */
  async flood(name, size, seconds) {
    const { send } = ways[name];
    const data = new Uint8Array(size);
    data[0] = COUNT;
    const since = clock();
    let sent = 0;
    while (clock() < since + seconds * 1000) {
      for (let left = size > 1000 ? 1 : 64; left > 0; left--, sent++) await send(data);
      await turn();
    }
    return [sent, since];
  },

  /** What has come since the last time: messages, bytes, and when the last one did. */
  came(name) {
    const { messages, bytes, last } = ways[name];
    Object.assign(ways[name], { messages: 0, bytes: 0 });
    return [messages, bytes, last];
  },
  count: (name) => ways[name].messages,

  /** Send messages that say when they left, with a rest between them. */
  async timed(name, times, size, rest) {
    for (let left = times; left > 0; left--) {
      const data = new Uint8Array(size);
      data[0] = TIMED;
      new DataView(data.buffer).setFloat64(1, clock(), true);
      await ways[name].send(data);
      await pause(rest);
    }
  },
  /** Milliseconds that those took which have come. */
  late: (name) => ways[name].late.splice(0),

  /** Milliseconds there and back, of one message at a time; in mode latest some may be lost. */
  async pings(name, times, size, lost) {
    const own = ways[name];
    const found = [];
    for (let left = 2 * times; left > 0 && found.length < times; left--) {
      own.number = (own.number + 1) % 256;
      const data = new Uint8Array(size);
      data.set([ECHO, own.number]);
      const back = new Promise((done) => (own.pinged = done));
      const began = performance.now();
      await own.send(data);
      if (await Promise.race([back, pause(lost)])) found.push(performance.now() - began);
    }
    if (found.length < times) throw new Error(`${name}: ${found.length} messages came back`);
    return found;
  },
};
