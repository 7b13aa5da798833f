"""`gocd-registry`: the commands. What a command needs is imported when it runs, so that the others start fast."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from plugin.settings import Settings

_CommandT = TypeVar("_CommandT", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path)
_VARIABLES = "Every option is also a variable: --log-level is GOCD_REGISTRY_LOG_LEVEL, and so on."


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gocd-registry-plugin")
def main() -> None:
    """Connect GoCD to container registries: publish, fetch and poll images."""


def _common_options(command: _CommandT) -> _CommandT:
    for option in (
        click.option(
            "--certificates-directory",
            type=_FILE,
            help="certs.d with PEM files for each host (/etc/containers/certs.d and /etc/docker/certs.d count too).",
        ),
        click.option("--registries-conf", type=_FILE, help="File with mirrors (/etc/containers/registries.conf)."),
        click.option(
            "--layer-cache-bytes", help="Largest size of the layers kept on disk; 0 keeps none (10737418240)."
        ),
        click.option("--cache-directory", type=_FILE, help="Where facts and layers are kept (in ~/.cache)."),
        click.option("--temporary-directory", type=_FILE, help="Where archives are unpacked (beside the target)."),
        click.option(
            "--allowed-root",
            "allowed_roots",
            type=_FILE,
            multiple=True,
            help="Folder that working directories must lie in; may be repeated (anywhere).",
        ),
        click.option("--log-format", help="human or json (human)."),
        click.option("--log-level", help="debug, info, warning or error (info; warning for request)."),
    ):
        command = option(command)
    return command


@main.command(epilog=_VARIABLES)
@click.option("--host", help="Address to listen on (127.0.0.1). Any but loopback takes a token.")
@click.option("--port", help="Port to listen on, 0 for a free one (8800).")
@click.option("--token", help="Bearer token that callers must send. Better a file or a variable: others see flags.")
@click.option("--token-file", type=_FILE, help="File that holds the token.")
@click.option("--tls-certificate", type=_FILE, help="PEM file with the certificate chain.")
@click.option("--tls-key", type=_FILE, help="PEM file with its private key.")
@click.option("--max-body-bytes", help="Largest request body (2097152).")
@click.option("--max-requests", help="Requests under way at once; more are refused (256).")
@click.option("--shutdown-grace-seconds", help="How long running transfers may go on after a signal to stop (300).")
@_common_options
def serve(**flags: Any) -> None:
    """Run the plugin server."""
    settings = _settings(**flags)
    from plugin.server import serve as run
    from plugin.settings import SettingsInvalid

    try:
        run(settings)
    except SettingsInvalid as error:
        raise click.ClickException(str(error)) from None


@main.command(epilog=_VARIABLES)
@click.argument("extension")
@click.argument("name")
@click.option("--extension-version", default="", help="The version that GoCD speaks, such as 2.0.")
@_common_options
def request(extension: str, name: str, extension_version: str, **flags: Any) -> None:
    """Answer one request of GoCD, its body read from standard input, without a server.

    Lines of JSON come out as things happen: console lines, then one response. The exit code is 0 when the request was
    answered, whatever the response's code; 128 and a signal's number when that stopped it.
    """
    settings = _settings(quiet=True, **flags)
    body = b"" if sys.stdin.isatty() else sys.stdin.buffer.read(settings.max_body_bytes + 1)
    from uvloop import run

    from plugin.command import answer
    from plugin.settings import SettingsInvalid

    try:
        sys.exit(run(answer(settings, extension, name, extension_version, body, sys.stdout.fileno())))
    except SettingsInvalid as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.option(
    "--directory", type=_FILE, default=Path("registry-data"), show_default=True, help="Where it keeps images."
)
@click.option("--port", type=click.IntRange(0, 65535), default=5000, show_default=True, help="Port on loopback.")
def registry(directory: Path, port: int) -> None:
    """Run a small registry on loopback, for trying things out."""
    from plugin.local_registry.server import serve_local_registry

    serve_local_registry(directory, port)


def _settings(*, quiet: bool = False, **flags: Any) -> Settings:
    from plugin.logs import configure_logs
    from plugin.settings import SettingsInvalid, load_settings

    try:
        settings = load_settings(**flags)
    except SettingsInvalid as error:
        raise click.ClickException(str(error)) from None
    level_is_chosen = "log_level" in settings.model_fields_set or not quiet
    configure_logs(settings.log_level if level_is_chosen else "warning", settings.log_format)
    return settings
