/** How well a connection goes, by what the browser counts: https://www.w3.org/TR/webrtc-stats/ */

export interface Quality {
  /** Seconds there and back; undefined while that is not known. */
  readonly roundTrip: number | undefined;
  /** The share of packets that got lost in either direction, from 0 to 1. */
  readonly loss: number;
  /** Whether a TURN server passes it on. */
  readonly relayed: boolean;
}

interface Stat {
  readonly id: string;
  readonly type: string;
  readonly nominated?: boolean;
  readonly state?: string;
  readonly currentRoundTripTime?: number;
  readonly localCandidateId?: string;
  readonly remoteCandidateId?: string;
  readonly candidateType?: string;
  readonly packetsLost?: number;
  readonly packetsReceived?: number;
  readonly fractionLost?: number;
}

/** So few packets say nothing of how many get lost. */
const FEW = 20;

/** Counts what has come of one connection. */
export class Gauge {
  #lost = 0;
  #received = 0;

  read(report: ReadonlyMap<string, unknown>): Quality {
    const stats = [...(report as ReadonlyMap<string, Stat>).values()];
    const of = (type: string): Stat[] => stats.filter((one) => one.type === type);
    const pair = of("candidate-pair").find(({ nominated, state }) => nominated === true && state === "succeeded");
    const ends = [pair?.localCandidateId, pair?.remoteCandidateId];
    return {
      roundTrip: pair?.currentRoundTripTime,
      loss: Math.max(this.#lossOf(of("inbound-rtp")), ...of("remote-inbound-rtp").map(({ fractionLost = 0 }) => fractionLost)),
      relayed: stats.some(({ id, candidateType }) => candidateType === "relay" && ends.includes(id)),
    };
  }

  #lossOf(streams: readonly Stat[]): number {
    const lost = streams.reduce((sum, { packetsLost = 0 }) => sum + packetsLost, 0);
    const received = streams.reduce((sum, { packetsReceived = 0 }) => sum + packetsReceived, 0);
    const [newLost, newReceived] = [Math.max(lost - this.#lost, 0), received - this.#received]; // a late one is lost no more
    [this.#lost, this.#received] = [lost, received];
    return newLost + newReceived < FEW ? 0 : newLost / (newLost + newReceived);
  }
}
