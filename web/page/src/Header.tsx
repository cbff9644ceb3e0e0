import { inviteLink } from "./address.ts";
import { Explained } from "./Explained.tsx";
import { Icon, type IconName } from "./icons.tsx";
import { LeaveButton } from "./Leave.tsx";
import type { Page } from "./page.ts";
import { say } from "./say.ts";
import type { CallStore } from "./store.ts";

interface Shown {
  icon: IconName;
  words: string;
  title: string;
}

export function Header({ page, store }: { page: Page; store: CallStore }) {
  return (
    <header class="header">
      <h1>{page.address.call}</h1>
      <Status store={store} />
      <p class="locked-mark" role="status">
        {store.hosts.locked.value && (
          <Explained class="locked" more={say("locked-title")}>
            <Icon name="lock" />
            <span>{say("locked")}</span>
          </Explained>
        )}
      </p>
    </header>
  );
}

export function Actions({ page, store }: { page: Page; store: CallStore }) {
  return (
    <div class="actions">
      {page.address.token === undefined && (
        <button type="button" class="button" onClick={() => void copyLink(page)} title={say("invite-title")}>
          <Icon name="invite" />
          <span class="label">{say("invite")}</span>
        </button>
      )}
      <LeaveButton store={store} />
    </div>
  );
}

export function Status({ store }: { store: CallStore }) {
  const shown = statusOf(store);
  return (
    <>
      <Explained class={`status ${shown.icon}`} more={shown.title}>
        <Icon name={shown.icon} />
        <span>{shown.words}</span>
      </Explained>
      {/* Read out when the connection goes and comes back, or saving stops; "saving" at every key would be a nuisance. */}
      <p class="unseen" role="status">
        {shown.icon === "offline" || shown.icon === "unsaved" ? `${shown.words} ${shown.title}` : say("status-connected")}
      </p>
    </>
  );
}

function statusOf(store: CallStore): Shown {
  if (store.link.value !== "joined" || store.status.value === "offline") {
    const others = store.reached.value;
    if (others === 0) return { icon: "offline", words: say("status-offline"), title: say("status-offline-title") };
    return { icon: "offline", words: say("status-away", { others }), title: say("status-away-title", { others }) };
  }
  switch (store.status.value) {
    case "read_only":
      return { icon: "unsaved", words: say("status-read-only"), title: say("status-read-only-title") };
    case "saving":
      return { icon: "saving", words: say("status-saving"), title: say("status-saving-title") };
    default:
      return { icon: "saved", words: say("status-saved"), title: say("status-saved-title") };
  }
}

async function copyLink(page: Page): Promise<void> {
  const link = inviteLink(page.address);
  try {
    await navigator.clipboard.writeText(link);
    page.toasts.note(say("invite-copied"));
  } catch {
    page.toasts.problem(say("invite-link", { link })); // whole, and for long enough to copy it
  }
}
