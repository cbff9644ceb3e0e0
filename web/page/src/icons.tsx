/** The page's icons: drawn on a grid of 24, in the colour of the text beside them. */

import type { ComponentChildren } from "preact";

const DRAWINGS = {
  mic: (
    <>
      <rect x="9" y="3" width="6" height="11" rx="3" />
      <path d="M5 11a7 7 0 0 0 14 0M12 18v3" />
    </>
  ),
  micOff: (
    <>
      <path d="M9 6a3 3 0 0 1 6 0v5M15 14a3 3 0 0 1-6-2V9M5 11a7 7 0 0 0 11 5.7M19 11a7 7 0 0 1-.6 2.8M12 18v3M4 3l16 18" />
    </>
  ),
  camera: (
    <>
      <rect x="2.5" y="6" width="13" height="12" rx="2.5" />
      <path d="m15.5 10.5 6-3.5v10l-6-3.5z" />
    </>
  ),
  cameraOff: <path d="M7 6h6a2.5 2.5 0 0 1 2.5 2.5v2l6-3.5v10l-3.5-2M15 17.5a2.5 2.5 0 0 1-2 .5H5a2.5 2.5 0 0 1-2.5-2.5v-7A2.5 2.5 0 0 1 4 6.3M3 3l18 18" />,
  settings: <path d="M4 7h9M17.5 7H20M4 17h2.5M11 17h9M15.2 4.8a2.2 2.2 0 1 1 0 4.4 2.2 2.2 0 0 1 0-4.4ZM8.8 14.8a2.2 2.2 0 1 1 0 4.4 2.2 2.2 0 0 1 0-4.4Z" />,
  screen: (
    <>
      <rect x="3" y="4" width="18" height="12.5" rx="2" />
      <path d="M12 13.5v-6M9.2 10.2 12 7.4l2.8 2.8M8 20.5h8" />
    </>
  ),
  floating: (
    <>
      <path d="M21 10V6.5A1.5 1.5 0 0 0 19.5 5h-15A1.5 1.5 0 0 0 3 6.5v11A1.5 1.5 0 0 0 4.5 19H9" />
      <rect x="12.5" y="13" width="8.5" height="6.5" rx="1.2" />
    </>
  ),
  speaks: <path d="M4 10v4M8 7v10M12 4v16M16 7v10M20 10v4" stroke-width="2.4" />,
  speaker: <path d="M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11" />,
  apps: (
    <>
      <rect x="4" y="4" width="6.5" height="6.5" rx="1.5" />
      <rect x="13.5" y="4" width="6.5" height="6.5" rx="1.5" />
      <rect x="4" y="13.5" width="6.5" height="6.5" rx="1.5" />
      <path d="M16.8 13.5v6.5M13.5 16.8h6.5" />
    </>
  ),
  invite: (
    <>
      <path d="M10 14a4.5 4.5 0 0 0 6.4.4l3-3a4.5 4.5 0 0 0-6.4-6.4l-1.5 1.5" />
      <path d="M14 10a4.5 4.5 0 0 0-6.4-.4l-3 3a4.5 4.5 0 0 0 6.4 6.4l1.5-1.5" />
    </>
  ),
  people: (
    <>
      <circle cx="9" cy="8" r="3.5" />
      <path d="M2.5 19.5a6.5 6.5 0 0 1 13 0M15.5 4.8a3.5 3.5 0 0 1 0 6.4M17.5 13.6a6.5 6.5 0 0 1 4 5.9" />
    </>
  ),
  clock: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M12 7v5l3.5 2" />
    </>
  ),
  more: <path d="M5 12h.01M12 12h.01M19 12h.01" stroke-width="3" />,
  leave: <path d="M10 4H6a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h4M15 8l4 4-4 4M19 12H9" />,
  saved: <path d="m5 12.5 4.5 4.5L19 7.5" />,
  saving: <path d="M12 4a8 8 0 1 0 8 8" />,
  unsaved: <path d="M12 4 2.8 20h18.4zM12 10v4.5M12 17.2h.01" />,
  offline: <path d="M4 10a12 12 0 0 1 5-2.7M14 7.2a12 12 0 0 1 6 2.8M7.5 13.5A7 7 0 0 1 10 12M15.5 13a7 7 0 0 1 1 .6M12 18h.01M4 4l16 16" />,
  eye: (
    <>
      <path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12Z" />
      <circle cx="12" cy="12" r="3" />
    </>
  ),
  inspect: (
    <>
      <circle cx="10.5" cy="10.5" r="6.5" />
      <path d="m15.5 15.5 5 5M8 10.5h5M10.5 8v5" />
    </>
  ),
  back: <path d="M9 6 4 11l5 5M4 11h10a6 6 0 0 1 6 6v1" />,
  remove: <path d="M4.5 7h15M9.5 7V4.5h5V7M6.5 7l1 12.5h9l1-12.5M10 11v5M14 11v5" />,
  lock: (
    <>
      <rect x="5" y="11" width="14" height="9.5" rx="2" />
      <path d="M8 11V7.5a4 4 0 0 1 8 0V11" />
    </>
  ),
  download: <path d="M12 4v11M7.5 10.5 12 15l4.5-4.5M5 19.5h14" />,
  undo: <path d="M8 5 3.5 9.5 8 14M3.5 9.5H14a5.5 5.5 0 0 1 0 11h-3" />,
  close: <path d="M6 6l12 12M18 6 6 18" />,
  add: <path d="M12 5v14M5 12h14" />,
  chat: <path d="M5 5h14a1.5 1.5 0 0 1 1.5 1.5v9A1.5 1.5 0 0 1 19 17h-7l-4.5 4V17H5a1.5 1.5 0 0 1-1.5-1.5v-9A1.5 1.5 0 0 1 5 5ZM8 9.5h8M8 13h5" />,
  hand: <path d="M7 12V6.5a1.5 1.5 0 0 1 3 0V11V4.5a1.5 1.5 0 0 1 3 0V11V5.5a1.5 1.5 0 0 1 3 0V12V8.5a1.5 1.5 0 0 1 3 0V15a6.5 6.5 0 0 1-12.2 3L4 13.5a1.6 1.6 0 0 1 2.6-1.8L7 12" />,
  send: <path d="M4 12 20 4.5 15.5 20l-3.8-6.2zM11.7 13.8 20 4.5" />,
  expand: <path d="M4 9V5.5A1.5 1.5 0 0 1 5.5 4H9M15 4h3.5A1.5 1.5 0 0 1 20 5.5V9M20 15v3.5a1.5 1.5 0 0 1-1.5 1.5H15M9 20H5.5A1.5 1.5 0 0 1 4 18.5V15" />,
  shrink: <path d="M9 4v3.5A1.5 1.5 0 0 1 7.5 9H4M20 9h-3.5A1.5 1.5 0 0 1 15 7.5V4M15 20v-3.5a1.5 1.5 0 0 1 1.5-1.5H20M4 15h3.5A1.5 1.5 0 0 1 9 16.5V20" />,
  language: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M3.5 12h17M12 3.5c5 5.5 5 11.5 0 17M12 3.5c-5 5.5-5 11.5 0 17" />
    </>
  ),
  user: (
    <>
      <circle cx="12" cy="8" r="4" />
      <path d="M4.5 20a7.5 7.5 0 0 1 15 0" />
    </>
  ),
} satisfies Record<string, ComponentChildren>;

export type IconName = keyof typeof DRAWINGS;

/** Decoration: what it means stands in words beside it, or in its button's label. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {DRAWINGS[name]}
    </svg>
  );
}
