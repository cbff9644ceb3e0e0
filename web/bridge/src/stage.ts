/** `<callmesh-stage>`: the stage of a call in somebody else's page, in a frame of the hub's own origin (G40). */

import { THEMED, type Look, type Said } from "./theming.ts";

const ATTRIBUTES = ["call", "token", "name", "role", "lang", "theme", "label"];

declare global {
  interface HTMLElementTagNameMap {
    "callmesh-stage": CallmeshStage;
  }
}

/**
 * Attributes: `call`, the call's address, `https://hub/call/<id>`; `token`, who comes in; `name`, where the token has
 * none; `lang`; `theme`, `light` or `dark` instead of what the page's `color-scheme` says; `label`, what screen readers
 * call it. `role` counts on a hub in `--dev`.
 *
 * Events: `callmesh`, whose `detail` is `{ phase, status, participants }`, whenever one of them is another.
 */
export class CallmeshStage extends HTMLElement {
  static readonly observedAttributes = ATTRIBUTES;
  readonly #frame = document.createElement("iframe");
  readonly #watch = new MutationObserver(() => this.refresh());
  readonly #listen = (event: MessageEvent<unknown>): void => this.#hear(event);

  constructor() {
    super();
    const style = document.createElement("style");
    style.textContent =
      ":host { display: block; min-height: 20rem } :host([hidden]) { display: none }" +
      "iframe { display: block; width: 100%; height: 100%; border: 0 }";
    this.#frame.allow = "fullscreen; clipboard-write; autoplay";
    this.#frame.addEventListener("load", () => this.refresh());
    this.attachShadow({ mode: "open" }).append(style, this.#frame);
  }

  connectedCallback(): void {
    addEventListener("message", this.#listen);
    this.#watch.observe(this, { attributes: true, attributeFilter: ["style", "class"] });
    this.#dress();
    this.#load();
  }

  disconnectedCallback(): void {
    removeEventListener("message", this.#listen);
    this.#watch.disconnect();
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (before === now || !this.isConnected) return;
    this.#dress();
    if (name !== "theme" && name !== "label") this.#load();
  }

  /** Look again at the variables `--callmesh-…`: for pages that change them elsewhere than at the element itself. */
  refresh(): void {
    const address = this.#address();
    if (address === undefined) return;
    const style = getComputedStyle(this);
    const all = THEMED.map((name) => [name, style.getPropertyValue(`--callmesh-${name}`).trim()] as const);
    const look: Look = { callmesh: "look", variables: Object.fromEntries(all.filter(([, value]) => value !== "")) };
    this.#frame.contentWindow?.postMessage(look, address.origin);
  }

  #dress(): void {
    this.#frame.title = this.getAttribute("label") ?? "Call";
    this.#frame.style.colorScheme = this.getAttribute("theme") ?? ""; // its own media queries go by that
  }

  #load(): void {
    const address = this.#address();
    if (address && this.#frame.src !== address.href) {
      this.#frame.remove(); // another fragment alone would be the same document, and a step of the page's history
      this.#frame.src = address.href;
      this.shadowRoot?.append(this.#frame);
    }
  }

  #address(): URL | undefined {
    const call = this.getAttribute("call");
    if (call === null || !URL.canParse(call, document.baseURI)) return undefined;
    const address = new URL(call, document.baseURI);
    const fragment = new URLSearchParams(address.hash.slice(1)); // an invitation may be given as it is
    for (const name of ["token", "name", "role", "lang"]) {
      const value = this.getAttribute(name);
      if (value !== null) fragment.set(name, value);
    }
    address.pathname = `${address.pathname.replace(/\/+$/u, "")}/stage`;
    address.hash = fragment.toString();
    return address;
  }

  #hear({ source, origin, data }: MessageEvent<unknown>): void {
    if (source !== this.#frame.contentWindow || origin !== this.#address()?.origin || !isSaid(data)) return;
    const { phase, status, participants } = data;
    this.dispatchEvent(new CustomEvent("callmesh", { detail: { phase, status, participants } }));
  }
}

function isSaid(data: unknown): data is Said {
  return typeof data === "object" && data !== null && "callmesh" in data && data.callmesh === "said";
}

if (!customElements.get("callmesh-stage")) customElements.define("callmesh-stage", CallmeshStage);
