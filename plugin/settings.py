"""The server's settings: flags first, then `GOCD_REGISTRY_*` variables, then the defaults."""

from __future__ import annotations

import ipaddress
import os
import ssl
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "GOCD_REGISTRY_"


class SettingsInvalid(Exception):
    """The server can't start with these settings; `str()` says what to write instead."""


class Settings(BaseSettings):
    """Everything that can be set. Secrets are read from here only, and never printed."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", hide_input_in_errors=True, frozen=True)

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8800, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    token: SecretStr | None = Field(None, description="Bearer token that every /v1 call must carry.")
    token_file: Path | None = Field(None, description="File that holds the token.")
    tls_certificate: Path | None = Field(None, description="PEM file with the server's certificate chain.")
    tls_key: Path | None = Field(None, description="PEM file with its private key.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_format: Literal["human", "json"] = Field("human", description="Lines for people, or one JSON object a line.")
    allowed_roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Folders that working directories must lie in; none means anywhere."
    )
    temporary_directory: Path | None = Field(None, description="Where archives are unpacked.")
    cache_directory: Path | None = Field(None, description="Where facts and layers are kept between requests.")
    layer_cache_bytes: int = Field(
        10 * 1024**3, ge=0, description="Largest size of the layers kept on disk; 0 keeps none."
    )
    registries_conf: Path | None = Field(None, description="registries.conf with mirrors and insecure registries.")
    certificates_directory: Path | None = Field(None, description="certs.d with a folder of PEM files for each host.")
    max_body_bytes: int = Field(2 * 1024 * 1024, ge=1024, description="Largest request body.")
    max_requests: int = Field(256, ge=1, description="Requests under way at once; more are refused.")
    shutdown_grace_seconds: float = Field(
        300, ge=0, description="How long running transfers may go on after the signal to stop."
    )

    @field_validator("allowed_roots", mode="before")
    @classmethod
    def _split_paths(cls, value: object) -> object:
        return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value

    @field_validator("allowed_roots", mode="after")
    @classmethod
    def _absolute(cls, roots: tuple[Path, ...]) -> tuple[Path, ...]:
        relative = [str(root) for root in roots if not root.is_absolute()]
        if relative:
            raise ValueError(f"«{relative[0]}» is not an absolute path")
        return roots

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.token is not None and self.token_file is not None:
            raise ValueError("Give either a token or a token file, not both")
        if (self.tls_certificate is None) != (self.tls_key is None):
            missing = "tls_key" if self.tls_key is None else "tls_certificate"
            raise ValueError(f"TLS takes a certificate and its key: {PREFIX}{missing.upper()} is missing")
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def read_token(self) -> str | None:
        """The token, from wherever it is. Raises SettingsInvalid where it can't be read, or where there must be one."""
        token = self._configured_token()
        if token is None:
            if not self.is_loopback:
                raise SettingsInvalid(
                    f"Without a token the server listens on loopback only, and {self.host} is not. "
                    f"Give it one with --token-file or {PREFIX}TOKEN, or listen on 127.0.0.1."
                )
            return None
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise SettingsInvalid("The token must be one line of printable ASCII without spaces, and not empty.")
        return token

    def _configured_token(self) -> str | None:
        if self.token_file is None:
            return None if self.token is None else self.token.get_secret_value().strip()
        try:
            return self.token_file.read_text(encoding="utf-8").strip()
        except UnicodeDecodeError as error:
            raise SettingsInvalid(f"The token file {self.token_file} holds no text.") from error
        except OSError as error:
            raise SettingsInvalid(f"The token file {self.token_file} can't be read: {error.strerror}.") from error

    def check_tls(self) -> None:
        """Load the certificate and its key once. Raises SettingsInvalid where they can't be used."""
        if self.tls_certificate is None or self.tls_key is None:
            return
        for what, path in (("certificate", self.tls_certificate), ("key", self.tls_key)):
            if not path.is_file():
                raise SettingsInvalid(f"The TLS {what} {path} is not there, or is no file.")
        try:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            # An empty pass phrase, or OpenSSL would ask for one on the terminal.
            context.load_cert_chain(self.tls_certificate, self.tls_key, password="")
        except (ssl.SSLError, OSError) as error:
            raise SettingsInvalid(
                f"TLS can't be set up with {self.tls_certificate} and {self.tls_key}: {error.strerror or error}. "
                "Both must be PEM files, and the key must be the certificate's and have no pass phrase."
            ) from error


def load_settings(**flags: Any) -> Settings:
    """Settings from flags (those that are not None or empty), variables and defaults. Raises SettingsInvalid."""
    try:
        return Settings(**{name: value for name, value in flags.items() if value not in (None, ())})
    except ValidationError as error:
        raise SettingsInvalid("; ".join(_in_words(detail) for detail in error.errors(include_input=False))) from None


def _in_words(detail: Any) -> str:
    message = detail["msg"].removeprefix("Value error, ")
    if not detail["loc"]:
        return f"{message}."
    name = str(detail["loc"][0])
    flag = name.replace("allowed_roots", "allowed_root").replace("_", "-")
    return f"--{flag} ({PREFIX}{name.upper()}): {message}."
