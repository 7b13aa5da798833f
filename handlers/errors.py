"""Failures that handlers find themselves; they read like every other error of the product."""

from __future__ import annotations

from registry.errors import RegistryError


class OperationFailed(RegistryError):
    """A request that can't be carried out: what was tried, why not, what to do."""


class OutsideWorkingDirectory(OperationFailed):
    """A path that leads out of the working directory or the allowed roots."""


class ConfigurationInvalid(OperationFailed):
    """A configuration that validation would have refused, or a value that only the job could know."""
