"""Debian's coturn in a process of its own."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TURN_SECRET = "0123456789abcdef0123456789abcdef"


@dataclass
class TurnServer:
    port: int
    tls_port: int
    certificate: Path
    """Of its own making, for 127.0.0.1: what is said over TLS."""
    log: Path
    process: "subprocess.Popen[bytes]"

    def url(self, transport: str = "udp") -> str:
        if transport == "tls":
            return f"turns:127.0.0.1:{self.tls_port}?transport=tcp"
        return f"turn:127.0.0.1:{self.port}?transport={transport}"

    def stop(self) -> None:
        """Nothing that goes by it arrives any more."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    @property
    def allocations(self) -> int:
        """How many times somebody was given an address."""
        return self.log.read_text(errors="replace").count("ALLOCATE processed, success")

    @property
    def refusals(self) -> int:
        """How many times somebody came with a login that is none."""
        return self.log.read_text(errors="replace").count("check_stun_auth: Cannot find")


@contextlib.contextmanager
def turn_server(folder: Path) -> Iterator[TurnServer]:
    """Skipped where coturn is not installed, but in CI that fails."""
    program = shutil.which("turnserver")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("coturn is missing: apt-get install coturn")
        pytest.skip("coturn is missing: as root, apt-get install coturn")
    with socket.socket() as free, socket.socket() as other:
        free.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, tls_port = free.getsockname()[1], other.getsockname()[1]
    certificate, key = _certified(folder)
    log = folder / "turnserver.log"
    arguments = [
        "--no-cli", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", f"--listening-port={port}",
        "--allow-loopback-peers", "--use-auth-secret", f"--static-auth-secret={TURN_SECRET}",
        "--realm=callmesh", f"--tls-listening-port={tls_port}", f"--cert={certificate}",
        f"--pkey={key}", "--no-dtls", "--verbose", "--log-file=stdout",
        f"--userdb={folder / 'turndb'}", f"--pidfile={folder / 'turn.pid'}",
    ]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen([program, "-n", *arguments], stdout=output, stderr=output)
    try:
        _until_listening(port, process)
        yield TurnServer(port, tls_port, certificate, log, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _certified(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate, key = folder / "turn.pem", folder / "turn.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )  # fmt: skip
    return certificate, key


def _until_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError("coturn did not start")
