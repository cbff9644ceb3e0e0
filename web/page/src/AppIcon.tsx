import { iconOf, type App } from "./catalog.ts";
import { Icon } from "./icons.tsx";

export function AppIcon({ app }: { app: App | undefined }) {
  const address = iconOf(app);
  return address === undefined ? (
    <span class="app-icon">
      <Icon name="apps" />
    </span>
  ) : (
    <img class="app-icon" src={address} alt="" />
  );
}
