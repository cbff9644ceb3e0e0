/**
 * Every error callmesh raises, drawn once. `vectors/errors.json` holds the same table for both languages.
 *
 *     CallmeshError
 *     ├── BadInput                what was handed over breaks a rule of form
 *     │   ├── WireError           bytes on a link that are no message, or none that is allowed now
 *     │   ├── TooLarge            a message, value, key or name beyond its limit
 *     │   ├── BadValue            a value that is not JSON within the limits, or a key that is no path
 *     │   ├── BadName             an id or a name that cannot be one
 *     │   └── BadManifest         an app's manifest that is not true
 *     ├── Refused                 understood, and not allowed
 *     │   ├── Denied              a write that the rules, the clock or a limit forbid; undone locally
 *     │   ├── Unauthorized        who you are does not let you in
 *     │   ├── Declined            a host, or the operator, did not let you in
 *     │   ├── NoSuchCall          there is no such call here
 *     │   └── TooFast             more than a window or a limit allows
 *     ├── Ended                   the four words of closing, and their reasons
 *     │   ├── Closed              closed by us
 *     │   ├── EndedByPeer         ended by them
 *     │   ├── Replaced            the same participant came in over another link
 *     │   ├── Removed             you were taken out of the call, or are kept out
 *     │   ├── CallOver            the call was ended for everybody
 *     │   ├── Restarting          the hub ends, and another is about to take its place
 *     │   ├── Broken              the link or the path broke
 *     │   └── WouldBlock          a bounded buffer is full
 *     ├── TimedOut                what was waited for did not come in time
 *     └── StorageFailed           the disk said no
 *
 * `code` names the error on the wire; `close` is the WebSocket close code that a session ends with,
 * `reconnect` tells the one who is closed whether coming back can help.
 */

/** The root. `message` is a sentence that says what to do where there is something to do. */
export class CallmeshError extends Error {
  static readonly code: string = "error";
  static readonly close: number = 1011;
  static readonly reconnect: boolean = true;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    // Not the class's own name: a bundler shortens it.
    this.name = `CallmeshError [${this.code}]`;
  }

  get code(): string {
    return this.#kind.code;
  }

  get close(): number {
    return this.#kind.close;
  }

  get reconnect(): boolean {
    return this.#kind.reconnect;
  }

  get #kind(): typeof CallmeshError {
    return this.constructor as typeof CallmeshError;
  }
}

export class BadInput extends CallmeshError {
  static override readonly code: string = "bad_input";
  static override readonly close: number = 4400;
  static override readonly reconnect: boolean = false;
}

export class WireError extends BadInput {
  static override readonly code = "bad_message";
}

export class TooLarge extends BadInput {
  static override readonly code = "too_large";
  static override readonly close = 4413;
}

export class BadValue extends BadInput {
  static override readonly code = "bad_value";
}

export class BadName extends BadInput {
  static override readonly code = "bad_name";
  static override readonly close = 4422;
}

export class BadManifest extends BadInput {
  static override readonly code = "bad_manifest";
}

export class Refused extends CallmeshError {
  static override readonly code: string = "refused";
  static override readonly close: number = 4403;
  static override readonly reconnect: boolean = false;
}

/** A write that was undone. */
export class Denied extends Refused {
  static override readonly code = "denied";

  /** One of `DENIALS`, or what a later version of the hub knows. */
  readonly reason: string;
  /** The key that was written, where one write was meant. */
  readonly key: string;

  constructor(reason: string, why: string, key = "") {
    super(why);
    this.reason = reason;
    this.key = key;
  }
}

export class Unauthorized extends Refused {
  static override readonly code = "unauthorized";
  static override readonly close = 4401;
}

export class Declined extends Refused {
  static override readonly code = "declined";
  static override readonly close = 4410;
}

export class NoSuchCall extends Refused {
  static override readonly code = "no_such_call";
  static override readonly close = 4404;
}

export class TooFast extends Refused {
  static override readonly code = "too_fast";
  static override readonly close = 4429;
  static override readonly reconnect = true;
}

export class Ended extends CallmeshError {
  static override readonly code: string = "ended";
  static override readonly close: number = 1000;
  static override readonly reconnect: boolean = false;
}

export class Closed extends Ended {
  static override readonly code = "closed";
}

export class EndedByPeer extends Ended {
  static override readonly code = "ended_by_peer";
  static override readonly close = 1001;
  static override readonly reconnect = true;
}

export class Replaced extends Ended {
  static override readonly code = "replaced";
  static override readonly close = 4409;
}

export class Removed extends Ended {
  static override readonly code = "removed";
  static override readonly close = 4411;
}

export class CallOver extends Ended {
  static override readonly code = "call_over";
  static override readonly close = 4412;
}

/** Come back, but not all at once. */
export class Restarting extends Ended {
  static override readonly code = "restarting";
  static override readonly close = 4012;
  static override readonly reconnect = true;
}

export class Broken extends Ended {
  static override readonly code = "broken";
  static override readonly close = 1006;
  static override readonly reconnect = true;

  /** The participant whose stream messages are lost, where that is what broke. */
  readonly sender: string;

  constructor(message: string, { sender = "", ...options }: ErrorOptions & { readonly sender?: string } = {}) {
    super(message, options);
    this.sender = sender;
  }
}

export class WouldBlock extends Ended {
  static override readonly code = "would_block";
  static override readonly close = 4429;
  static override readonly reconnect = true;
}

export class TimedOut extends CallmeshError {
  static override readonly code = "timed_out";
  static override readonly close = 4408;
}

/** A host that an app fetches from was not reached: nothing was sent. */
export class Unreachable extends CallmeshError {
  static override readonly code = "unreachable";
}

/** It was reached, and gave no answer that can be handed on. */
export class EndpointFailed extends CallmeshError {
  static override readonly code = "endpoint_failed";
}

export class StorageFailed extends CallmeshError {
  static override readonly code = "storage_failed";
  static override readonly close = 4503;
}

export const DENIALS = [
  "no_right", // the role or a key rule of the app forbids it
  "no_resource", // no such resource in the call, or it was removed
  "no_app", // the hub has no app of that name
  "bad_value", // not JSON within the limits, or not what the call's own State allows there
  "foreign_writer", // written in somebody else's name
  "clock_ahead", // stamped more than a few seconds in the future
  "full", // the State holds as much as it may
  "read_only", // the hub cannot save at the moment; what was saved is safe
  "no_capability", // the app's manifest does not ask for what it uses
  "outdated", // written for another version of the resource's state: reload the app
  "nobody", // a command about a person who is not there
  "last_host", // a command that would leave those in the call without a host
] as const;

/** A class whose errors say no more than a sentence. */
export type ErrorClass = typeof CallmeshError;

const PLAIN: readonly ErrorClass[] = [
  CallmeshError, BadInput, WireError, TooLarge, BadValue, BadName, BadManifest, Refused, Unauthorized,
  Declined, NoSuchCall, TooFast, Ended, Closed, EndedByPeer, Replaced, Removed, CallOver, Restarting, Broken,
  WouldBlock, TimedOut, Unreachable, EndpointFailed, StorageFailed,
];

export const BY_CODE: ReadonlyMap<string, ErrorClass> = new Map(PLAIN.map((kind) => [kind.code, kind]));

export const BY_CLOSE: ReadonlyMap<number, ErrorClass> = new Map(
  [
    CallmeshError, WireError, TooLarge, BadName, Refused, Unauthorized, Declined, NoSuchCall, TooFast, Closed,
    EndedByPeer, Replaced, Removed, CallOver, Restarting, Broken, TimedOut, StorageFailed,
  ].map((kind: ErrorClass) => [kind.close, kind]),
);

/** The error that a peer named; `reason` is that of a denial. A code from a later version is a plain `CallmeshError`. */
export function fromWire(code: string, message: string, reason = code): CallmeshError {
  if (code === Denied.code) return new Denied(reason, message);
  const kind = BY_CODE.get(code) ?? CallmeshError;
  return new kind(message);
}
