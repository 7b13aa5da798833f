"""Answers to GoCD's probes for plugin settings. There are none: the server has its own."""

from __future__ import annotations

from handlers.context import Context
from schemas.answers import Empty, FieldError, View
from schemas.plugin_settings import NoSettings


async def settings_configuration(request: Empty, context: Context) -> NoSettings:  # noqa: ARG001
    """`go.plugin-settings.get-configuration`."""
    return NoSettings()


async def settings_view(request: Empty, context: Context) -> View:  # noqa: ARG001
    """`go.plugin-settings.get-view`."""
    return View(template="<p>This plugin has no settings here: its server is configured where it runs.</p>")


async def validate_settings(request: Empty, context: Context) -> list[FieldError]:  # noqa: ARG001
    """`go.plugin-settings.validate-configuration`."""
    return []
