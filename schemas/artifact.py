"""Requests and answers of the artifact extension (GoCD's ArtifactMessageConverterV1 and V2)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from schemas.artifact_configuration import FetchConfiguration, PublishConfiguration, StoreConfiguration

_STORE: JsonDict = {
    "RegistryType": "other",
    "RegistryURL": "https://registry.example.com",
    "Username": "ci",
    "Password": "…",
}
_METADATA: JsonDict = {
    "image": "registry.example.com/team/app:1.4.2",
    "digest": "sha256:" + "0" * 64,
    "repository": "registry.example.com/team/app",
    "tag": "1.4.2",
    "tags": "1.4.2,latest",
}


class Capabilities(BaseModel):
    """What the extension can do beyond the required; nothing is defined so far."""


class Sensitivity(BaseModel):
    """Whether a key must be given and whether it is kept secret."""

    required: bool
    secure: bool


class MetadataField(BaseModel):
    """One key of a form."""

    key: str = Field(examples=["RegistryURL"])
    metadata: Sensitivity


class ArtifactStore(BaseModel):
    """A store with its configuration."""

    model_config = ConfigDict(hide_input_in_errors=True)

    id: str | None = None
    configuration: StoreConfiguration = Field(default_factory=StoreConfiguration)


class ArtifactPlan(BaseModel):
    """What one artifact of a job is."""

    model_config = ConfigDict(populate_by_name=True, hide_input_in_errors=True)

    id: str | None = None
    store_id: str | None = Field(None, alias="storeId")
    configuration: PublishConfiguration


class PublishRequest(BaseModel):
    """`cd.go.artifact.publish-artifact`."""

    model_config = ConfigDict(
        hide_input_in_errors=True,
        json_schema_extra={
            "examples": [
                {
                    "artifact_store": {"id": "registry", "configuration": _STORE},
                    "artifact_plan": {
                        "id": "app",
                        "storeId": "registry",
                        "configuration": {"Image": "team/app", "Tag": "${GO_PIPELINE_LABEL}", "ImagePath": "image.tar"},
                    },
                    "agent_working_directory": "/var/lib/go-agent/pipelines/app",
                    "environment_variables": {"GO_PIPELINE_LABEL": "1.4.2"},
                }
            ]
        },
    )

    artifact_store: ArtifactStore
    artifact_plan: ArtifactPlan
    agent_working_directory: str
    environment_variables: dict[str, str | None] = Field(default_factory=dict)

    def secret_values(self) -> frozenset[str]:
        """The store's secrets."""
        return self.artifact_store.configuration.secret_values()


class PublishAnswer(BaseModel):
    """What is remembered of a published artifact; all values are strings."""

    metadata: dict[str, str] = Field(examples=[_METADATA])


class FetchRequest(BaseModel):
    """`cd.go.artifact.fetch-artifact`."""

    model_config = ConfigDict(
        hide_input_in_errors=True,
        json_schema_extra={
            "examples": [
                {
                    "store_configuration": _STORE,
                    "fetch_artifact_configuration": {"Format": "oci-layout", "Destination": "image"},
                    "artifact_metadata": _METADATA,
                    "agent_working_directory": "/var/lib/go-agent/pipelines/app",
                }
            ]
        },
    )

    store_configuration: StoreConfiguration
    fetch_artifact_configuration: FetchConfiguration = Field(default_factory=FetchConfiguration)
    artifact_metadata: dict[str, object] | None = None
    agent_working_directory: str

    def secret_values(self) -> frozenset[str]:
        """The store's secrets."""
        return self.store_configuration.secret_values()


class EnvironmentVariable(BaseModel):
    """A variable that the job gets."""

    name: str = Field(examples=["ARTIFACT_IMAGE"])
    value: str = Field(examples=["registry.example.com/team/app:1.4.2"])
    secure: bool = False
