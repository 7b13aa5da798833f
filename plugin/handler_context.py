"""What the settings and this process give to every handler."""

from __future__ import annotations

import os

from handlers.context import Context
from plugin.settings import PREFIX, Settings
from registry.client import RegistryClient


def handler_context(settings: Settings, client: RegistryClient) -> Context:
    """The context of requests."""
    return Context(
        client=client,
        allowed_roots=settings.allowed_roots,
        environment=environment(),
        temporary_directory=settings.temporary_directory,
    )


def environment() -> dict[str, str]:
    """This process' variables; the server's own settings, its token among them, are no part of them."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
