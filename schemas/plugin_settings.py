"""Plugin settings (`go.plugin-settings.*`): the plugin has none, since the server is configured by itself."""

from __future__ import annotations

from pydantic import BaseModel


class NoSettings(BaseModel):
    """The answer `{}`."""
