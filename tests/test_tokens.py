"""Tokens: who gets in with which, and everything that does not get in."""

import base64
import hmac
import json
import math
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import callmesh
from callmesh.auth import Authority
from callmesh.errors import BadInput, BadName, Unauthorized
from callmesh.ids import CallId
from callmesh.messages import Hello
from callmesh.participant import Role
from callmesh.testing import MemoryHub
from callmesh.tokens import BROKEN, FOREIGN, LEEWAY, MIN_SECRET, TYP, Claims, Key
from tests.processes import HubProcess, hub_process
from tools import tokens as page

SECRET = b"0123456789abcdef0123456789abcdef"
NOW = 1_800_000_000
CLAIMS: dict[str, Any] = {
    "aud": "callmesh", "call": "demo", "role": "guest", "sub": "ada@clinic", "name": "Ada",
    "iat": NOW, "exp": NOW + 600,
}  # fmt: skip
DEMO = CallId("demo")


def pem(key: Any, *, private: bool = True) -> bytes:
    if private:
        return bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    return bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


def der(key: Any) -> list[bytes]:
    """The private half, and the public one."""
    return [
        key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    ]


ED25519 = Ed25519PrivateKey.generate()
SSH = ED25519.public_key().public_bytes(
    serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
)
OTHER_KINDS = [
    *((text, "in DER") for key in (ED25519, ec.generate_private_key(ec.SECP256R1()))
      for text in der(key)),
    *((base64.encodebytes(text), "in DER") for text in der(ED25519)),
    (b' {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}',
     "a JWK"),
    (SSH, "an SSH key"),
    (b"# of ops\n" + pem(ec.generate_private_key(ec.SECP256R1())), "Ed25519"),
]  # fmt: skip
"""Keys that are none for tokens, and were taken for secrets: one may be public."""


def check(key: Key, token: str, now: int = NOW) -> Claims:
    return key.check(token, DEMO, now * 1_000_000)


def token(changed: dict[str, Any], key: Any = SECRET, alg: str = "HS256", typ: str = TYP) -> str:
    claims = {name: value for name, value in (CLAIMS | changed).items() if value is not ...}
    return jwt.encode(claims, key, algorithm=alg, headers={"typ": typ})


@pytest.mark.parametrize(
    "text",
    [
        SECRET, b"\n " + SECRET + b"\n", pem(ED25519), b"# made in May\n" + pem(ED25519),
        b"\xef\xbb\xbf" + pem(ED25519), b"0" + SECRET, b"ssh" + SECRET, b"{" + SECRET,
        bytes(range(48, 80)), base64.b64encode(b"0" + SECRET),
    ],
)  # fmt: skip
def test_what_is_signed_is_read(text: bytes) -> None:
    """[J15]"""
    key = Key(text)
    claims = msgspec.convert(CLAIMS, Claims)
    assert check(key, key.sign(claims)) == claims
    assert check(key, key.sign(claims), NOW - 59) == claims, "clocks differ a little"


def test_the_page_says_what_the_code_does() -> None:
    """[J15] If not: `python -m tools.tokens`."""
    text = page.PAGE.read_text()
    assert page.rendered(text) == text
    assert f'"typ": "{TYP}"' in text
    assert f"{MIN_SECRET} bytes" in text
    assert f"{LEEWAY // 1_000_000} seconds" in text
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert [link for link in links if not (page.PAGE.parent / link).exists()] == []


def test_the_example_of_the_page_makes_a_link_that_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """[J15, J17]"""
    (example,) = re.findall(r"```python\n(.*?)```", page.PAGE.read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("private.pem").write_bytes(pem(ED25519))
    exec(example, {})
    link, made = capsys.readouterr().out.strip().split("#token=")
    public = Key(pem(ED25519, private=False))
    claims = public.check(made, CallId("round"), time.time_ns() // 1_000)
    assert link.endswith("/call/round")
    assert (claims.sub, claims.name, claims.role) == ("patient/4711", "Ada", "guest")


def test_a_public_key_checks_and_does_not_sign() -> None:
    """[J15]"""
    public = Key(pem(ED25519, private=False))
    claims = msgspec.convert(CLAIMS, Claims)
    assert check(public, Key(pem(ED25519)).sign(claims)) == claims
    with pytest.raises(BadInput, match="public key"):
        public.sign(claims)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"aud": "another"}, "aud"),
        ({"aud": ["another"]}, "its aud is not callmesh, or a list with it"),
        ({"aud": []}, "aud"),
        ({"aud": {"callmesh": 1}}, "aud"),
        ({"aud": ...}, "aud"),
        ({"call": "other"}, "another call"),
        ({"call": "Demo"}, "another call"),
        ({"call": ["demo"]}, "call"),
        ({"call": ...}, "it has no call"),
        ({"role": "hub"}, "its role is not host, guest or observer"),
        ({"role": ...}, "role"),
        ({"sub": ""}, "sub"),
        ({"sub": 7}, "sub"),
        ({"sub": ...}, "sub"),
        ({"exp": NOW}, "run out"),
        ({"exp": ...}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"exp": None}, "exp"),
        ({"iat": ...}, "iat"),
        ({"iat": NOW + 61}, "not valid yet"),
        ({"nbf": NOW + 61}, "not valid yet"),
        ({"name": 1}, "name"),
        ({"sub": "\ud800"}, "its sub is not a text"),
        *(
            ({name: time}, name)
            for name in ("iat", "nbf", "exp")
            for time in (math.nan, math.inf, -math.inf, 1e300, -1e300, -1, 2**53 / 1e6, 10**400)
        ),
    ],
)
def test_a_claim_that_is_missing_or_wrong_opens_nothing(
    changed: dict[str, Any], words: str
) -> None:
    """[J15]"""
    made = jwt.api_jws.encode(
        json.dumps({k: v for k, v in (CLAIMS | changed).items() if v is not ...}).encode(),
        SECRET, algorithm="HS256", headers={"typ": TYP},
    )  # fmt: skip
    with pytest.raises(Unauthorized, match=words) as refused:
        check(Key(SECRET), made)
    assert "ask for" in str(refused.value) or "come back" in str(refused.value)
    assert "$" not in str(refused.value), "words of ours, not of a library"


@pytest.mark.parametrize("aud", ["callmesh", ["callmesh"], ["another", "callmesh"]])
def test_a_token_for_several_audiences_is_one_for_callmesh_too(aud: object) -> None:
    """[J15]"""
    assert check(Key(SECRET), token({"aud": aud})) == msgspec.convert(CLAIMS, Claims)


def forged(header: dict[str, Any], secret: bytes | None) -> str:
    """A token put together by hand, as no library would."""

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    body = f"{part(json.dumps(header).encode())}.{part(json.dumps(CLAIMS).encode())}"
    mac = hmac.digest(secret, body.encode(), "sha256") if secret is not None else b""
    return f"{body}.{part(mac)}"


def test_what_somebody_else_signed_opens_nothing() -> None:
    """[J15] `alg: none`, a public key as a secret, another key, another algorithm, rubbish."""
    public_pem = pem(ED25519, private=False)
    ec_key = ec.generate_private_key(ec.SECP256R1())
    good = token({})
    tokens = [
        forged({"alg": "none", "typ": TYP}, None),
        forged({"alg": "None", "typ": TYP}, None),
        forged({"alg": "HS256", "typ": TYP}, public_pem),
        forged({"alg": "HS256", "typ": TYP}, public_pem.strip()),
        forged({"alg": "HS256", "typ": TYP}, b""),
        forged({"alg": "EdDSA", "typ": TYP}, SECRET),
        forged({"typ": TYP}, SECRET),
        forged({"alg": ["HS256"], "typ": TYP}, SECRET),
        forged({"alg": "HS256", "typ": TYP, "crit": ["x"]}, SECRET),
        token({}, b"t" * 32),
        token({}, SECRET * 2, alg="HS512"),
        token({}, pem(ec_key), alg="ES256"),
        token({}, typ="JWT"),
        token({}, typ="person"),
        good[:-2], good + "A", good.rsplit(".", 1)[0] + ".", f"{good}.", f"x{good}",
        "", ".", "..", "a.b.c", "é", "\0", "[" * 10_000, "x" * 16_000,
    ]  # fmt: skip
    keys = [Key(SECRET), Key(pem(ED25519)), Key(public_pem)]
    for wrong in tokens:
        for key in keys:
            with pytest.raises(Unauthorized, match=f"typ|{FOREIGN}|{BROKEN}"):
                check(key, wrong)
    with pytest.raises(Unauthorized):
        check(Key(pem(ED25519)), good)
    assert check(Key(SECRET), good).sub == "ada@clinic", "the control"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "at least 32"),
        (b" " * 40, "at least 32"),
        (SECRET[:31], "at least 32"),
        (b"-----BEGIN PUBLIC KEY-----\nrubbish\n-----END PUBLIC KEY-----", "cannot be read"),
        (b"-----BEGIN PRIVATE KEY-----\n", "cannot be read"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "Ed25519"),
        (pem(ec.generate_private_key(ec.SECP256R1()), private=False), "Ed25519"),
        *((text, words) for text, words in OTHER_KINDS),
    ],
    ids=range(7 + len(OTHER_KINDS)),  # keys are others each time
)
def test_a_weak_key_is_refused(text: bytes, words: str, tmp_path: Path) -> None:
    """[J15]"""
    file = tmp_path / "callmesh.key"
    file.write_bytes(text)
    with pytest.raises(BadInput, match=words) as refused:
        Key.read(file)
    assert str(file) in str(refused.value)
    with pytest.raises(BadInput, match="cannot be read"):
        Key.read(tmp_path / "none")


def test_a_key_that_would_refuse_every_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """[J15] Whatever the library has against it."""

    def encode(*_: object, **__: object) -> str:
        raise jwt.InvalidKeyError("not this one")

    monkeypatch.setattr("callmesh.tokens.jwt.encode", encode)
    for text in (SECRET, pem(ED25519)):
        with pytest.raises(BadInput, match="not this one"):
            Key(text)
    Key(pem(ED25519, private=False))


def test_the_token_says_who_it_is() -> None:
    """[J16]"""
    hub, other = Authority(b"h" * 32, Key(SECRET)), Authority(b"o" * 32, Key(SECRET))

    def admit(authority: Authority, changed: dict[str, Any], **said: Any) -> callmesh.Participant:
        hello = Hello(1, "demo", "Eve", role="host", token=token(changed), **said)
        return authority.visitor(DEMO, hello, NOW * 1_000_000).participant

    ada = admit(hub, {})
    assert (ada.name, ada.role) == ("Ada", Role.GUEST)
    assert admit(hub, {"name": ...}).name == "Eve"
    assert admit(hub, {"role": "observer"}).role is Role.OBSERVER
    again = admit(hub, {}, person=hub.person_proof(admit(hub, {"sub": "bob"}).person))
    assert again.person == ada.person, "the token says it, not what an earlier visit said"
    assert again.id != ada.id, "a second tab is a participant of its own"
    assert admit(hub, {"sub": "Ada@clinic"}).person != ada.person
    assert admit(other, {}).person != ada.person, "nobody can try out subjects elsewhere"
    with pytest.raises(Unauthorized, match="ask its host"):
        hub.visitor(DEMO, Hello(1, "demo", "Eve", person=hub.person_proof(ada.person)), NOW)


@pytest.mark.anyio
async def test_who_brings_no_token_learns_nothing_of_the_call() -> None:
    """[J15]"""
    key = Key(SECRET)
    long = msgspec.structs.replace(msgspec.convert(CLAIMS, Claims), iat=0, exp=4_000_000_000)
    async with MemoryHub(key=key, waiting_area=False) as hub:
        address = f"http://memory/call/demo#token={key.sign(long)}"
        async with hub.join("Eve", url=address) as ada:
            assert ada.me.name == "Ada"
            with pytest.raises(Unauthorized):
                async with hub.join("Eve", role="host"):
                    pass
            assert list(ada.participants) == [ada.me.id]


@pytest.mark.anyio
@pytest.mark.parametrize("wrong", [{"iat": math.nan}, {"exp": math.inf}, {"sub": "\ud800"}])
async def test_who_brings_a_token_that_makes_no_sense_is_told(wrong: dict[str, Any]) -> None:
    """[J15] And the hub's task ends as with any other who is refused."""
    async with MemoryHub(key=Key(SECRET)) as hub:
        address = f"http://memory/call/demo#token={token({'iat': 0, 'exp': 4e9} | wrong)}"
        with pytest.raises(Unauthorized):
            async with hub.join("Eve", url=address):
                pass


# --- a hub of its own process


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "callmesh", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


@pytest.fixture(params=["secret", "ed25519"])
def keyed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[HubProcess, Path]:
    file = tmp_path / "callmesh.key"
    file.write_bytes(SECRET if request.param == "secret" else pem(ED25519))
    hub = request.getfixturevalue("_stack").enter_context(hub_process(tmp_path / "data", key=file))
    return hub, file


@pytest.fixture
def _stack() -> Any:
    import contextlib

    with contextlib.ExitStack() as stack:
        yield stack


@pytest.mark.anyio
async def test_an_invitation_opens_its_call_and_no_other(keyed: tuple[HubProcess, Path]) -> None:
    """[J15, J17]"""
    hub, file = keyed
    made = run(
        "invite", "round", "--role", "host", "--name", "Dr Ada", "--key", str(file),
        "--url", f"{hub.address}/",
    )  # fmt: skip
    link = made.stdout.strip()
    assert link.startswith(f"{hub.call('round')}#token="), made.stderr
    assert made.stderr == ""
    alone = run("invite", "round", "--key", str(file))
    assert alone.stdout.startswith("http://127.0.0.1:8484/call/round#token=")
    assert "this machine alone: say where people reach the hub with --url" in alone.stderr
    async with callmesh.join(link, name="ignored", rtc=False) as ada:
        assert (ada.me.name, ada.me.role) == ("Dr Ada", Role.HOST)
        poll = await ada.resources.add("poll", title="Round")
        await poll.state.saved()
        more = ("--no-wait", "--name", "Cy", "--key", str(file))
        named = run("token", "round", *more).stdout.strip()
        guest = run("token", "round", "--no-wait", "--key", str(file), "--for", "5m").stdout.strip()
        async with callmesh.join(f"{hub.call('round')}#token={guest}", name="Bob", rtc=False) as b:
            assert (b.me.name, b.me.role) == ("Bob", Role.GUEST)
        nameless = f"{hub.call('round')}#token={guest}"
        async with callmesh.join(f"{hub.call('round')}#token={named}", rtc=False) as again:
            assert again.me.name == "Cy"
        for url, says in ((nameless, "1–80"), (hub.call("round"), "name=")):
            with pytest.raises(BadName, match=says):
                async with callmesh.join(url, rtc=False):
                    pass
    for wrong in (hub.call("round"), f"{hub.call('other')}#token={guest}"):
        with pytest.raises(Unauthorized):
            async with callmesh.join(wrong, name="Eve", rtc=False):
                pass


def test_the_greeting_says_how_links_are_made(tmp_path: Path) -> None:
    """[J17] With a public key they are not made here."""
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    private.write_bytes(pem(ED25519))
    public.write_bytes(pem(ED25519, private=False))
    with hub_process(tmp_path / "a", key=private) as hub:
        assert f"--key {private} " in hub.greeting
        assert "half" not in hub.greeting
    with hub_process(tmp_path / "b", key=public) as hub:
        assert f"are made, with the private half of {public}, by" in hub.greeting
        assert "--key PRIVATE.pem " in hub.greeting


def test_what_cannot_be_signed_is_said_in_a_sentence(tmp_path: Path) -> None:
    """[J17, J11]"""
    short, public = tmp_path / "short.key", tmp_path / "public.pem"
    short.write_bytes(b"short")
    typed = tmp_path / "typed.key"
    typed.write_bytes(b"secret" * 10)
    public.write_bytes(pem(ED25519, private=False))
    good = tmp_path / "good.key"
    good.write_bytes(SECRET)
    data = str(tmp_path / "data")
    for arguments, words in (
        (["token", "demo"], "--key"),
        (["token", "demo", "--key", str(short)], "at least 32"),
        (["token", "demo", "--key", str(typed)], "can be guessed; make one with `(umask 077; "),
        (["token", "demo", "--key", str(public)], "public key"),
        (["token", "no call", "--key", str(good)], "call id"),
        (["token", "demo", "--key", str(good), "--for", "soon"], "30m"),
        (["token", "demo", "--key", str(good), "--name", " "], "visible"),
        (["serve", "--key", str(short), "--data", data, "--port", "0"], "at least 32"),
        (["serve", "--dev", "--key", str(good), "--data", data, "--port", "0"], "--dev"),
    ):
        ended = run(*arguments)
        assert ended.returncode != 0
        assert words in ended.stderr
        assert ended.stderr.count("\n") == 1, ended.stderr
