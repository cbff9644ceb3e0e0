import { ROLES } from "@callmesh/core";
import { useEffect, useRef } from "preact/hooks";

import type { Dev, Turned } from "./dev.ts";
import { Icon } from "./icons.tsx";
import { Inspector } from "./Inspector.tsx";
import type { WeatherName } from "./network.ts";

/** The app side by side as several people have it, and the inspector. */
export function DevView({ dev }: { dev: Dev }) {
  const { inspected } = dev;
  const sitter = inspected.value === undefined ? undefined : dev.sitters.value.get(inspected.value);
  const name = dev.app.value?.name ?? dev.id;
  useEffect(() => void (document.title = `${name} · callmesh dev`), [name]);
  return (
    <div class="dev">
      <header class="dev-bar">
        <h1>{name}</h1>
        <News dev={dev} />
        <button type="button" class="button small" onClick={() => dev.add()}>
          <Icon name="add" />
          <span>Late joiner</span>
        </button>
        <button
          type="button"
          class="button small"
          aria-pressed={inspected.value !== undefined}
          onClick={() => (inspected.value = inspected.value === undefined ? dev.seats.value[0]?.id : undefined)}
        >
          <Icon name="inspect" />
          <span>Inspector</span>
        </button>
      </header>
      <main class="dev-floor">
        <div class="seats">
          {dev.seats.value.map((seat) => (
            <SeatView key={seat.id} dev={dev} seat={seat} />
          ))}
        </div>
        {sitter !== undefined && (
          <Inspector
            key={sitter.call.me.id}
            call={sitter.call}
            inspection={sitter.inspection}
            resource={sitter.call.active}
            onClose={() => (inspected.value = undefined)}
          />
        )}
      </main>
    </div>
  );
}

function News({ dev }: { dev: Dev }) {
  const { problem, reloaded } = dev;
  if (problem.value !== undefined) {
    return (
      <p class="problem dev-news" role="alert">
        {problem.value}
      </p>
    );
  }
  const when = reloaded.value === undefined ? "" : ` Loaded anew at ${new Date(reloaded.value).toLocaleTimeString()}.`;
  return (
    <p class="quiet dev-news" role="status">
      Change a file, and all of them load it; the state stays.{when}
    </p>
  );
}

const LINKS: Record<WeatherName, string> = { good: "Good link", slow: "Slow link", lossy: "Slow and lossy", offline: "Offline" };
const THEMES: Record<Turned["theme"], string> = { "": "Own theme", light: "Light", dark: "Dark" };
const LANGUAGES = ["en", "de", "fr", "es", "ja", "ar"];

function SeatView({ dev, seat }: { dev: Dev; seat: Turned }) {
  const element = useRef<HTMLIFrameElement>(null);
  useEffect(() => {
    if (element.current) dev.frame(seat.id, element.current);
  }, [dev, seat.id]);
  const isInspected = dev.inspected.value === seat.id;
  return (
    <section class={`seat ${seat.phone ? "phone" : ""} ${isInspected ? "inspected" : ""}`} aria-label={seat.name}>
      <Switches dev={dev} seat={seat} />
      <div class="seat-frame">
        <iframe ref={element} title={seat.name} src={dev.address(seat)} />
      </div>
    </section>
  );
}

function Switches({ dev, seat }: { dev: Dev; seat: Turned }) {
  const { id, name } = seat;
  const languages = new Set([...Object.keys(dev.app.value?.languages ?? {}), ...LANGUAGES]);
  const tongues = { "": "Own language", ...Object.fromEntries([...languages].map((tag) => [tag, tag])) };
  return (
    <header class="seat-bar">
      <h2>{name}</h2>
      <p class="quiet">{dev.sitters.value.get(id)?.status ?? "not in"}</p>
      <Choice label={`Role of ${name}`} value={seat.role} options={roles} onChoose={(role) => dev.turn(id, { role })} />
      <Choice label={`Link of ${name}`} value={seat.link} options={LINKS} onChoose={(link) => dev.turn(id, { link })} />
      <Choice label={`Theme of ${name}`} value={seat.theme} options={THEMES} onChoose={(theme) => dev.turn(id, { theme })} />
      <Choice label={`Language of ${name}`} value={seat.language} options={tongues} onChoose={(language) => dev.turn(id, { language })} />
      <button type="button" class="button small" aria-pressed={seat.phone} onClick={() => dev.turn(id, { phone: !seat.phone })}>
        Phone
      </button>
      <button
        type="button"
        class="button small bare"
        aria-label={`Inspect as ${name}`}
        title={`Inspect as ${name}`}
        aria-pressed={dev.inspected.value === id}
        onClick={() => (dev.inspected.value = id)}
      >
        <Icon name="inspect" />
      </button>
      {dev.seats.value.length > 1 && (
        <button type="button" class="button small bare" aria-label={`Let ${name} leave`} title={`Let ${name} leave`} onClick={() => dev.remove(id)}>
          <Icon name="close" />
        </button>
      )}
    </header>
  );
}

const roles = Object.fromEntries(ROLES.map((role) => [role, role])) as Record<Turned["role"], string>;

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: Readonly<Record<T, string>>;
  onChoose: (value: T) => void;
}

function Choice<T extends string>({ label, value, options, onChoose }: ChoiceProps<T>) {
  return (
    <select class="button small" aria-label={label} value={value} onChange={({ currentTarget }) => onChoose(currentTarget.value as T)}>
      {Object.entries(options).map(([option, words]) => (
        <option key={option} value={option}>
          {String(words)}
        </option>
      ))}
    </select>
  );
}
