import { createContext } from "preact";

import { Icon } from "./icons.tsx";
import { say } from "./say.ts";
import type { Toast, ToastList } from "./toasts.ts";

/** What a dialog shows too while it is open: nothing outside of it is read or pressed then. */
export const Told = createContext<ToastList | undefined>(undefined);

/** Both boxes are always there: a screen reader reads out what comes into a box it knows. */
export function Toasts({ list }: { list: ToastList }) {
  const of = (kind: Toast["kind"]) => list.shown.value.filter((toast) => toast.kind === kind);
  return (
    <div class="toasts">
      <div role="alert">
        {of("problem").map((toast) => (
          <ToastCard key={toast.id} toast={toast} list={list} />
        ))}
      </div>
      <div role="status">
        {of("note").map((toast) => (
          <ToastCard key={toast.id} toast={toast} list={list} />
        ))}
      </div>
    </div>
  );
}

function ToastCard({ toast, list }: { toast: Toast; list: ToastList }) {
  return (
    <div class={`toast ${toast.kind}`}>
      <p>{toast.text}</p>
      <button type="button" class="button bare" aria-label={say("dismiss")} onClick={() => list.dismiss(toast.id)}>
        <Icon name="close" />
      </button>
    </div>
  );
}
