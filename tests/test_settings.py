"""Settings: one precedence, and a sentence for whatever is wrong."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from callmesh.cli import main
from callmesh.errors import BadInput
from callmesh.limits import Limits
from callmesh.settings import FIELDS, Settings, as_toml, choose, limit_flags


def write(folder: Path, text: str) -> Path:
    file = folder / "callmesh.toml"
    file.write_text(text)
    return file


def test_flags_go_before_variables_before_the_file_before_defaults(tmp_path: Path) -> None:
    """[O5]"""
    file = write(tmp_path, 'host = "::1"\nport = 1\nlog = "json"\n[limits]\nkeys = 100\n')
    environment = {"CALLMESH_PORT": "2", "CALLMESH_LOG": "text", "CALLMESH_LIMITS_KEYS": "200"}
    assert choose({}, {}).settings == Settings()
    chosen = choose({"port": "3"}, environment, file)
    settings = chosen.settings
    assert (settings.host, settings.port, settings.log) == ("::1", 3, "text")
    assert settings.limits == Limits(keys=200)
    assert chosen.origins == {
        "host": str(file),
        "port": "--port",
        "log": "CALLMESH_LOG",
        "limits.keys": "CALLMESH_LIMITS_KEYS",
    }
    assert choose(limit_flags(["keys=300"]), environment, file).settings.limits.keys == 300


def test_every_setting_has_a_variable_a_flag_and_a_meaning() -> None:
    """[O5, O6]"""
    assert {f"limits.{name}" for name in Limits.__struct_fields__} <= set(FIELDS)
    for field in FIELDS.values():
        assert field.meaning.endswith("."), field.name
        assert field.variable.isupper()
        assert field.flag.startswith("--")
        value = getattr(Settings().limits, field.name.removeprefix("limits."), None)
        if field.name.startswith("limits."):
            assert choose({}, {field.variable: str(value)}).settings == Settings()


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    """[O5]"""
    file = write(tmp_path, "port = 1")
    other = tmp_path / "other.toml"
    other.write_text("port = 2")
    assert choose({}, {"CALLMESH_CONFIG": str(file)}).settings.port == 1
    assert choose({}, {"CALLMESH_CONFIG": str(file)}, other).settings.port == 2
    assert choose({}, {"CALLMESH_CONFIG": "", "CALLMESH_PORT": ""}).settings == Settings()


def test_a_path_in_the_file_is_relative_to_the_file(tmp_path: Path) -> None:
    """[O5]"""
    file = write(tmp_path, 'data = "calls"\nkey = "/etc/key"\napps = ["a", "../b"]\n')
    settings = choose({}, {}, file).settings
    assert settings.data == tmp_path / "calls"
    assert settings.key == Path("/etc/key")
    assert settings.apps == (tmp_path / "a", tmp_path / "../b")
    assert choose({}, {"CALLMESH_APPS": "a:b"}).settings.apps == (Path("a"), Path("b"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prot = 1", "there is no setting prot; did you mean port?"),
        ("[limits]\nkey = 1", "did you mean limits.keys?"),
        ("[limits]\nkeys = 0", "limits.keys is a whole number from 16 to 1000000, and 0 is not"),
        ("[limits]\nvalue_bytes = 65537", "from 1024 to 65536"),
        ("limits = 3", "[limits]"),
        ('port = "8484"', 'port is a whole number from 0 to 65535, and "8484" is not'),
        ("dev = 1", "dev is true or false, and 1 is not"),
        ('log = "xml"', 'log is one of json, text, and "xml" is not'),
        ("data = 1", "data is a path"),
        ('data = ""', "data is a path"),
        ('data = "~nobody-of-that-name/x"', "data is a path"),
        ('apps = "a"', "apps is a list of paths"),
        ('url = "calls.example.org"', "url is an address with https:// or http://, like https:"),
        ('webhook_url = ["ftp://a"]', "webhook_url is a list of addresses with https:// or http"),
        ("host = []", "host is a text"),
        ("waiting_area = []", "waiting_area is true or false"),
        ("port = ", "not valid TOML"),
        ("[port]\nnumber = 1", "port is a whole number"),
    ],
)
def test_what_is_wrong_in_the_file_is_said(tmp_path: Path, text: str, says: str) -> None:
    """[O7] Also where a flag goes before it."""
    file = write(tmp_path, text)
    with pytest.raises(BadInput) as refused:
        choose({"port": "1", "data": "x"}, {}, file)
    assert str(refused.value).startswith(str(file))
    assert says in str(refused.value)


def test_what_is_wrong_elsewhere_is_said(tmp_path: Path) -> None:
    """[O7]"""
    for environment, says in (
        ({"CALLMESH_PORT": "tcp://10.0.0.1:80"}, "CALLMESH_PORT: port is a whole number from 0 to"),
        ({"CALLMESH_LIMIT_KEYS": "1"}, "no variable CALLMESH_LIMIT_KEYS; did you mean CALLMESH_LI"),
        ({"CALLMESH_DEV": "maybe"}, 'CALLMESH_DEV: dev is true or false, and "maybe" is not'),
        ({"CALLMESH_CONFIG": str(tmp_path / "none")}, "none cannot be read: No such file"),
    ):
        with pytest.raises(BadInput, match=re.escape(says)):
            choose({}, environment)
    (tmp_path / "latin").write_bytes(b'host = "\xe4"')
    for flags, says in ((["kees=1"], "did you mean keys?"), (["keys"], "--limit keys=500")):
        with pytest.raises(BadInput, match=re.escape(says)):
            limit_flags(flags)
    with pytest.raises(BadInput, match="not valid TOML"):
        choose({}, {}, tmp_path / "latin")


def test_help_reads_as_it_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    """[O7] And shows what there is to choose."""
    for arguments, says in (
        (["serve"], "--log-level {debug,info,warning,error}"),
        (["doctor"], "--metrics {off,local,everyone}"),
        (["token"], "`callmesh.join`"),
        (["audit", "export"], "one JSON object a line"),
    ):
        with pytest.raises(SystemExit):
            main([*arguments, "--help"])
        assert says in " ".join(capsys.readouterr().out.split())


def test_config_prints_a_file_that_gives_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """[O8]"""
    key = tmp_path / 'a "key"\x7f'
    key.write_text("s" * 40)
    monkeypatch.setenv("CALLMESH_LIMITS_PARTICIPANTS", "12")
    arguments = ["--key", str(key), "--apps", "here", "--limit", "keys=500", "--waiting-area"]
    assert main(["config", *arguments, "--verbose", "--no-dev"]) == 0
    printed = capsys.readouterr().out
    assert "s" * 40 not in printed
    assert "participants = 12  # CALLMESH_LIMITS_PARTICIPANTS" in printed
    assert "keys = 500  # --limit keys" in printed
    assert 'log_level = "info"' in printed
    assert "# Keys of one State, without deleted ones.\nkeys" in printed
    (tmp_path / "elsewhere").mkdir()
    file = write(tmp_path / "elsewhere", printed)
    monkeypatch.delenv("CALLMESH_LIMITS_PARTICIPANTS")
    chosen = choose({}, {}, file)
    assert chosen.settings.key == key
    assert chosen.settings.apps == (Path("here").absolute(),)
    assert tomllib.loads(as_toml(chosen)) == tomllib.loads(printed)


def test_the_command_says_what_is_wrong_in_one_line(tmp_path: Path) -> None:
    """[O7]"""
    file = write(tmp_path, "prot = 1")
    for arguments in (["--config", str(file)], ["--port", "x"], ["--limit", "keys=0"]):
        ended = subprocess.run(
            [sys.executable, "-m", "callmesh", "serve", "--dev", *arguments],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert ended.returncode == 1
        assert ended.stderr.count("\n") == 1, ended.stderr
        assert ended.stderr.startswith("callmesh: ")
