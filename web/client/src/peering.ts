/** A page's part in what participants tell each other: the exchange, its key and its time. */

import {
  encodeMessage, Exchange, signedBytes, type CallId, type Change, type HeldLetter, type messages, type ParticipantId,
  type Replica, type Session, type Standings,
} from "@callmesh/core";

import { sessionKey, verify } from "./keys.ts";
import { after, now } from "./runtime.ts";

/** Milliseconds: what is written within a frame goes out as one. */
const FRAME = 16;

export interface PeeringUser {
  readonly call: CallId;
  readonly replica: Replica;
  readonly standings: Standings;
  /** Send over the direct path to a participant. */
  tell(peer: ParticipantId, data: Uint8Array<ArrayBuffer>): void;
  /** Whether such a path takes something now. */
  ready(peer: ParticipantId): boolean;
  /** There may be something for the hub. */
  flush(): void;
}

export class Peering {
  readonly exchange: Exchange;
  readonly #user: PeeringUser;
  /** Signing and verifying takes turns of the loop: letters stay in the order in which they came. */
  #work: Promise<void> = Promise.resolve();
  #signing = false;
  #due = false;
  #closed = false;

  constructor(user: PeeringUser) {
    this.#user = user;
    this.exchange = new Exchange(user.call, user.replica.mesh, user.standings);
  }

  /** Put on the session what the hub has to get now: own writes, and those of others that are carried. */
  fill(session: Session): void {
    for (const letter of this.exchange.carried(now(), { first: true })) session.put(encodeMessage(letter));
    for (const write of this.#user.replica.mesh.outgoing()) session.put(encodeMessage(write));
    for (const letter of this.exchange.carried(now(), { first: false })) session.put(encodeMessage(letter));
  }

  // --- paths

  /** The direct path to a participant is there, or was lost. */
  reached(peer: ParticipantId, open: boolean): void {
    if (open) this.exchange.opened(peer, now());
    else this.exchange.closed(peer, now());
    this.soon();
  }

  /** Something came over one. */
  heard(peer: ParticipantId, data: Uint8Array): void {
    const letters = this.exchange.hear(peer, data, now(), now());
    this.#work = this.#work.then(async () => this.#admit(letters));
  }

  async #admit(letters: readonly HeldLetter[]): Promise<void> {
    for (const held of letters) {
      const key = this.exchange.keyOf(held.author) ?? "";
      const signed = await verify(key, held.letter.signature, signedBytes(this.exchange.call, held.letter));
      if (signed && !this.#closed) this.#took(this.exchange.admit(held));
    }
    if (!this.#closed) this.#took(this.exchange.voided());
    this.soon();
  }

  // --- the hub

  /** A batch has come. */
  linked(): void {
    this.exchange.linked(now());
    this.soon();
  }

  linkLost(): void {
    this.exchange.linkLost(now());
    this.soon();
  }

  /** The hub has denied something; whether it was somebody else's. */
  denied(denial: messages.Denial): boolean {
    const changes = this.exchange.denied(denial);
    this.soon();
    if (changes === undefined) return false;
    this.#took(changes);
    return true;
  }

  // --- time

  /** Something may have to go out: within a frame. */
  soon(): void {
    if (this.#due || this.#closed) return;
    this.#due = true;
    after(FRAME, () => {
      this.#due = false;
      this.#send();
    });
  }

  tick(): void {
    this.#took(this.exchange.tick(now()));
    this.#send();
  }

  close(): void {
    this.#closed = true;
  }

  #took(changes: readonly Change[]): void {
    if (changes.length > 0) this.#user.replica.peers(changes);
  }

  #send(): void {
    if (this.#closed) return;
    this.exchange.signs = sessionKey() !== undefined;
    void this.#sign();
    for (const { to, data } of this.exchange.outgoing(now(), (peer) => this.#user.ready(peer))) this.#user.tell(to, data);
    if (this.exchange.carries) this.#user.flush();
  }

  async #sign(): Promise<void> {
    const key = sessionKey();
    if (key === undefined || this.#signing) return;
    this.#signing = true;
    try {
      const drafts = this.exchange.unsigned();
      for (const draft of drafts) {
        this.exchange.signed(draft, await key.sign(signedBytes(this.exchange.call, draft.letter)));
      }
      if (drafts.length > 0) this.soon();
    } finally {
      this.#signing = false;
    }
  }
}
