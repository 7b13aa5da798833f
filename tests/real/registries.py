"""Debian's docker-registry in four kinds: open, with passwords, with TLS of a private CA, with a token server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from plugin.local_registry.server import running as serving
from registry.credentials import ANONYMOUS, Credentials, Keychain, StaticKeychain
from registry.endpoint import TLS, Access, Endpoint
from tests.real.certificates import CertificateAuthority
from tests.real.processes import free_port, running, wait_for_port
from tests.real.token_server import TokenServer

USERNAME, PASSWORD = "ci-user", "a-pass:word with blanks"


@dataclass(frozen=True)
class RealRegistry:
    """A running registry."""

    host: str
    scheme: str = "http"
    username: str = ""
    password: str = ""
    ca: str = ""

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}"

    @property
    def access(self) -> Access:
        keychain: Keychain = ANONYMOUS
        if self.username:
            keychain = StaticKeychain(Credentials(self.username, self.password))
        return Access(Endpoint.parse(self.url), keychain, TLS(ca_certificates=self.ca))

    @property
    def store(self) -> dict[str, str]:
        login = {"Username": self.username, "Password": self.password} if self.username else {}
        return {"RegistryType": "other", "RegistryURL": self.url, **login}

    @property
    def package_repository(self) -> dict[str, dict[str, str]]:
        login = {"DOCKER_REGISTRY_USERNAME": self.username, "DOCKER_REGISTRY_PASSWORD": self.password}
        values = {"DOCKER_REGISTRY_URL": f"{self.url}/v2/", "DOCKER_REGISTRY_NAME": "test", **login}
        return {key: {"value": value} for key, value in values.items() if value}

    def skopeo(self, *arguments: str) -> str:
        login = ["--creds", f"{self.username}:{self.password}"] if self.username else []
        done = subprocess.run(["skopeo", arguments[0], *login, *arguments[1:]], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def push(self, source: str, name: str) -> None:
        login = ["--dest-creds", f"{self.username}:{self.password}"] if self.username else []
        command = ["skopeo", "copy", "--insecure-policy", "--all", "--dest-tls-verify=false", *login]
        done = subprocess.run([*command, source, f"docker://{self.host}/{name}"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def inspect(self, name: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(
            self.skopeo("inspect", "--tls-verify=false", "--override-os", "linux", f"docker://{self.host}/{name}")
        )
        return found


@contextmanager
def plain_registry(folder: Path) -> Iterator[RealRegistry]:
    with _docker_registry(folder) as host:
        yield RealRegistry(host)


@contextmanager
def password_registry(folder: Path) -> Iterator[RealRegistry]:
    with registry_with_login(folder, USERNAME, PASSWORD) as registry:
        yield registry


@contextmanager
def registry_with_login(folder: Path, username: str, password: str) -> Iterator[RealRegistry]:
    line = subprocess.run(["htpasswd", "-nbB", username, password], capture_output=True, text=True, check=True).stdout
    (folder / "htpasswd").write_text(line)
    auth = {"htpasswd": {"realm": "a registry", "path": str(folder / "htpasswd")}}
    with _docker_registry(folder, auth=auth) as host:
        yield RealRegistry(host, username=username, password=password)


@contextmanager
def tls_registry(folder: Path) -> Iterator[RealRegistry]:
    ca = CertificateAuthority()
    certificate, key = ca.issue(folder, "127.0.0.1")
    with _docker_registry(folder, tls={"certificate": str(certificate), "key": str(key)}) as host:
        yield RealRegistry(host, scheme="https", ca=ca.pem)


@contextmanager
def client_certificate_registry(folder: Path) -> Iterator[tuple[RealRegistry, Path, Path]]:
    """One that lets nobody in without a client certificate; such a certificate, and its key."""
    ca = CertificateAuthority()
    (folder / "client").mkdir()
    (folder / "ca.pem").write_text(ca.pem)
    certificate, key = ca.issue(folder, "127.0.0.1")
    tls = {"certificate": str(certificate), "key": str(key), "clientcas": [str(folder / "ca.pem")]}
    with _docker_registry(folder, tls=tls) as host:
        yield RealRegistry(host, scheme="https", ca=ca.pem), *ca.issue(folder / "client", "127.0.0.1")


@contextmanager
def token_registry(folder: Path) -> Iterator[tuple[RealRegistry, TokenServer]]:
    with ExitStack() as stack:
        server = TokenServer(folder, USERNAME, PASSWORD)
        address = stack.enter_context(serving(server.app))
        auth = {
            "token": {
                "realm": f"http://{address}/token",
                "service": "test-registry",
                "issuer": "test-issuer",
                "rootcertbundle": str(server.certificate),
            }
        }
        host = stack.enter_context(_docker_registry(folder, auth=auth))
        yield RealRegistry(host, username=USERNAME, password=PASSWORD), server


@contextmanager
def _docker_registry(
    folder: Path, auth: dict[str, dict[str, str]] | None = None, tls: Mapping[str, object] | None = None
) -> Iterator[str]:
    port = free_port()
    config = {
        "version": "0.1",
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "test", **({"tls": tls} if tls else {})},
        **({"auth": auth} if auth else {}),
    }
    path, log = folder / "config.yml", folder / "registry.log"
    path.write_text(json.dumps(config))  # JSON is YAML
    with running(["docker-registry", "serve", str(path)], log) as process:
        wait_for_port(port, process, log)
        yield f"127.0.0.1:{port}"
