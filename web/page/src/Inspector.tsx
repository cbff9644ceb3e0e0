import { useSignal } from "@preact/signals";
import type { Call } from "@callmesh/client";
import { CALL, type ResourceId } from "@callmesh/core";
import { useEffect } from "preact/hooks";

import { Icon } from "./icons.tsx";
import { nowMicros, type Cost, type DeniedRow, type Inspection, type KeyRow, type PresenceRow, type StreamRow } from "./inspection.ts";
import "./inspector.css";
import { keyTree, perSecond, percent, sizeWords, type KeyTree } from "./keytree.ts";

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
  onClose?: () => void;
}

/** What is in a call, as this participant sees it: States with their writers, presence, streams, denied writes, costs. */
export function Inspector({ call, inspection, resource, onClose }: InspectorProps) {
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
    <aside class="inspector" aria-label="Inspector" dir="ltr" lang="en">
      <header>
        <h2>Inspector</h2>
        <p class="quiet">as {call.me.name} sees it</p>
        {onClose && (
          <button type="button" class="button bare small" aria-label="Close the inspector" onClick={onClose}>
            <Icon name="close" />
          </button>
        )}
      </header>
      <table class="costs">
        <thead>
          <tr>
            <th scope="col">Resource</th>
            <th scope="col">Keys</th>
            <th scope="col">Size</th>
            <th scope="col" title="Entries that came from the hub, over the last 5 seconds">
              Writes/s
            </th>
          </tr>
        </thead>
        <tbody>
          {costs.map((cost) => (
            <CostRow key={cost.id} name={cost.title} cost={cost} chosen={cost.id === id} choose={() => (chosen.value = cost.id)} />
          ))}
          <CostRow name="The call itself" cost={inspection.cost(CALL, now)} chosen={id === undefined} choose={() => (chosen.value = "call")} />
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
      <td>{keys.toLocaleString()}</td>
      <td>{sizeWords(bytes)}</td>
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
    <section aria-label="State">
      <div class="inspector-bar">
        <h3>State{version !== undefined && version > 1 && `, version ${version}`}</h3>
        <input
          type="search"
          aria-label="Find keys"
          placeholder="Find keys"
          value={wanted}
          onInput={({ currentTarget }) => find(currentTarget.value)}
        />
      </div>
      {rows.length === 0 && <p class="quiet">{wanted === "" ? "No keys." : "No keys that hold this."}</p>}
      <Branch nodes={keyTree(rows)} since={since} />
      {more > 0 && <p class="quiet">{more.toLocaleString()} more keys: find them by their names.</p>}
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
        {row.writer} · {at.toLocaleTimeString()}
      </span>
    </div>
  );
}

function Presence({ rows }: { rows: readonly PresenceRow[] }) {
  return (
    <section aria-label="Presence">
      <h3>Presence</h3>
      {rows.length === 0 && <p class="quiet">Nobody shows anything now.</p>}
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
    <section aria-label="Streams">
      <h3>Streams</h3>
      {rows.length === 0 && <p class="quiet">None is open here.</p>}
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
          <th scope="col">With</th>
          <th scope="col">Path</th>
          <th scope="col" title="Messages a second out, and bytes">Out/s</th>
          <th scope="col" title="Messages a second in, and bytes">In/s</th>
          <th scope="col" title={LOST_WORDS}>Lost</th>
          <th scope="col" title="Bytes that are not known to have come">Waits</th>
        </tr>
      </thead>
      <tbody>
        {peers.map(({ who, reach }) => (
          <tr key={who}>
            <th scope="row">{who}</th>
            <td>
              {reach.reads ? reach.path : "does not read"}
              {reach.roundTrip !== undefined && ` ${Math.round(reach.roundTrip * 1_000)} ms`}
            </td>
            <td title={`${sizeWords(reach.sentRate)} a second, ${sizeWords(reach.sent)} in all`}>{perSecond(reach.messagesSentRate)}</td>
            <td title={`${sizeWords(reach.receivedRate)} a second, ${sizeWords(reach.received)} in all`}>{perSecond(reach.messagesReceivedRate)}</td>
            <td>
              {mode === "latest" ? percent(reach.loss) : reach.lost}
              {mode === "latest" && reach.lost + reach.late > 0 && ` (${reach.lost + reach.late} in)`}
            </td>
            <td>{sizeWords(reach.buffered)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const LOST_WORDS = "Mode latest: the share of what was sent that did not come in time, and of theirs how many. Mode reliable: how often it was lost";

function DeniedWrites({ rows }: { rows: readonly DeniedRow[] }) {
  return (
    <section aria-label="Denied writes">
      <h3>Denied writes</h3>
      {rows.length === 0 && <p class="quiet">None since this was opened.</p>}
      <ul class="denied">
        {rows.map(({ id, at, where, key, reason, why }) => (
          <li key={id}>
            <p>
              <code>{key}</code> of {where} <span class="quiet">{new Date(at).toLocaleTimeString()}</span>
            </p>
            <p>
              <strong>{reason}</strong> {why}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
