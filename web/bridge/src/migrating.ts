/** Brings the state of a resource up to the version that an app is written for (R9). */

import {
  BadInput, CALL, stateOf, versionKey, type ReplicaAccess, type SharedState, type Standings, type StateId,
  type Transaction, type Value,
} from "@callmesh/core";

import type { Resource } from "./resource.ts";

/** A step from the version before: reads the state as it was, and says what to write. */
export type Migration = (state: SharedState, writes: Transaction) => void;

/** By the version that each step leads to. */
export interface Steps {
  readonly [version: number]: Migration;
}

/** Why a step is denied that somebody else has taken, or may take. */
const PASSING = ["outdated", "no_right", "no_resource"];

export interface Schema {
  /** The state version that the app is written for; without it, that of its manifest. */
  readonly version?: number;
  readonly migrate?: Steps;
}

/**
 * Resolves when the state is of the version that the app knows, or a later one.
 *
 * However many try at once, the hub takes one, and the others get what it made. Who may not edit, or not
 * read all of it, waits for somebody who may. Rejects with whatever a step throws, `BadInput` where one is
 * missing, and `Denied` where the hub takes none; what has come so far stays.
 */
export async function bringUpToDate(
  access: ReplicaAccess,
  standings: Standings,
  resource: Resource,
  version: number,
  migrate: Steps = {},
): Promise<void> {
  while (standings.version(resource.id) < version && access.ended === undefined) {
    const seen = stand(standings, resource);
    if (standings.mayMigrate(resource.id, resource.me)) {
      checkSteps(standings.version(resource.id), version, migrate);
      await step(access, standings, resource, version, migrate);
    }
    if (standings.version(resource.id) < version) await other(access, () => stand(standings, resource) !== seen);
  }
}

function stand(standings: Standings, resource: Resource): string {
  const may = standings.mayMigrate(resource.id, resource.me);
  return `${standings.version(resource.id)} ${may} ${resource.me.role}`;
}

/** A step that has nothing to do is one that writes nothing; that it is there says that it was thought of. */
function checkSteps(from: number, to: number, migrate: Steps): void {
  for (let next = from + 1; next <= to; next++) {
    if (migrate[next] === undefined) throw new BadInput(`connect() was given no step to version ${next}, migrate: { ${next}: … }`);
  }
}

/** One step, in one transaction with the version that it leads to. */
async function step(
  access: ReplicaAccess,
  standings: Standings,
  { id, state }: Resource,
  version: number,
  migrate: Steps,
): Promise<void> {
  const next = standings.version(id) + 1;
  const migration = migrate[next];
  const writes = state.collect((own) => migration?.(state, own));
  // Of the version that this step makes, not yet of the one that the app knows.
  access.mesh.versions.set(stateOf(id), next);
  const groups = new Map<StateId, ReadonlyMap<string, Value>>([[CALL, new Map([[versionKey(id), next]])]]);
  if (writes.size > 0) groups.set(stateOf(id), writes);
  access.wrote(access.mesh.write(groups, access.now()));
  access.mesh.versions.set(stateOf(id), version);
  const receipt = access.mesh.receipt(CALL);
  await other(access, () => receipt.accepted || receipt.denied.length > 0);
  access.mesh.letGo(receipt);
  const [denied] = receipt.denied;
  if (denied !== undefined && !PASSING.includes(denied.reason)) throw denied;
}

async function other(access: ReplicaAccess, turned: () => boolean): Promise<void> {
  const stops: (() => void)[] = [];
  await new Promise<void>((resolve) => {
    const look = (): void => {
      if (turned() || access.ended !== undefined) resolve();
    };
    stops.push(access.onReceipts(look), access.onChange(look));
    look();
  });
  for (const stop of stops) stop();
}
