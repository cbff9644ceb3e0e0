"""The command `callmesh`: what its arguments mean. What it does is done elsewhere."""

import argparse
import asyncio
import importlib.metadata
import logging
import os
import re
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from callmesh import auditing, creating, installing
from callmesh.catalog import Catalog
from callmesh.developing import develop
from callmesh.errors import BadInput, BadManifest, CallmeshError
from callmesh.folder import APPS, CannotStart, is_running
from callmesh.ids import call_id, display_name
from callmesh.manifest import doubts
from callmesh.participant import Role
from callmesh.serving import serve
from callmesh.settings import (
    CONFIG,
    FIELDS,
    SWITCH,
    Chosen,
    Field,
    Settings,
    as_toml,
    choose,
    limit_flags,
)  # fmt: skip
from callmesh.tokens import Claims, Key

MARKS = {"kept": "✓", "broken": "✗", "not tried": "–"}
LISTED = {
    "apps": "DIR", "webhook_url": "URL", "embed": "URL", "fetch_private": "URL",
    "ice_server": "URL",
}  # fmt: skip
"""What one of a list is called."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (CannotStart, CallmeshError) as error:
        print(f"callmesh: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="callmesh", description="Apps that live inside a call, on your own machine."
    )
    parser.add_argument(
        "--version", action="version", version=f"callmesh {importlib.metadata.version('callmesh')}"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, about, more, run in (
        ("serve", "run a hub", "the call page, the apps, and the calls", _serve),
        ("config", "print the settings", "what they are, and where each is from", _config),
        ("doctor", "look for what is wrong", "with this machine and the settings", _doctor),
    ):
        command = commands.add_parser(name, help=about, description=f"{_sentence(about)}: {more}.")
        command.set_defaults(run=run)
        _add_settings(command)
    for name, about, run in (
        ("invite", "print a link that lets somebody into a call", _invite),
        ("token", "print a token for a call, as `callmesh.join` and links carry it", _token),
    ):
        command = commands.add_parser(name, help=about, description=f"{_sentence(about)}.")
        command.set_defaults(run=run)
        _add_visitor(command)
        _add_settings(command, ["key", "url"] if name == "invite" else ["key"])
    _add_dev(commands.add_parser("dev", help="try an app as several people at once"))
    _add_new(commands.add_parser("new", help="make a folder with a working app, to begin with"))
    _add_apps(commands.add_parser("apps", help="add apps to a hub, list, remove or check them"))
    _add_audit(commands.add_parser("audit", help="read and check the log of who came and went"))
    return parser


def _sentence(text: str) -> str:
    """`text` with a capital at its beginning, and as it is behind it."""
    return text[0].upper() + text[1:]


# --- settings


def _add_settings(command: argparse.ArgumentParser, names: Sequence[str] = ()) -> None:
    """Flags for the settings called `names`, or else for all of them."""
    group = command.add_argument_group(
        "settings", "Flags go before variables, those before the file, that before the defaults."
    )
    group.add_argument(
        "--config", type=Path, metavar="FILE", help=f"settings in TOML; or set {CONFIG}"
    )
    for field in FIELDS.values():
        if (not names or field.name in names) and not field.name.startswith("limits."):
            _add_setting(group, field)
    if not names:
        group.add_argument("--verbose", action="store_true", help="log who comes and goes")
        group.add_argument(
            "--limit", action="append", default=[], metavar="NAME=NUMBER",
            help="set a limit; `callmesh config` lists them. May be given several times",
        )  # fmt: skip


def _add_setting(group: argparse._ArgumentGroup, field: Field) -> None:
    dest, words = f"set_{field.name}", f"{field.meaning} Or set {field.variable}"
    if field.is_list:
        group.add_argument(
            field.flag, dest=dest, action="append", metavar=LISTED[field.name],
            help=f"{field.meaning} May be given several times. Or set {field.variable}",
        )  # fmt: skip
    elif field.wanted == SWITCH:
        group.add_argument(
            field.flag, dest=dest, action=argparse.BooleanOptionalAction, default=None, help=words
        )
    else:
        default = "" if field.default is None else f" ({field.default})"
        metavar = {"a path": "PATH"}.get(field.wanted, field.name.upper())
        if field.choices:
            metavar = f"{{{','.join(field.choices)}}}"
        group.add_argument(field.flag, dest=dest, metavar=metavar, help=words + default)


def _chosen(options: argparse.Namespace) -> Chosen:
    """The settings that count for this command. Raises `BadInput`."""
    given = {
        name.removeprefix("set_"): value if isinstance(value, list) else str(value)
        for name, value in vars(options).items()
        if name.startswith("set_") and value is not None
    }
    if getattr(options, "verbose", False):
        given.setdefault("log_level", "info")
    given.update(limit_flags(getattr(options, "limit", [])))
    return choose(given, os.environ, options.config)


def _serve(options: argparse.Namespace) -> int:
    return serve(_chosen(options).settings)


def _config(options: argparse.Namespace) -> int:
    print(as_toml(_chosen(options)))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    """1 if there is something that keeps the hub from working well."""
    from callmesh.doctor import WRONG, examine  # it knows all there is, and who serves needs none

    logging.getLogger("callmesh").addHandler(logging.NullHandler())  # it is all in the findings
    findings = []
    for finding in examine(_chosen(options).settings):
        print(finding, flush=True)  # some take a while
        findings.append(finding)
    return int(any(finding.mark == WRONG for finding in findings))


# --- making apps


def _add_new(new: argparse.ArgumentParser) -> None:
    new.description = (
        "Make a folder with a working app: a manifest, a page, a script, and a README that says "
        "how to go on."
    )
    new.add_argument(
        "folder", type=Path, metavar="NAME",
        help="the app's id, which is the name of its folder: lower-case letters, digits and -",
    )  # fmt: skip
    new.add_argument(
        "--template", choices=creating.KINDS, default="plain",
        help="plain files, or TypeScript, or TypeScript with React, built by vite (%(default)s)",
    )  # fmt: skip
    new.add_argument(
        "--python", action="store_true",
        help="with Python that the hub runs beside it: a participant that is always there",
    )  # fmt: skip
    new.set_defaults(run=_new)


def _new(options: argparse.Namespace) -> int:
    folder: Path = options.folder
    creating.create(folder, options.template, python=options.python)
    print(f"made {folder}: a list that everybody in a call adds to. Look at it, and change it:\n")
    if options.template != "plain":
        print(f"  (cd {folder} && npm install && npm run build)")
    print(f"  callmesh dev {folder}")
    return 0


def _add_dev(dev: argparse.ArgumentParser) -> None:
    dev.description = (
        "Try an app: a page shows it as a host and a guest have it, side by side, loads it anew "
        "when its files change, and has an inspector beside it. What is in the call goes when you "
        "stop."
    )
    dev.add_argument(
        "folder", type=Path, metavar="DIR",
        help="the app's folder, or that of a project which is built into dist/NAME",
    )  # fmt: skip
    dev.add_argument("--port", type=int, default=0, help="the port (a free one)")
    dev.add_argument("--open", action="store_true", help="open the page in a browser")
    dev.set_defaults(run=_dev)


def _dev(options: argparse.Namespace) -> int:
    return develop(options.folder, port=options.port, show=options.open)


# --- apps


def _add_apps(apps: argparse.ArgumentParser) -> None:
    apps.description = (
        "The apps of a hub. One that runs needs no restart: a page that asks finds them."
    )
    commands = apps.add_subparsers(required=True, metavar="COMMAND")
    for name, about, run in (
        ("add", "add an app, or a newer version of it, from a folder or a zip", _add_app),
        ("list", "print id, name, version, hash and where from of each", _list_apps),
        ("remove", "take out an app that was added; what is in calls stays", _remove_app),
        ("check", "say what is wrong with apps, by file, line and column", _check_apps),
    ):
        command = commands.add_parser(name, help=about, description=f"{_sentence(about)}.")
        command.set_defaults(run=run)
        if name in ("add", "check"):
            more = "+" if name == "check" else None
            command.add_argument("source", type=Path, nargs=more, metavar="FOLDER|ZIP")
        if name == "add":
            command.add_argument(
                "--allow-python", action="store_true",
                help="let the Python that it brings run on this machine, as the user of the hub",
            )  # fmt: skip
        if name == "remove":
            command.add_argument("id", metavar="ID")
        if name == "check":
            command.add_argument(
                "--conformance", action="store_true",
                help="try them in Chromium as well, for the traps that apps fall into (20 s each)",
            )  # fmt: skip
            command.add_argument(
                "--seed", type=int, metavar="N", help="make the moves of an earlier try again"
            )
        if name != "check":
            _add_settings(command, ["data", "apps"] if name == "list" else ["data"])


def _add_app(options: argparse.Namespace) -> int:
    data = _chosen(options).settings.data
    manifest, hash = installing.add(options.source, data, allow_python=options.allow_python)
    asks = [*manifest.capabilities, *manifest.hosts]
    print(f"added {manifest.id} {manifest.version} ({hash})")
    print(f"it may use: {', '.join(asks) or 'its own state, presence and cache'}")
    if manifest.python:
        print(f"it runs Python on this machine, as the user of the hub: {manifest.python}")
    return 0


def _list_apps(options: argparse.Namespace) -> int:
    settings = _chosen(options).settings
    logging.getLogger("callmesh").addHandler(logging.NullHandler())  # problems are printed below
    catalog = Catalog(settings.apps, settings.data / APPS)
    rows = [("ID", "NAME", "VERSION", "HASH", "FROM"), *installing.listed(catalog, settings.data)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        )
    for problem in catalog.problems:
        print(f"callmesh: left out: {problem}", file=sys.stderr)
    return int(bool(catalog.problems))


def _remove_app(options: argparse.Namespace) -> int:
    installing.remove(options.id, _chosen(options).settings.data)
    print(f"removed {options.id}")
    return 0


def _check_apps(options: argparse.Namespace) -> int:
    """1 if a hub would not take one of them."""
    code = 0
    for source in options.source:
        try:
            manifest = installing.Package(source).manifest
        except BadManifest as problem:
            print(problem)
            code = 1
            continue
        for doubt in doubts(manifest):
            print(f"{source / 'manifest.json'}: perhaps not meant: {doubt}")
        if options.conformance:
            code |= _try_app(options, source)
        else:
            print(f"{source}: {manifest.id} {manifest.version} is fine")
    return code


def _try_app(options: argparse.Namespace, source: Path) -> int:
    """1 if it has fallen into a trap."""
    try:
        from callmesh.conformance import check  # the extra callmesh[conformance]
    except ImportError:
        raise BadInput("apps are tried in browsers: pip install 'callmesh[conformance]'") from None
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    print(f"{source}: tried in Chromium, with --seed {seed}")

    async def run() -> int:
        broken = 0
        async for trap, outcome, why in check(source, seed):
            print(f"  {MARKS[outcome]} {trap} {why}", flush=True)
            broken |= outcome == "broken"
        return int(broken)

    return asyncio.run(run())


# --- the audit log


def _add_audit(audit: argparse.ArgumentParser) -> None:
    audit.description = "The audit log: who was let in, refused, removed, and changes of access."
    commands = audit.add_subparsers(required=True, metavar="COMMAND")
    for name, about, run in (
        ("export", "print the log, one JSON object a line", _export_audit),
        ("fetches", "print what apps fetched by way of the hub, and what came of it", _fetches),
        ("verify", "check that no line was changed or taken out", _verify_audit),
    ):
        command = commands.add_parser(name, help=about, description=f"{_sentence(about)}.")
        command.set_defaults(run=run)
        _add_settings(command, ["data"])
        if name in ("export", "fetches"):
            command.add_argument("--call", metavar="CALL", help="of this call alone")
        else:
            command.add_argument("--file", type=Path, help="check an export, not a hub's data")
            command.add_argument(
                "--part", action="store_true",
                help="it is of one call, or some lines of /api/audit: lines may be left out",
            )  # fmt: skip
            command.add_argument(
                "--noted", metavar="NUMBER:HASH", help="a line noted before, which has to be in it"
            )


def _export_audit(options: argparse.Namespace) -> int:
    return auditing.export(auditing.lines_of(_chosen(options).settings.data), options.call)


def _fetches(options: argparse.Namespace) -> int:
    data = _chosen(options).settings.data
    return auditing.fetches(auditing.lines_of(data), options.call, lambda: is_running(data))


def _verify_audit(options: argparse.Namespace) -> int:
    file: Path | None = options.file
    if options.part and file is None:
        raise BadInput("--part is about an export: --file FILE; the log of a hub is whole")
    lines = auditing.lines_in(file) if file else auditing.written_in(_chosen(options).settings.data)
    code = auditing.verify(lines, options.noted, part=options.part)
    if code and file and not options.part:
        print("callmesh: if it is a part of a log, check it as one: --part", file=sys.stderr)
    return code


# --- tokens


def _add_visitor(command: argparse.ArgumentParser) -> None:
    command.add_argument("call", metavar="CALL", help="the call's id, as in /call/CALL")
    command.add_argument("--role", choices=list(Role), default=Role.GUEST, help="(%(default)s)")
    command.add_argument("--name", help="how others see them; left out, they say it themselves")
    command.add_argument(
        "--person", help="who it is, in your own words: the same text is the same person",
    )  # fmt: skip
    command.add_argument(
        "--no-wait", action="store_true", help="they come in without asking a host"
    )
    command.add_argument(
        "--for", dest="lasts", default="24h", metavar="TIME",
        help="how long one may come in with it: 30m, 8h, 7d (%(default)s)",
    )  # fmt: skip


def _invite(options: argparse.Namespace) -> int:
    settings = _chosen(options).settings
    url = settings.url or f"http://127.0.0.1:{settings.port}"
    if settings.url is None:
        said = "leads to this machine alone: say where people reach the hub with --url"
        print(f"callmesh: the link {said}", file=sys.stderr)
    print(f"{url.rstrip('/')}/call/{options.call}#token={_signed(options, settings)}")
    return 0


def _token(options: argparse.Namespace) -> int:
    print(_signed(options, _chosen(options).settings))
    return 0


def _signed(options: argparse.Namespace, settings: Settings) -> str:
    """A token for whom `options` describe. Raises `BadInput`."""
    if settings.key is None:
        raise BadInput("say which key signs, the one that the hub checks with: --key FILE")
    now = int(time.time())
    return Key.read(settings.key).sign(
        Claims(
            call=call_id(options.call),
            role=Role(options.role).value,
            sub=options.person or secrets.token_urlsafe(12),
            iat=now,
            exp=now + _seconds(options.lasts),
            name=display_name(options.name) if options.name else None,
            wait=not options.no_wait,
        )
    )


def _seconds(text: str) -> int:
    """`90s`, `30m`, `8h` or `7d` in seconds. Raises `BadInput`."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text)
    if found is None:
        raise BadInput(f"{text} is no time; say 30m, 8h or 7d")
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]
