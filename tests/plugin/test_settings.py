from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
import pytest

from plugin.cli import main
from plugin.settings import PREFIX, Settings, SettingsInvalid, load_settings


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


def test_the_defaults_listen_on_loopback_without_a_token() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.read_token()) == ("127.0.0.1", 8800, None)


def test_flags_win_over_variables_and_variables_over_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOCD_REGISTRY_PORT", "9000")
    monkeypatch.setenv("GOCD_REGISTRY_LOG_LEVEL", "debug")
    settings = load_settings(port=9001, log_level=None, allowed_roots=())
    assert (settings.port, settings.log_level) == (9001, "debug")


def test_allowed_roots_come_as_a_path_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOCD_REGISTRY_ALLOWED_ROOTS", "/var/lib/go-agent:/srv/agents")
    assert load_settings().allowed_roots == (Path("/var/lib/go-agent"), Path("/srv/agents"))
    assert load_settings(allowed_roots=("/only",)).allowed_roots == (Path("/only"),)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "build.example.com"])
def test_it_refuses_to_leave_loopback_without_a_token(host: str) -> None:
    with pytest.raises(SettingsInvalid, match="Without a token the server listens on loopback only"):
        load_settings(host=host).read_token()
    assert load_settings(host=host, token="t0ken").read_token() == "t0ken"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    assert load_settings(host=host).read_token() is None


def test_a_token_file_is_read_without_its_newline(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("t0ken\n")
    assert load_settings(token_file=path).read_token() == "t0ken"


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"two\nlines", b"\xff\xfe"])
def test_an_unusable_token_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(SettingsInvalid, match="token"):
        load_settings(token_file=path).read_token()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"port": "http"}, "--port (GOCD_REGISTRY_PORT)"),
        ({"port": 70000}, "less than or equal to 65535"),
        ({"log_level": "loud"}, "--log-level (GOCD_REGISTRY_LOG_LEVEL)"),
        ({"token": "a", "token_file": "/b"}, "either a token or a token file"),
        ({"tls_key": "/k.pem"}, "GOCD_REGISTRY_TLS_CERTIFICATE is missing"),
        ({"tls_certificate": "/c.pem"}, "GOCD_REGISTRY_TLS_KEY is missing"),
        ({"allowed_roots": ("relative",)}, "--allowed-root (GOCD_REGISTRY_ALLOWED_ROOTS): «relative»"),
    ],
)
def test_what_is_wrong_is_said_in_words_that_name_flag_and_variable(flags: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(**flags)
    assert words in str(caught.value)


def test_a_missing_token_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="none can't be read: No such file"):
        load_settings(token_file=tmp_path / "none").read_token()


def test_certificates_are_tried_before_the_server_starts(tmp_path: Path) -> None:
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    settings = load_settings(tls_certificate=certificate, tls_key=key)
    with pytest.raises(SettingsInvalid, match=r"The TLS certificate .*c\.pem is not there"):
        settings.check_tls()
    certificate.write_text("no certificate")
    key.write_text("no key")
    with pytest.raises(SettingsInvalid, match="Both must be PEM files"):
        settings.check_tls()


def test_the_token_is_in_no_representation_and_no_error() -> None:
    assert "t0ken-secret" not in repr(load_settings(token="t0ken-secret"))
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(token="t0ken-secret", port="x")
    assert "t0ken-secret" not in str(caught.value)


def test_every_setting_has_a_flag_and_every_flag_a_setting() -> None:
    flags = {option.name for option in main.commands["serve"].params}
    assert flags == set(Settings.model_fields)


def test_the_help_names_the_defaults() -> None:
    help_text = " ".join(main.commands["serve"].get_help(click.Context(main.commands["serve"])).split())
    defaults = {name: field.default for name, field in Settings.model_fields.items() if field.default}
    assert all(f"({default}" in help_text for default in defaults.values())
