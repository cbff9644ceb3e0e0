"""What a `--dev` hub makes an app take its browser for, where its author tries that (A16).

No page can give a frame of opaque origin another theme or language, so the hub serves it the app's
files in which these are so, at an address that says them: `<hash>~<theme>~<language>`.
"""

import json
import re

_ADDRESS = re.compile(r"([0-9a-f]+)~(light|dark|)~([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*|)", re.ASCII)
_ASKED = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.ASCII)
_ALWAYS, _NEVER = "(min-width: 0px)", "(max-width: 0px)"
_LANGUAGE = """<script>((tag) => {
  const told = { language: { value: tag }, languages: { value: [tag] } };
  Object.defineProperties(navigator, told);
})(%s);</script>"""
_THEME = """<style>:root { color-scheme: %(theme)s !important; }</style><script>((theme) => {
  const asked = /\\(\\s*prefers-color-scheme\\s*:\\s*(light|dark)\\s*\\)/g;
  const ask = window.matchMedia.bind(window);
  window.matchMedia = (query) =>
    ask(query.replace(asked, (_, wanted) => wanted === theme ? "%(always)s" : "%(never)s"));
})("%(theme)s");</script>"""


class Guise:
    """What the address of an app says. Nothing is pretended where it says nothing."""

    def __init__(self, address: str) -> None:
        found = _ADDRESS.fullmatch(address)
        self.hash, self.theme, self._language = found.groups() if found else ("", "", "")

    def style(self, text: str) -> str:
        """Styles in which the theme is asked for and found, or not."""
        return _ASKED.sub(lambda asked: _ALWAYS if asked[1] == self.theme else _NEVER, text)

    def page(self, text: str) -> str:
        """A page whose scripts find theme and language."""
        if self.theme:
            names = {"theme": self.theme, "always": _ALWAYS, "never": _NEVER}
            text = _first_in_head(self.style(text), _THEME % names)
        if self._language:
            text = _first_in_head(text, _LANGUAGE % json.dumps(self._language))
        return text


def _first_in_head(page: str, what: str) -> str:
    """Before the SDK's import map, which a hub has put in front of all else."""
    return page.replace('<script type="importmap">', f'{what}<script type="importmap">', 1)
