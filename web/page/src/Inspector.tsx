import { useSignal } from "@preact/signals";
import type { Call } from "@callmesh/client";
import { CALL, type Mode, type Reach, type ResourceId } from "@callmesh/core";
import { useEffect } from "preact/hooks";

import { Icon } from "./icons.tsx";
import { nowMicros, type Cost, type DeniedRow, type Inspection, type KeyRow, type PresenceRow, type StreamRow } from "./inspection.ts";
import "./inspector.css";
import { keyTree, perSecond, percent, sizeWords, type KeyTree } from "./keytree.ts";
import { locale, say } from "./say.ts";

/** How often what is shown is renewed; milliseconds. */
const EVERY = 500;
/** For how long a key that was written stands out; microseconds. */
const FRESH = 1_500_000;

interface InspectorProps {
  call: Call;
  /** Of that call; whoever made it closes it. */
  inspection: Inspection;
  /** What is in view, to begin with. */
  resource: ResourceId | undefined;
  /** In the reader's language, where that is another. */
  titleOf?: (resource: { readonly app: string; readonly title: string }) => string;
  onClose?: () => void;
}

/** What is in a call, as this participant sees it: States with their writers, presence, streams, denied writes, costs. */
export function Inspector({ call, inspection, resource, titleOf = ({ title }) => title, onClose }: InspectorProps) {
  const chosen = useSignal<ResourceId | "call" | undefined>(undefined);
  const wanted = useSignal("");
  const time = useSignal(nowMicros());
  useEffect(() => {
    const look = (): void => {
      inspection.tick(nowMicros());
      time.value = nowMicros();
    };
    const timer = setInterval(look, EVERY);
    look();
    return () => clearInterval(timer);
  }, [inspection, time]);

  const now = time.value;
  const costs = inspection.costs(now);
  const looked = chosen.value ?? resource ?? "call";
  const id = costs.find((cost) => cost.id === looked)?.id;
  const detail = inspection.detail(id, wanted.value);
  return (
    <aside class="inspector" aria-label={say("inspector")}>
      <header>
        <h2>{say("inspector")}</h2>
        <p class="quiet">{say("inspector-as", { name: call.me.name })}</p>
        {onClose && (
          <button type="button" class="button bare small" aria-label={say("inspector-close")} onClick={onClose}>
            <Icon name="close" />
          </button>
        )}
      </header>
      <table class="costs">
        <thead>
          <tr>
            <th scope="col">{say("inspector-resource")}</th>
            <th scope="col">{say("inspector-keys")}</th>
            <th scope="col">{say("inspector-size")}</th>
            <th scope="col" title={say("inspector-writes-title")}>
              {say("inspector-writes")}
            </th>
          </tr>
        </thead>
        <tbody>
          {costs.map((cost) => (
            <CostRow key={cost.id} name={titleOf(cost)} cost={cost} chosen={cost.id === id} choose={() => (chosen.value = cost.id)} />
          ))}
          <CostRow name={say("inspector-call")} cost={inspection.cost(CALL, now)} chosen={id === undefined} choose={() => (chosen.value = "call")} />
        </tbody>
      </table>
      <Keys rows={detail.keys} more={detail.more} version={detail.version} wanted={wanted.value} find={(text) => (wanted.value = text)} since={clockOf(call) - FRESH} />
      {id !== undefined && <Presence rows={detail.presence} />}
      {id !== undefined && <Streams rows={detail.streams} />}
      <DeniedWrites rows={inspection.denied} />
    </aside>
  );
}

/** The hub's time, by which entries are stamped. */
function clockOf(call: Call): number {
  return nowMicros() + call.mesh.clock.offset;
}

interface CostRowProps {
  name: string;
  cost: Cost;
  chosen: boolean;
  choose: () => void;
}

function CostRow({ name, cost: { keys, bytes, writes }, chosen, choose }: CostRowProps) {
  return (
    <tr class={chosen ? "chosen" : ""}>
      <th scope="row">
        <button type="button" aria-pressed={chosen} onClick={choose}>
          {name}
        </button>
      </th>
      <td>{keys.toLocaleString(locale.value)}</td>
      <td>
        <bdi>{sizeWords(bytes)}</bdi>
      </td>
      <td>{perSecond(writes)}</td>
    </tr>
  );
}

interface KeysProps {
  rows: readonly KeyRow[];
  more: number;
  version: number | undefined;
  wanted: string;
  find: (text: string) => void;
  since: number;
}

function Keys({ rows, more, version, wanted, find, since }: KeysProps) {
  return (
    <section aria-label={say("inspector-state")}>
      <div class="inspector-bar">
        <h3>{version !== undefined && version > 1 ? say("inspector-version", { version }) : say("inspector-state")}</h3>
        <input
          type="search"
          aria-label={say("inspector-find")}
          placeholder={say("inspector-find")}
          value={wanted}
          onInput={({ currentTarget }) => find(currentTarget.value)}
        />
      </div>
      {rows.length === 0 && <p class="quiet">{say(wanted === "" ? "inspector-no-keys" : "inspector-none-found")}</p>}
      <Branch nodes={keyTree(rows)} since={since} />
      {more > 0 && <p class="quiet">{say("inspector-more", { count: more })}</p>}
    </section>
  );
}

function Branch({ nodes, since }: { nodes: readonly KeyTree[]; since: number }) {
  if (nodes.length === 0) return null;
  return (
    <ul class="keys">
      {nodes.map((node) => (
        <li key={node.path}>
          {node.row && <Key name={node.name} row={node.row} fresh={node.row.time > since} />}
          {node.below.length > 0 && (
            <details open>
              <summary>
                <code>{node.name}/</code> <span class="quiet">{node.count}</span>
              </summary>
              <Branch nodes={node.below} since={since} />
            </details>
          )}
        </li>
      ))}
    </ul>
  );
}

function Key({ name, row, fresh }: { name: string; row: KeyRow; fresh: boolean }) {
  const at = new Date(row.time / 1_000);
  return (
    <div class={`key ${fresh ? "fresh" : ""}`}>
      <code class="key-name">{name}</code>
      <code class="key-value" title={row.text}>
        {row.text}
      </code>
      <span class="quiet key-by" title={at.toISOString()}>
        <bdi>{row.writer}</bdi> · {at.toLocaleTimeString(locale.value)}
      </span>
    </div>
  );
}

function Presence({ rows }: { rows: readonly PresenceRow[] }) {
  return (
    <section aria-label={say("inspector-presence")}>
      <h3>{say("inspector-presence")}</h3>
      {rows.length === 0 && <p class="quiet">{say("inspector-no-presence")}</p>}
      <ul class="keys">
        {rows.map(({ who, key, text }) => (
          <li key={`${who} ${key}`} class="key">
            <code class="key-name">{key}</code>
            <code class="key-value" title={text}>
              {text}
            </code>
            <span class="quiet key-by">{who}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Streams({ rows }: { rows: readonly StreamRow[] }) {
  return (
    <section aria-label={say("inspector-streams")}>
      <h3>{say("inspector-streams")}</h3>
      {rows.length === 0 && <p class="quiet">{say("inspector-no-streams")}</p>}
      {rows.map((row) => (
        <Stream key={row.name} row={row} />
      ))}
    </section>
  );
}

function Stream({ row: { name, mode, peers } }: { row: StreamRow }) {
  return (
    <table class="streams">
      <caption>
        <code>{name}</code> <span class="quiet">{mode}</span>
      </caption>
      <thead>
        <tr>
          <th scope="col">{say("inspector-with")}</th>
          <th scope="col">{say("inspector-path")}</th>
          {(["out", "in", "lost", "waits"] as const).map((what) => (
            <th key={what} scope="col" title={say(`inspector-${what}-title`)}>
              {say(`inspector-${what}`)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {peers.map(({ who, reach }) => (
          <tr key={who}>
            <th scope="row">{who}</th>
            <td>
              {reach.reads ? say("path", { path: reach.path }) : say("inspector-not-read")}
              {reach.roundTrip !== undefined && ` ${Math.round(reach.roundTrip * 1_000)} ms`}
            </td>
            <td title={rateWords(reach.sentRate, reach.sent)}>{perSecond(reach.messagesSentRate)}</td>
            <td title={rateWords(reach.receivedRate, reach.received)}>{perSecond(reach.messagesReceivedRate)}</td>
            <td>{lossWords(mode, reach)}</td>
            <td>
              <bdi>{sizeWords(reach.buffered)}</bdi>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function rateWords(rate: number, all: number): string {
  return say("inspector-rate", { rate: sizeWords(rate), all: sizeWords(all) });
}

function lossWords(mode: Mode, { loss, lost, late }: Reach): string {
  if (mode === "reliable") return lost.toLocaleString(locale.value);
  const [share, count] = [percent(loss), lost + late];
  return count > 0 ? say("inspector-lost-in", { share, count }) : share;
}

function DeniedWrites({ rows }: { rows: readonly DeniedRow[] }) {
  return (
    <section aria-label={say("inspector-denied")}>
      <h3>{say("inspector-denied")}</h3>
      {rows.length === 0 && <p class="quiet">{say("inspector-no-denied")}</p>}
      <ul class="denied">
        {rows.map(({ id, at, where, key, reason, why }) => (
          <li key={id}>
            <p>
              <code>{key}</code> {say("inspector-denied-in", { where })} <span class="quiet">{new Date(at).toLocaleTimeString(locale.value)}</span>
            </p>
            <p lang="en" dir="ltr">
              <strong>{reason}</strong> {why}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
