import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { MAX_NAME } from "@callmesh/core";

import { LanguageChoice } from "./LanguageChoice.tsx";
import type { Page } from "./page.ts";
import { Preview } from "./Preview.tsx";
import { language, say } from "./say.ts";
import { addressProblem, roleWords } from "./words.ts";

interface LobbyProps {
  page: Page;
  joining: boolean;
  problem: string | undefined;
}

export function Lobby({ page, joining, problem }: LobbyProps) {
  const name = useSignal(page.address.name ?? page.memory.name);
  const field = useRef<HTMLInputElement>(null);
  const { address, devices } = page;
  const wrong = addressProblem(address);
  const said = wrong ?? problem;
  useEffect(() => {
    field.current?.focus({ preventScroll: true });
    if (page.hasMedia) void devices.start();
  }, [page, devices]);
  useEffect(() => void (document.title = say("lobby-document", { call: address.call })), [address, language.value]);

  const submit = (event: Event): void => {
    event.preventDefault();
    const given = name.value.trim();
    if (given !== "" && !joining && wrong === undefined) void page.join(given);
  };

  return (
    <main class="lobby">
      {page.hasMedia && <Preview devices={devices} name={name.value} />}
      <form class="card lobby-form" onSubmit={submit}>
        <p class="quiet">{say("lobby-join-the-call")}</p>
        <h1>{address.call}</h1>
        <label>
          <span>{say("lobby-name")}</span>
          <input
            ref={field}
            name="name"
            value={name.value}
            onInput={({ currentTarget }) => (name.value = currentTarget.value)}
            maxLength={MAX_NAME}
            readOnly={address.name !== undefined}
            placeholder={say("lobby-name-hint")}
            autocomplete="name"
            pattern=".*[\p{L}\p{N}\p{P}\p{S}].*"
            title={say("lobby-name-rule")}
            required
          />
        </label>
        {said !== undefined && (
          <p class="problem" role="alert">
            {said}
          </p>
        )}
        <button class="button primary large" aria-disabled={joining || wrong !== undefined} /* `disabled` would lose the focus */>
          {say(joining ? "lobby-joining" : "lobby-join")}
        </button>
        {said === undefined && <p class="quiet">{roleWords(address)}</p>}
        <LanguageChoice page={page} />
      </form>
    </main>
  );
}
