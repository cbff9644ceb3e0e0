import { inviteLink } from "./address.ts";
import { Icon, type IconName } from "./icons.tsx";
import { LeaveButton } from "./Leave.tsx";
import type { Page } from "./page.ts";
import type { CallStore } from "./store.ts";
import { awayWith, READ_ONLY_TITLE, READ_ONLY_WORDS } from "./words.ts";

interface Shown {
  icon: IconName;
  words: string;
  title: string;
}

const SAVED: Shown = { icon: "saved", words: "Saved", title: "Everything you did here is on the hub's disk" };
const SAVING: Shown = { icon: "saving", words: "Saving…", title: "Your last changes are on their way to the hub's disk" };
const OFFLINE: Shown = {
  icon: "offline",
  words: "Reconnecting…",
  title: "The connection is lost. What you do now is kept, and sent once you are back",
};
const READ_ONLY: Shown = { icon: "unsaved", words: READ_ONLY_WORDS, title: READ_ONLY_TITLE };

export function Header({ page, store }: { page: Page; store: CallStore }) {
  return (
    <header class="header">
      <h1>{page.address.call}</h1>
      <Status store={store} />
    </header>
  );
}

export function Actions({ page, store }: { page: Page; store: CallStore }) {
  return (
    <div class="actions">
      {page.address.token === undefined && (
        <button type="button" class="button" onClick={() => void copyLink(page)} title="Copy a link for somebody else">
          <Icon name="invite" />
          <span class="label">Invite</span>
        </button>
      )}
      <LeaveButton store={store} />
    </div>
  );
}

function Status({ store }: { store: CallStore }) {
  const shown = statusOf(store);
  return (
    <>
      <p class={`status ${shown.icon}`} title={shown.title}>
        <Icon name={shown.icon} />
        <span>{shown.words}</span>
      </p>
      {/* Read out when the connection goes and comes back, or saving stops; "saving" at every key would be a nuisance. */}
      <p class="unseen" role="status">
        {shown.icon === "offline" || shown === READ_ONLY ? `${shown.words} ${shown.title}` : "Connected"}
      </p>
    </>
  );
}

function statusOf(store: CallStore): Shown {
  if (store.link.value !== "joined" || store.status.value === "offline") {
    return store.reached.value > 0 ? { ...OFFLINE, ...awayWith(store.reached.value) } : OFFLINE;
  }
  if (store.status.value === "read_only") return READ_ONLY;
  return store.status.value === "saving" ? SAVING : SAVED;
}

async function copyLink(page: Page): Promise<void> {
  const link = inviteLink(page.address);
  try {
    await navigator.clipboard.writeText(link);
    page.toasts.note("The link is copied. Send it to whoever should join.");
  } catch {
    page.toasts.note(`Send this link to whoever should join: ${link}`);
  }
}
