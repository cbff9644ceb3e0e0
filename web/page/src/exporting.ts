/** What is in a call, as a file for a host to keep: as far as they may read it (G50). */

import type { Resource } from "@callmesh/client";

import { locale, say } from "./say.ts";
import type { CallStore } from "./store.ts";
import { TALK, type Message } from "./talk.ts";
import { zip } from "./zip.ts";

/** Save it as a download of the browser. */
export function download(store: CallStore, call: string): void {
  const now = new Date();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(zip(filesOf(store, call, now), now));
  link.download = `${call}-${now.toISOString().slice(0, 16).replace(/[:T]/gu, "-")}.zip`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // some browsers begin late
}

/** Names and texts: `call.json` says what there is, each app has a file of its own, and the chat is `chat.txt`. */
export function filesOf(store: CallStore, call: string, now: Date): Map<string, string> {
  const resources = store.call.resources.all();
  const named = resources.map((resource, place) => [`${place + 1}-${fileName(resource.title)}.json`, resource] as const);
  const about = {
    call,
    exported: now.toISOString(),
    people: store.people.value.map(({ name, role }) => ({ name, role })),
    resources: named.map(([file, { id, app, title }]) => ({ file, id, app, title })),
  };
  const messages = store.talk.messages.value.map((message) => ({ ...message, name: store.authorOf(message) }));
  return new Map([
    ["call.json", json(about)],
    ...named.map(([file, resource]) => [file, json(contentOf(resource))] as const),
    ...(messages.length > 0 ? [["chat.txt", chatOf(messages, call, now)] as const] : []),
  ]);
}

function contentOf({ id, app, title, owner, added, version, state }: Resource) {
  return { id, app, title, owner, added: new Date(added / 1_000).toISOString(), version, state: Object.fromEntries(state.entries()) };
}

function chatOf(messages: readonly Message[], call: string, now: Date): string {
  const at = (when: Date): string => when.toLocaleString(locale.value, { dateStyle: "medium", timeStyle: "short" });
  const said = messages.map(({ name, text, time }) => `${at(new Date(time / 1_000))}  ${name}:\n${text.replace(/^/gmu, "    ")}\n`);
  return [`${say("export-chat", { call, time: at(now) })}\n`, ...said].join("\n");
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** Letters and digits of any writing; what a file system may not take is a dash. */
function fileName(title: string): string {
  return title.replace(/[^\p{L}\p{M}\p{N}]+/gu, "-").replace(/^-|-$/gu, "").slice(0, 40) || TALK;
}
