// Runs first in every document: notes when a frame comes into the page, and when the app in a frame has its connection
// and has drawn what is in its state.
(() => {
  const now = () => performance.timeOrigin + performance.now(); // the same in all documents
  const watch = (window.watch = { inserted: {}, connected: 0, drawn: 0 });

  if (window === window.top) {
    const note = (node) => {
      if (node instanceof HTMLIFrameElement) watch.inserted[node.title] ??= now();
      else if (node instanceof Element) node.querySelectorAll("iframe").forEach(note);
    };
    const all = { childList: true, subtree: true };
    new MutationObserver((records) => records.forEach(({ addedNodes }) => addedNodes.forEach(note))).observe(document, all);
    return;
  }
  const [, app] = /\/apps\/([^/]+)/.exec(location.pathname) ?? [];
  if (app === undefined) return; // a frame is empty before its address is loaded

  // Which files it has loaded.
  watch.paths = () => [location.href, ...performance.getEntriesByType("resource").map(({ name }) => name)];

  // The SDK says the theme as soon as it has the resource.
  const theme = { attributes: true, subtree: true, attributeFilter: ["data-theme"] };
  new MutationObserver(() => (watch.connected ||= now())).observe(document, theme);

  const text = (id) => document.getElementById(id)?.textContent;
  const SHOWS = {
    poll: () => text("question") === "Where to?",
    vitals: () => text("name") === "Bed 1",
    whiteboard: () => window.whiteboard?.desk.scene.all().length > 0,
    "my-app": () => text("items")?.startsWith("Milk") === true,
  };
  const shows = SHOWS[app] ?? (() => document.readyState === "complete");
  const look = () => {
    if (shows()) setTimeout(() => (watch.drawn = now()));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
