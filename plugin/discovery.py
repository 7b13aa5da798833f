"""`GET /v1`: what can be asked of this server."""

from __future__ import annotations

from pydantic import BaseModel, Field

from plugin.operation import Table


class DiscoveredRequest(BaseModel):
    """One request of an extension."""

    name: str = Field(examples=["cd.go.artifact.publish-artifact"])
    summary: str = Field(examples=["Publish an image"])


class DiscoveredExtension(BaseModel):
    """One of GoCD's extensions."""

    name: str = Field(examples=["artifact"])
    versions: list[str] = Field(examples=[["1.0", "2.0"]])
    requests: list[DiscoveredRequest]


class Discovery(BaseModel):
    """The server and all it answers."""

    server: str = Field(examples=["gocd-registry-plugin"])
    version: str = Field(examples=["1.0.0"])
    extensions: list[DiscoveredExtension]


def discover(operations: Table, version: str) -> Discovery:
    """Everything in the table."""
    return Discovery(
        server="gocd-registry-plugin",
        version=version,
        extensions=[
            DiscoveredExtension(
                name=extension.name,
                versions=list(extension.versions),
                requests=[
                    DiscoveredRequest(name=operation.name, summary=operation.summary)
                    for operation in extension.operations.values()
                ],
            )
            for extension in operations.extensions.values()
        ],
    )
