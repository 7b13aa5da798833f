"""Requests as GoCD sends them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from handlers.context import Context
from handlers.fetch import fetch_artifact
from handlers.publish import publish_artifact
from registry.client import RegistryClient
from schemas.artifact import FetchRequest, PublishRequest
from tests.real.registries import RealRegistry


class Lines:
    """A console that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, message: str) -> None:
        self.lines.append(message)

    def error(self, message: str) -> None:
        self.lines.append(f"error: {message}")


class Job:
    """A job on an agent: publishes to and fetches from one store."""

    def __init__(
        self, client: RegistryClient, registry: RealRegistry, folder: Path, docker_host: str = "unix:///nowhere"
    ) -> None:
        self.console = Lines()
        self.folder = folder
        self.store: dict[str, Any] = dict(registry.store)
        self.environment: dict[str, str] = {}
        self.context = Context(
            client, self.console, allowed_roots=(folder.parent,), environment={"DOCKER_HOST": docker_host}
        )

    async def publish(self, **configuration: str) -> dict[str, str]:
        request = PublishRequest.model_validate(
            {
                "artifact_store": {"id": "s", "configuration": self.store},
                "artifact_plan": {"id": "a", "storeId": "s", "configuration": configuration},
                "agent_working_directory": str(self.folder),
                "environment_variables": self.environment,
            }
        )
        return (await publish_artifact(request, self.context)).metadata

    async def fetch(self, metadata: dict[str, str] | None, **configuration: str) -> dict[str, str]:
        request = FetchRequest.model_validate(
            {
                "store_configuration": self.store,
                "fetch_artifact_configuration": configuration,
                "artifact_metadata": metadata,
                "agent_working_directory": str(self.folder),
            }
        )
        return {variable.name: variable.value for variable in await fetch_artifact(request, self.context)}
