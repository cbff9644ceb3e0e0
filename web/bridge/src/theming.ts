/** What `<callmesh-stage>` and the page in its frame say to each other (G40). */

/** What the element tells its frame: how it should look. */
export interface Look {
  readonly callmesh: "look";
  /** By the names of `THEMED`. */
  readonly variables: Readonly<Record<string, string>>;
}

/** What the frame tells the element. */
export interface Said {
  readonly callmesh: "said";
  readonly phase: "lobby" | "waiting" | "call" | "over";
  /** In a call: whether everything is saved, and whether the hub is reached. */
  readonly status: "synced" | "saving" | "offline" | "read_only" | undefined;
  readonly participants: number;
}

/** The CSS variables that may be set, each as `--callmesh-<name>`. They are colours, but for the last two. */
export const THEMED = [
  "accent", "accent-strong", "accent-soft", "on-accent", "back", "surface", "raised", "sunken", "text", "quiet", "line",
  "radius", "font",
] as const; // prettier-ignore
