/** The key of a session: what a participant signs others can hand on, and nobody can change. */

const ED25519 = { name: "Ed25519" };
const PUBLIC_BYTES = 32;

/** An Ed25519 key that lives as long as the page, and is kept nowhere. */
export class SessionKey {
  /** Its public half, as the roster shows it: base64url without padding. */
  readonly public: string;
  readonly #private: CryptoKey;

  private constructor(text: string, key: CryptoKey) {
    this.public = text;
    this.#private = key;
  }

  /** Undefined where this browser has no such keys, or the page is in no secure context. */
  static async make(): Promise<SessionKey | undefined> {
    try {
      const pair = (await crypto.subtle.generateKey(ED25519, false, ["sign", "verify"])) as CryptoKeyPair;
      const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
      return new SessionKey(toText(raw), pair.privateKey);
    } catch {
      return undefined;
    }
  }

  async sign(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.sign(ED25519, this.#private, data));
  }
}

let made: SessionKey | undefined;
/** It is there long before somebody has opened a link. */
const making = SessionKey.make().then((key) => (made = key));

/** This page's key; undefined where there is none, or none yet. */
export function sessionKey(): SessionKey | undefined {
  return made;
}

/** Resolves when there is one, or will be none. */
export async function keyMade(): Promise<SessionKey | undefined> {
  return making;
}

const imported = new Map<string, Promise<CryptoKey>>();

/** Whether who has the key with this public half has signed `data`. Raises nothing. */
export async function verify(text: string, signature: Uint8Array, data: Uint8Array<ArrayBuffer>): Promise<boolean> {
  try {
    let key = imported.get(text);
    if (key === undefined) {
      if (imported.size > 200) imported.clear();
      imported.set(text, (key = crypto.subtle.importKey("raw", fromText(text), ED25519, false, ["verify"])));
    }
    return await crypto.subtle.verify(ED25519, await key, signature.slice(), data);
  } catch {
    return false;
  }
}

function toText(raw: Uint8Array): string {
  return btoa(String.fromCharCode(...raw)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function fromText(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) throw new TypeError("not a key");
  const raw = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  if (raw.length !== PUBLIC_BYTES) throw new TypeError("not a key");
  return raw;
}
