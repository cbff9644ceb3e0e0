/** The paths to the others: a pair per participant, and a connection where both sides have WebRTC. */

import {
  ANEW, MOST_EARLY, MOST_SIGNALS, Pair, readSignal, WireError, type Delivery, type Ice, type Participant, type ParticipantId, type Path, type PeerSignal,
} from "@callmesh/core";

import type { Quality } from "./quality.ts";
import { now } from "./runtime.ts";
import { RtcPeer } from "./webrtc.ts";

export interface PeersUser {
  me(): Participant;
  signal(peer: ParticipantId, text: string): void;
  /** The path to a peer is another one, or the channels over it are. */
  pathChanged(peer: ParticipantId): void;
  channel(peer: ParticipantId, channel: RTCDataChannel): void;
  media(peer: ParticipantId, stream: MediaStream | undefined): void;
  /** What participants tell each other goes through to a peer, or does not any more. */
  reached(peer: ParticipantId, open: boolean): void;
  /** Something of that has come. */
  word(peer: ParticipantId, data: Uint8Array): void;
}

interface Peer {
  readonly pair: Pair;
  rtc: RtcPeer | undefined;
  /** When that was made. */
  since: number;
  readonly media: boolean;
  /** Whether both sides can restart ICE. */
  readonly restarts: boolean;
}

export class Peers {
  readonly #user: PeersUser;
  readonly #peers = new Map<ParticipantId, Peer>();
  /** A newcomer's first signal overtakes their place in the roster. */
  readonly #early = new Map<ParticipantId, PeerSignal[]>();
  #local: MediaStream | undefined;
  /** Whose pictures are not wanted. */
  readonly #unseen = new Set<ParticipantId>();
  #ice: Ice | undefined;
  #refused = "";

  constructor(user: PeersUser) {
    this.#user = user;
  }

  path(id: ParticipantId): Path["kind"] {
    return this.#peers.get(id)?.pair.path.kind ?? "connecting";
  }

  /** The others, as far as the roster has shown them here. */
  get ids(): ParticipantId[] {
    return [...this.#peers.keys()];
  }

  // --- coming and going

  /** Meet who is here and not known yet. */
  meet(participants: Iterable<Participant>): void {
    for (const participant of participants) {
      const { id, here } = participant;
      if (id !== this.#user.me().id && here && !this.#peers.has(id)) this.#add(participant);
    }
  }

  part(id: ParticipantId): void {
    const peer = this.#peers.get(id);
    this.#early.delete(id);
    this.#unseen.delete(id);
    if (peer === undefined) return;
    peer.rtc?.close();
    this.#peers.delete(id);
    this.#user.media(id, undefined);
  }

  /** The link is back: what broke meanwhile is sought again, and so is what signals were lost of. */
  retry(): void {
    for (const [id, peer] of this.#peers) {
      const { pair } = peer;
      if (pair.path.kind === "connecting") this.#turn(id, () => pair.failed("the link to the hub broke"));
      pair.hurry();
      peer.rtc?.repeat(0);
      this.#mend(id, peer);
    }
  }

  /** The network may be another one, and surely is so far as one knows who has `slept`. */
  networkChanged(slept: boolean): void {
    for (const [id, peer] of this.#peers) {
      const { pair, rtc, restarts } = peer;
      if (pair.path.kind === "direct") {
        if (restarts && rtc?.dead === false) this.#restart(id, pair, rtc);
        else if (slept) this.#turn(id, () => pair.failed("this side slept"));
      }
      pair.hurry();
      this.#mend(id, peer);
    }
  }

  close(): void {
    for (const id of this.ids) this.part(id);
  }

  #add({ id, offers }: Participant): void {
    const mine = this.#user.me().offers;
    const both = (what: string): boolean => mine.includes(what) && offers.includes(what);
    const pair = new Pair(this.#user.me().id, id, { rtc: both("rtc"), now: now() });
    const peer: Peer = { pair, rtc: undefined, since: 0, media: both("media"), restarts: both("restart") };
    this.#peers.set(id, peer);
    if (both("rtc")) this.#connect(id, peer);
    this.#user.pathChanged(id);
    const early = this.#early.get(id) ?? [];
    this.#early.delete(id);
    for (const signal of early) this.#hear(id, peer, signal);
  }

  #connect(id: ParticipantId, peer: Peer): void {
    const { pair, media } = peer;
    const current = (): boolean => peer.rtc === rtc;
    const rtc: RtcPeer = new RtcPeer(
      { offers: pair.offers, media, ice: this.#ice },
      {
        signal: (signal) => current() && this.#user.signal(id, JSON.stringify(signal)),
        opened: () => current() && pair.path.kind !== "direct" && this.#turn(id, () => pair.opened()),
        refused: (why) => this.#tellRefused(why),
        failed: (why) => current() && this.#turn(id, () => pair.failed(why)),
        channel: (channel) => current() && this.#user.channel(id, channel),
        media: (stream) => current() && this.#user.media(id, stream),
        reached: (open) => current() && this.#user.reached(id, open),
        word: (data) => current() && this.#user.word(id, data),
      },
    );
    peer.rtc = rtc;
    peer.since = now();
    if (this.#unseen.has(id)) rtc.see(false);
    rtc.setTracks(this.#local);
  }

  /** What servers there are from now on, and the logins for them. */
  configure(ice: Ice): void {
    this.#ice = ice;
    this.#refused = "";
    for (const { rtc } of this.#peers.values()) rtc?.configure(ice);
  }

  /** Once, though each pair is refused. */
  #tellRefused(why: string): void {
    if (this.#refused === why) return;
    this.#refused = why;
    console.warn(`callmesh: ${why}. Who is not reached directly is reached by way of the hub.`);
  }

  #renew(id: ParticipantId, peer: Peer): void {
    peer.rtc?.close();
    peer.rtc = undefined;
    this.#user.media(id, undefined);
    this.#connect(id, peer);
    this.#user.pathChanged(id);
  }

  #turn(id: ParticipantId, act: () => void): void {
    act();
    this.#user.pathChanged(id);
  }

  // --- signals

  /** A signal by way of the hub. One that cannot be read is passed over. */
  receive(id: ParticipantId, text: string): void {
    const signal = readOrNot(text);
    const peer = this.#peers.get(id);
    if (signal === undefined) return;
    if (peer !== undefined) this.#hear(id, peer, signal);
    else this.#keep(id, signal);
  }

  #hear(id: ParticipantId, peer: Peer, signal: PeerSignal): void {
    if ("again" in signal) {
      if (peer.pair.asked(now())) this.#user.pathChanged(id);
      this.#mend(id, peer);
      return;
    }
    if (peer.rtc?.isAnother(signal) === true) {
      if (now() - peer.since < ANEW) return; // who wants it says so again
      this.#turn(id, () => peer.pair.renewed(now()));
      this.#renew(id, peer);
    }
    peer.rtc?.receive(signal);
  }

  #keep(id: ParticipantId, signal: PeerSignal): void {
    const early = this.#early.get(id) ?? [];
    if (early.length < MOST_SIGNALS) this.#early.set(id, [...early, signal]);
    const [first] = this.#early.keys();
    if (first !== undefined && this.#early.size > MOST_EARLY) this.#early.delete(first);
  }

  /** Let time pass: who is not reached directly by now is reached by way of the hub, and what broke is mended. */
  tick(): void {
    for (const [id, peer] of this.#peers) {
      if (peer.pair.tick(now())) this.#user.pathChanged(id);
      peer.rtc?.repeat();
      peer.rtc?.share(this.#peers.size);
      this.#mend(id, peer);
    }
  }

  #mend(id: ParticipantId, peer: Peer): void {
    const { pair, rtc, restarts } = peer;
    const due = pair.mend(now(), restarts && rtc?.dead === false);
    if (due === "restart") rtc?.restart();
    else if (due === "renew") this.#renew(id, peer);
    else if (due === "ask") this.#ask(id);
  }

  #restart(id: ParticipantId, { offers }: Pair, rtc: RtcPeer): void {
    if (offers) rtc.restart();
    else this.#ask(id);
  }

  #ask(id: ParticipantId): void {
    this.#user.signal(id, JSON.stringify({ again: true }));
  }

  // --- what goes over it

  /** A channel to a peer; undefined if there is no direct path. */
  open(id: ParticipantId, label: string, how: Delivery): RTCDataChannel | undefined {
    try {
      return this.#peers.get(id)?.rtc?.open(label, how);
    } catch {
      return undefined; // the connection was closed just now
    }
  }

  /** Whether there is a direct path that takes something now. */
  ready(id: ParticipantId): boolean {
    return this.#peers.get(id)?.rtc?.ready === true;
  }

  /** Tell a peer something over the direct path. */
  tell(id: ParticipantId, data: Uint8Array<ArrayBuffer>): void {
    this.#peers.get(id)?.rtc?.tell(data);
  }

  hear(id: ParticipantId): number {
    return this.#peers.get(id)?.rtc?.hear() ?? 0;
  }

  async measure(id: ParticipantId): Promise<Quality | undefined> {
    const peer = this.#peers.get(id);
    return peer?.pair.path.kind === "direct" ? peer.rtc?.measure() : undefined;
  }

  see(id: ParticipantId, pictures: boolean): void {
    if (pictures !== this.#unseen.has(id)) return;
    if (pictures) this.#unseen.delete(id);
    else this.#unseen.add(id);
    this.#peers.get(id)?.rtc?.see(pictures);
  }

  setTracks(stream: MediaStream | undefined): void {
    this.#local = stream;
    for (const { rtc } of this.#peers.values()) rtc?.setTracks(stream);
  }
}

function readOrNot(text: string): PeerSignal | undefined {
  try {
    return readSignal(text);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
