/**
 * One `RTCPeerConnection`, and the channels over it.
 *
 * All offers are made by one side; the other one asks for them. So none cross, and none is taken back: after
 * that Chromium would leave what is received muted (docs/decisions.md).
 */

import { CONTROL_ID, CONTROL_LABEL, MOST_SIGNALS, REFILL, REPEAT, type Delivery, type Ice, type PeerSignal } from "@callmesh/core";

import { limit } from "./bandwidth.ts";
import { Gauge, type Quality } from "./quality.ts";
import { now } from "./runtime.ts";

/** What a connection tells of. */
export interface RtcEvents {
  /** For the other side, by way of the hub. */
  signal(signal: PeerSignal): void;
  opened(): void;
  failed(why: string): void;
  /** A STUN or TURN server says no. */
  refused(why: string): void;
  /** What participants tell each other goes through, or does not any more. */
  reached(open: boolean): void;
  /** Something of that has come. */
  word(data: Uint8Array): void;
  /** The other side opened a channel. */
  channel(channel: RTCDataChannel): void;
  /** What it sends of its camera and microphone is another stream, or none. */
  media(stream: MediaStream | undefined): void;
}

const KINDS = ["audio", "video"] as const;
/** Bytes that wait on the control channel before more is said there. */
const MAX_UNSENT = 256 * 1024;

export interface RtcOptions {
  /** Whether this side makes the offers. */
  readonly offers: boolean;
  /** Whether the other side can renegotiate, and takes audio and video. */
  readonly media: boolean;
  /** With what servers to look for a path. */
  readonly ice: Ice | undefined;
}

function configuration(ice: Ice | undefined): RTCConfiguration {
  if (ice === undefined) return {};
  const iceServers = ice.servers.map(({ urls, username, credential }) =>
    username === "" ? { urls: [...urls] } : { urls: [...urls], username, credential },
  );
  return { iceServers, iceTransportPolicy: ice.policy };
}

export class RtcPeer {
  readonly #pc: RTCPeerConnection;
  readonly #control: RTCDataChannel;
  readonly #options: RtcOptions;
  readonly #events: RtcEvents;
  readonly #early: RTCIceCandidateInit[] = [];
  /** One for each kind, for good: what is turned off and on again takes no further place. */
  readonly #transceivers = new Map<string, RTCRtpTransceiver>();
  #local: MediaStream | undefined;
  /** Whether the other side's pictures are wanted. */
  #pictures = true;
  /** The side that makes no offers has something to agree on: here, or as the other one has said. */
  #asked = false;
  /** When it was said last what is not answered yet. */
  #told = 0;
  #makingOffer = false;
  /** What was signalled is taken in one after another. */
  #taken = Promise.resolve();
  #waiting = 0;
  /** The RTP time of what was heard last. */
  #heard: number | undefined;
  /** With how many the line was shared last. */
  #others = 0;
  readonly #gauge = new Gauge();
  #closed = false;
  #reached = false;

  constructor(options: RtcOptions, events: RtcEvents) {
    this.#options = options;
    this.#events = events;
    this.#pc = new RTCPeerConnection({ ...configuration(options.ice), bundlePolicy: "max-bundle" });
    if (options.media && options.offers) {
      for (const kind of KINDS) this.#transceivers.set(kind, this.#pc.addTransceiver(kind, { direction: "recvonly" }));
    }
    this.#control = this.#pc.createDataChannel(CONTROL_LABEL, { negotiated: true, id: CONTROL_ID });
    this.#control.binaryType = "arraybuffer";
    this.#control.onopen = () => {
      events.opened();
      this.#reach(true);
    };
    this.#control.onclose = () => {
      this.#reach(false);
      this.#fail("the other side closed the connection");
    };
    this.#control.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (data instanceof ArrayBuffer) events.word(new Uint8Array(data));
    };
    this.#pc.onnegotiationneeded = () => this.#agree();
    this.#pc.onsignalingstatechange = () => {
      if (this.#options.offers && this.#asked) this.#agree();
    };
    this.#pc.onicecandidate = ({ candidate }) => this.#tellCandidate(candidate);
    this.#pc.onicecandidateerror = (event) => this.#refusedBy(event);
    this.#pc.onconnectionstatechange = () => this.#follow();
    this.#pc.ondatachannel = ({ channel }) => this.#accept(channel);
    this.#pc.ontrack = ({ streams }) => this.#show(streams[0]);
  }

  /** The servers have other logins: an ICE restart uses them. */
  configure(ice: Ice): void {
    if (!this.#closed) this.#pc.setConfiguration({ ...configuration(ice), bundlePolicy: "max-bundle" });
  }

  /** Nothing goes through it, and nothing will without another one. */
  get dead(): boolean {
    return this.#closed || this.#control.readyState === "closed" || this.#pc.connectionState === "closed";
  }

  // --- negotiation

  /** Whether an offer comes from a connection that has taken the place of the one known here. */
  isAnother(signal: PeerSignal): boolean {
    if (!("description" in signal) || signal.description.type !== "offer") return false;
    const known = this.#pc.remoteDescription;
    if (known === null) return false;
    const theirs = fingerprints(signal.description.sdp);
    return !fingerprints(known.sdp).some((one) => theirs.includes(one));
  }

  /** What the other side has signalled. */
  receive(signal: PeerSignal): void {
    if (this.#waiting >= MOST_SIGNALS) return;
    this.#waiting++;
    this.#taken = this.#taken.then(() => this.#take(signal)).finally(() => this.#waiting--);
  }

  async #take(signal: PeerSignal): Promise<void> {
    try {
      if ("description" in signal) await this.#describe(signal.description);
      else if ("negotiate" in signal) this.#takeAsking();
      else if ("candidate" in signal && signal.candidate !== null) await this.#candidate(signal.candidate);
    } catch (error) {
      if (!this.#closed) this.#fail(`negotiation failed: ${String(error)}`);
    }
  }

  async #describe(description: RTCSessionDescriptionInit): Promise<void> {
    const pc = this.#pc;
    const { offers } = this.#options;
    if (offers !== (description.type === "answer")) return; // who offers is not offered anything
    if (offers && pc.signalingState !== "have-local-offer") return; // the answer to what was said twice
    await pc.setRemoteDescription(description);
    for (const candidate of this.#early.splice(0)) await this.#candidate(candidate);
    if (offers) {
      this.#open(); // ICE that was restarted though its path still held changes no state
      return;
    }
    this.#adopt();
    this.#asked = false;
    await pc.setLocalDescription();
    this.#tellDescription();
  }

  #takeAsking(): void {
    if (!this.#options.offers) return;
    this.#asked = true;
    this.#agree();
  }

  /** Something is to be agreed on: it is offered as soon as nothing is under way, or asked for. */
  #agree(): void {
    const pc = this.#pc;
    if (this.#options.offers) {
      if (this.#makingOffer || pc.signalingState !== "stable") return; // what was asked for is looked at again then
      this.#asked = false;
      void this.#offer();
    } else if (pc.remoteDescription !== null) {
      this.#asked = true;
      this.#tellAsking();
    }
  }

  /** What nobody has answered for so long may be lost with a link to the hub, or its answer. */
  repeat(patience = REPEAT): void {
    if (now() - this.#told < patience) return;
    if (this.#pc.signalingState === "have-local-offer") this.#tellDescription();
    else if (this.#asked && !this.#options.offers) this.#tellAsking();
  }

  async #candidate(candidate: RTCIceCandidateInit): Promise<void> {
    if (this.#pc.remoteDescription === null) {
      if (this.#early.length < MOST_SIGNALS) this.#early.push(candidate);
      return;
    }
    try {
      await this.#pc.addIceCandidate(candidate);
    } catch {
      // One that this browser cannot read: others follow.
    }
  }

  async #offer(): Promise<void> {
    try {
      this.#makingOffer = true;
      await this.#pc.setLocalDescription();
      this.#tellDescription();
    } catch (error) {
      if (!this.#closed) this.#fail(`no offer could be made: ${String(error)}`);
    } finally {
      this.#makingOffer = false;
    }
  }

  #tellAsking(): void {
    if (this.#closed) return;
    this.#told = now();
    this.#events.signal({ negotiate: true });
  }

  #tellDescription(): void {
    const description = this.#pc.localDescription;
    if (description === null || this.#closed) return;
    this.#told = now();
    const { type, sdp } = description;
    if (type === "offer" || type === "answer") this.#events.signal({ description: { type, sdp } });
  }

  #tellCandidate(candidate: RTCIceCandidate | null): void {
    // The other side needs no word that there are no more: it has its own patience.
    if (candidate === null || candidate.candidate === "") return;
    const { candidate: text, sdpMid, sdpMLineIndex, usernameFragment } = candidate;
    this.#events.signal({ candidate: { candidate: text, sdpMid, sdpMLineIndex, usernameFragment } });
  }

  // --- how it goes

  /** A server that does not answer on one of several networks is nothing; one that says no is. */
  #refusedBy({ url, errorCode, errorText }: RTCPeerConnectionIceErrorEvent): void {
    if (errorCode < 300 || errorCode >= 700) return;
    this.#events.refused(`${url} refuses its use: ${errorCode} ${errorText}`);
  }

  #follow(): void {
    const state = this.#pc.connectionState;
    if (state === "connected") this.#open();
    if (state !== "failed" && state !== "disconnected") return;
    this.#reach(false);
    this.#events.failed("the direct path broke");
  }

  #open(): void {
    if (this.#pc.connectionState !== "connected" || this.#control.readyState !== "open") return;
    this.#events.opened();
    this.#reach(true);
  }

  /** Seek another path for the same connection, for who makes the offers; after one that is under way. */
  restart(): void {
    this.#pc.restartIce();
    this.repeat(0);
  }

  #reach(open: boolean): void {
    if (open === this.#reached) return;
    this.#reached = open;
    this.#events.reached(open);
  }

  /** Whether the other side can be told something now. */
  get ready(): boolean {
    return this.#control.readyState === "open" && this.#control.bufferedAmount <= MAX_UNSENT;
  }

  #fail(why: string): void {
    if (!this.#closed) this.#events.failed(why);
  }

  // --- channels

  /** Say something through the control channel, which both sides have. */
  tell(data: Uint8Array<ArrayBuffer>): void {
    if (this.#control.readyState === "open") this.#control.send(data);
  }

  /** A channel to the other side. Raises what WebRTC raises. */
  open(label: string, { ordered, maxRetransmits }: Delivery): RTCDataChannel {
    const options = maxRetransmits === undefined ? { ordered } : { ordered, maxRetransmits };
    const channel = this.#pc.createDataChannel(label, options);
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = REFILL;
    return channel;
  }

  #accept(channel: RTCDataChannel): void {
    channel.binaryType = "arraybuffer";
    this.#events.channel(channel);
  }

  // --- audio and video

  /** Send what `stream` holds, of each kind one track, and nothing else. */
  setTracks(stream: MediaStream | undefined): void {
    this.#local = stream;
    if (this.#closed) return;
    for (const [kind, transceiver] of this.#transceivers) this.#setTrack(kind, transceiver);
  }

  /** Whether the other side's pictures are to come: those that are not, it does not even make. */
  see(pictures: boolean): void {
    this.#pictures = pictures;
    const video = this.#transceivers.get("video");
    if (!this.#closed && video !== undefined) this.#setTrack("video", video);
  }

  #setTrack(kind: string, transceiver: RTCRtpTransceiver): void {
    const { sender } = transceiver;
    const track = this.#local?.getTracks().find((one) => one.kind === kind) ?? null;
    if (sender.track !== track) {
      sender.replaceTrack(track).catch((error: unknown) => this.#fail(`a track was not taken: ${String(error)}`));
    }
    if (this.#local !== undefined && track !== null) sender.setStreams(this.#local);
    const receives = kind !== "video" || this.#pictures;
    const direction = track === null ? (receives ? "recvonly" : "inactive") : receives ? "sendrecv" : "sendonly";
    if (transceiver.direction !== direction) transceiver.direction = direction;
  }

  /** With so many others the line is shared. */
  share(others: number): void {
    const { signalingState, remoteDescription } = this.#pc;
    if (this.#closed || others === this.#others || signalingState !== "stable" || remoteDescription === null) return;
    this.#others = others;
    for (const [kind, { sender }] of this.#transceivers) void limit(sender, kind, others);
  }

  /** Who answers uses what the other side has made room for. */
  #adopt(): void {
    if (!this.#options.media) return;
    for (const transceiver of this.#pc.getTransceivers()) {
      const { kind } = transceiver.receiver.track;
      if (this.#transceivers.has(kind)) continue;
      this.#transceivers.set(kind, transceiver);
      this.#setTrack(kind, transceiver);
    }
  }

  /** The amplitude of what is heard now, from 0 to 1; 0 where nothing has come since the last time. */
  hear(): number {
    const [source] = this.#transceivers.get("audio")?.receiver.getSynchronizationSources() ?? [];
    const isNew = source?.rtpTimestamp !== this.#heard;
    this.#heard = source?.rtpTimestamp;
    return isNew ? (source?.audioLevel ?? 0) : 0;
  }

  async measure(): Promise<Quality> {
    return this.#gauge.read(await this.#pc.getStats());
  }

  #show(stream: MediaStream | undefined): void {
    if (stream === undefined) return;
    stream.onaddtrack = stream.onremovetrack = () => {
      this.#events.media(stream.getTracks().length > 0 ? stream : undefined);
    };
    this.#events.media(stream);
  }

  close(): void {
    if (this.#closed) return;
    this.#reach(false);
    this.#closed = true;
    this.#pc.close();
  }
}

/** One for each kind of hash; a browser remembers a single one of those that it was told. */
function fingerprints(sdp: string): string[] {
  return [...sdp.matchAll(/^a=fingerprint:(.*)$/gm)].map(([, one]) => (one ?? "").trim().toLowerCase());
}
