/** The streams of a frame: all of them go by way of the page, which has the paths to the others. */

import {
  BadValue, BOUNDS, DataStream, delivery, encodeMessage, EndedByPeer, isSameDelivery, lostOf, pieces, RelayQueue, streamName, tooMany, type CallmeshError, type messages,
  type Delivery, type Mode, type ParticipantId, type Piece, type Reach, type ResourceId, type Session, type StreamId, type StreamOptions, type StreamPort,
} from "@callmesh/core";

import { after } from "./runtime.ts";

export interface FrameStreamsUser {
  readonly me: ParticipantId;
  /** Queue a message for the page. */
  put(encoded: Uint8Array): void;
  /** Something waits to leave. */
  flush(): void;
}

interface Opened {
  readonly stream: DataStream;
  readonly id: StreamId;
  readonly how: Delivery;
  number: number;
  replaced: number;
  reach: ReadonlyMap<ParticipantId, Reach>;
  settled: boolean;
  /** Called when the page says that readers have everything. */
  ended: () => void;
}

export class FrameStreams {
  readonly #resource: ResourceId;
  readonly #user: FrameStreamsUser;
  readonly #queue = new RelayQueue();
  readonly #opened = new Map<string, Opened>();
  #waiting: (() => void)[] = [];

  constructor(resource: string, user: FrameStreamsUser) {
    this.#resource = resource as ResourceId;
    this.#user = user;
  }

  /** Raises `BadName`, and `BadValue` if it is open otherwise. */
  open(name: string, { mode, ordered, maxRetransmits, keep = 0, codec }: StreamOptions = {}): DataStream {
    const found = this.#opened.get(streamName(name));
    const known = found?.stream;
    const how = delivery(mode ?? known?.mode ?? "reliable", ordered, maxRetransmits);
    if (found !== undefined && known !== undefined) {
      if (mode !== undefined && mode !== known.mode) throw new BadValue(`the stream ${name} is open already, in mode ${known.mode}`);
      if (codec !== undefined && codec !== known.codec) throw new BadValue(`the stream ${name} is open already, with another codec`);
      const said = ordered !== undefined || maxRetransmits !== undefined;
      if (said && !isSameDelivery(found.how, how)) throw new BadValue(`the stream ${name} is open already, and delivers otherwise`);
      return known;
    }
    const id: StreamId = { resource: this.#resource, name, mode: how.mode };
    const opened: Opened = {
      stream: new DataStream(name, id.mode, this.#port(id, () => opened), codec),
      id, how, number: 0, replaced: 0, reach: new Map(), settled: false, ended: () => undefined,
    }; // prettier-ignore
    this.#opened.set(name, opened);
    this.#say(id, "open", keep, how);
    return opened.stream;
  }

  #port(id: StreamId, own: () => Opened): StreamPort {
    const put = (sent: readonly Piece[], to: readonly ParticipantId[]): void => {
      if (this.#queue.put(id, sent, to)) own().replaced++;
      this.#user.flush();
    };
    return {
      send: async (payload, to = []) => {
        const opened = own();
        const sent = pieces(opened.number + 1, payload);
        opened.number += sent.length;
        put(sent, to);
        if (id.mode === "reliable") await this.#room();
      },
      reach: () => own().reach,
      settled: () => own().settled,
      turned: (taking, sender) => {
        const word = taking === "wait" || taking === "no" ? "hold" : "taken";
        this.#say(id, word, taking === "no" || taking === undefined ? 1 : 0, undefined, sender);
      },
      end: () =>
        new Promise((resolve) => {
          own().ended = resolve;
          put([{ number: ++own().number, json: false, payload: new Uint8Array(), step: 1, part: 0, parts: 0 }], []);
        }),
      closed: () => {
        if (this.#opened.get(id.name) !== own()) return;
        this.#opened.delete(id.name);
        this.#queue.drop(id.name);
        this.#say(id, "off", 0);
      },
      after,
      get dropped() {
        return own().replaced;
      },
    };
  }

  #say({ resource, name, mode }: StreamId, word: messages.Word, number: number, how?: Delivery, sender?: ParticipantId): void {
    const opening = { ordered: how?.mode === "latest" && how.ordered, retransmits: how?.maxRetransmits ?? 0 };
    this.#user.put(encodeMessage({ type: "taken", peers: sender === undefined ? [] : [sender], resource, name, mode, opened: 1, number, word, came: 0, ...opening }));
    this.#user.flush();
  }

  async #room(): Promise<void> {
    while (this.#queue.full) await new Promise<void>((resolve) => void this.#waiting.push(resolve));
  }

  /**
   * A whole message; its sender's end where it has no parts, of which number 0 says that something was lost, and 2 that an
   * end counts no more.
   */
  receive({ peers: [peer], name, mode, number, json, payload, parts }: messages.Stream): void {
    const opened = this.#of(name, mode);
    const sender = (peer ?? "") as ParticipantId;
    if (opened === undefined) return;
    if (parts > 0) opened.stream.receive({ sender, number, json, payload });
    else if (sender === this.#user.me) opened.ended();
    else if (number === 2) opened.stream.began(sender);
    else opened.stream.ended({ sender, why: whyEnded(sender, number, payload) });
  }

  /** The page opens no more than `number`; `came` says of what. */
  refused({ name, mode, number, came }: messages.Taken): void {
    const stream = this.#of(name, mode)?.stream;
    if (stream === undefined) return;
    const error = tooMany(number, BOUNDS[came]);
    console.warn(`callmesh: the stream ${name} was not opened: ${error.message}`);
    stream.end(error);
  }

  /** Whom a stream reaches, and how. */
  reached({ name, mode, settled, peers }: messages.Reach): void {
    const opened = this.#of(name, mode);
    if (opened === undefined) return;
    opened.settled = settled;
    opened.reach = new Map(
      peers.map(({ peer, path, roundTrip, loss, messagesSentRate, messagesReceivedRate, ...rest }) => [
        peer as ParticipantId,
        {
          ...rest,
          path: path as Reach["path"],
          roundTrip: roundTrip > 0 ? roundTrip / 1e6 : undefined,
          loss: loss / 1e6,
          messagesSentRate: messagesSentRate / 1e3,
          messagesReceivedRate: messagesReceivedRate / 1e3,
        },
      ]),
    );
    opened.stream.reachChanged();
  }

  #of(name: string, mode: Mode): Opened | undefined {
    const opened = this.#opened.get(name);
    return opened?.id.mode === mode ? opened : undefined;
  }

  fill(session: Session): void {
    this.#queue.fill(session);
    if (!this.#queue.full) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  end(reason: CallmeshError): void {
    for (const { stream, ended } of [...this.#opened.values()]) {
      ended();
      stream.end(reason);
    }
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function whyEnded(sender: ParticipantId, number: number, payload: Uint8Array): CallmeshError | undefined {
  if (number === 0) return lostOf(sender);
  return payload.length > 0 ? new EndedByPeer("the sender did not end this stream, and sends no more") : undefined;
}
