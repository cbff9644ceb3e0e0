/** Small panels that a button opens, and choices in them. */

/** A panel that closes when something else is pressed, and with Escape. */
export function panel(button: HTMLElement, box: HTMLElement): { toggle(): void; close(): void } {
  const show = (shown: boolean): void => {
    box.hidden = !shown;
    button.setAttribute("aria-expanded", String(shown));
  };
  document.addEventListener("pointerdown", ({ target }) => {
    if (target instanceof Node && !box.contains(target) && !button.contains(target)) show(false);
  });
  for (const one of [box, button]) {
    one.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || box.hidden) return;
      show(false);
      button.focus();
    });
  }
  return { toggle: () => show(Boolean(box.hidden)), close: () => show(false) };
}

/** One of several, as radio buttons: arrow keys go from one to the next. */
export function choices<T extends string | number>(box: HTMLElement, all: readonly T[], name: (one: T, place: number) => string, face: (one: T) => string, chosen: (one: T) => void): (now: T) => void {
  const buttons = all.map((one) => {
    const button = document.createElement("button");
    button.type = "button";
    button.role = "radio";
    button.innerHTML = face(one);
    button.onclick = () => chosen(one);
    return button;
  });
  box.replaceChildren(...buttons);
  arrows(box);
  return (now) => {
    for (const [place, one] of all.entries()) {
      const button = buttons[place];
      if (button === undefined) continue;
      button.ariaLabel = button.title = name(one, place);
      button.setAttribute("aria-checked", String(one === now));
    }
  };
}

/** Left and right go through the buttons of a bar. */
export function arrows(bar: HTMLElement): void {
  bar.addEventListener("keydown", (event) => {
    const ahead = document.documentElement.dir === "rtl" ? -1 : 1;
    const step = { ArrowLeft: -ahead, ArrowRight: ahead }[event.key];
    if (step === undefined) return;
    const buttons = [...bar.querySelectorAll("button")].filter((button) => !button.disabled && button.offsetParent !== null);
    const place = buttons.findIndex((button) => button === document.activeElement);
    buttons[(place + step + buttons.length) % buttons.length]?.focus();
    event.preventDefault();
    event.stopPropagation();
  });
}
