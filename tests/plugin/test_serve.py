"""`gocd-registry serve`, as a process."""

from __future__ import annotations

import datetime
import os
import signal
import socket
import ssl
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.plugin.processes import run, serving

VALIDATE = "/v1/artifact/cd.go.artifact.store.validate"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_answers_and_stops_at_a_signal_with_code_0(number: signal.Signals) -> None:
    with serving() as (server, url):
        assert httpx.post(url + VALIDATE, json={"RegistryType": "other"}).status_code == 200
        server.process.send_signal(number)
        server.join()
        assert server.process.returncode == 0
    assert "Traceback" not in "".join(server.lines)


def test_each_answer_is_logged_with_its_request_id() -> None:
    with serving() as (server, url):
        httpx.post(url + VALIDATE, json={}, headers={"X-Request-Id": "abc-1"})
        line = server.wait_for("answered")
    assert line["request_id"] == "abc-1"
    assert (line["extension"], line["request"], line["code"]) == ("artifact", "cd.go.artifact.store.validate", 200)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--host", "0.0.0.0"), "Without a token the server listens on loopback only, and 0.0.0.0 is not."),
        (("--port", "http"), "--port (GOCD_REGISTRY_PORT)"),
        (("--host", "203.0.113.1", "--token", "x"), "Could not listen on 203.0.113.1, port 8800"),
        (("--host", "no-such-host.invalid", "--token", "x"), "Could not listen on no-such-host.invalid"),
        (("--tls-certificate", "/none.pem"), "GOCD_REGISTRY_TLS_KEY is missing"),
        (("--tls-certificate", "/none.pem", "--tls-key", "/none.key"), "The TLS certificate /none.pem is not there"),
        (("--token-file", "/none"), "The token file /none can't be read: No such file or directory."),
        (("--log-level", "loud"), "--log-level (GOCD_REGISTRY_LOG_LEVEL)"),
        (("--allowed-root", "builds"), "«builds» is not an absolute path"),
    ],
)
def test_it_does_not_start_with_wrong_settings_and_says_why(arguments: tuple[str, ...], words: str) -> None:
    ended = run("serve", *arguments)
    assert ended.returncode == 1
    assert words in ended.stderr.decode()
    assert "Traceback" not in ended.stderr.decode()


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run("serve", "--port", port)
    assert f"Could not listen on 127.0.0.1, port {port}: Address already in use" in ended.stderr.decode()


def test_beyond_loopback_with_a_token_file(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("t0ken\n")
    with serving("--host", "0.0.0.0", "--token-file", str(token)) as (_, url):
        discovery = url.replace("0.0.0.0", "127.0.0.1") + "/v1"
        assert httpx.get(discovery).status_code == 401
        assert httpx.get(discovery, headers={"Authorization": "Bearer t0ken"}).status_code == 200


def test_settings_come_from_variables() -> None:
    with serving(variables={"GOCD_REGISTRY_TOKEN": "t0ken", "GOCD_REGISTRY_MAX_BODY_BYTES": "1024"}) as (_, url):
        headers = {"Authorization": "Bearer t0ken"}
        assert httpx.post(url + VALIDATE, json={}).status_code == 401
        assert httpx.post(url + VALIDATE, content=b"x" * 1025, headers=headers).status_code == 400


def test_it_serves_tls(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    with serving("--tls-certificate", str(certificate), "--tls-key", str(key)) as (_, url):
        assert url.startswith("https://")
        assert httpx.get(url + "/v1", verify=ssl.create_default_context(cafile=str(certificate))).status_code == 200


def test_it_serves_ipv6() -> None:
    if not os.path.exists("/proc/net/if_inet6"):  # noqa: PTH110 -- a kernel without it has nothing to listen on
        assert "Could not listen on ::1" in run("serve", "--host", "::1").stderr.decode()
        return
    with serving("--host", "::1") as (_, url):
        assert url.startswith("http://[::1]:")
        assert httpx.get(url + "/health/ready").status_code == 200


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "server.pem", folder / "server.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths
