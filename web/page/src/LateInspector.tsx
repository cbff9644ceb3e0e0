import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import type { Inspection } from "./inspection.ts";
import type { Inspector } from "./Inspector.tsx";
import { say } from "./say.ts";
import type { CallStore } from "./store.ts";

interface Loaded {
  readonly Inspector: typeof Inspector;
  readonly inspection: Inspection;
}

/** The inspector in a running call, for hosts. It is loaded when somebody wants it. */
export function LateInspector({ store, close }: { store: CallStore; close: () => void }) {
  const loaded = useSignal<Loaded | undefined>(undefined);
  useEffect(() => {
    let inspection: Inspection | undefined;
    let closed = false;
    const load = async (): Promise<void> => {
      const [view, model] = await Promise.all([import("./Inspector.tsx"), import("./inspection.ts")]);
      if (closed) return;
      inspection = new model.Inspection(store.call);
      loaded.value = { Inspector: view.Inspector, inspection };
    };
    load().catch(() => {
      store.toasts.problem(say("inspector-failed"));
      close();
    });
    return () => {
      closed = true;
      inspection?.close();
    };
  }, [store]);
  if (loaded.value === undefined) return null;
  const { Inspector, inspection } = loaded.value;
  return <Inspector call={store.call} inspection={inspection} resource={store.viewed.value} titleOf={(one) => store.catalog.titleOf(one)} onClose={close} />;
}
