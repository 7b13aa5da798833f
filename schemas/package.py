"""Requests and answers of the package-repository extension (GoCD's JsonMessageHandler1_0)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic.config import JsonDict

from schemas.secrets import plain_values

_REPOSITORY: JsonDict = {
    "DOCKER_REGISTRY_URL": {"value": "https://registry.example.com/v2/"},
    "DOCKER_REGISTRY_NAME": {"value": "example"},
}
_PACKAGE: JsonDict = {"DOCKER_IMAGE": {"value": "team/app"}, "DOCKER_TAG_FILTER": {"value": "^1\\."}}
_DIGEST = "sha256:" + "0" * 64


def _value_of(property_: Any) -> Any:
    """GoCD wraps each value, and leaves null out of the wrapping: `{"value": "x"}` or `{}`."""
    value = property_.get("value") if isinstance(property_, dict) else property_
    return "" if value is None else value


def _text_of(property_: Any) -> Any:
    value = _value_of(property_)
    return value.strip() if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_text_of)]
Secret = Annotated[SecretStr, BeforeValidator(_value_of)]


class RepositoryConfiguration(BaseModel):
    """What GoCD calls a package repository: a registry and how to log in to it."""

    model_config = ConfigDict(populate_by_name=True, hide_input_in_errors=True)

    registry_url: Text = Field("", alias="DOCKER_REGISTRY_URL")
    registry_name: Text = Field("", alias="DOCKER_REGISTRY_NAME")
    username: Text = Field("", alias="DOCKER_REGISTRY_USERNAME")
    password: Secret = Field(SecretStr(""), alias="DOCKER_REGISTRY_PASSWORD")


class PackageConfiguration(BaseModel):
    """What GoCD calls a package: a repository in the registry, and which of its tags count."""

    model_config = ConfigDict(populate_by_name=True, hide_input_in_errors=True)

    image: Text = Field("", alias="DOCKER_IMAGE")
    tag_filter: Text = Field("", alias="DOCKER_TAG_FILTER")
    tag: Text = Field("", alias="DOCKER_TAG")
    track_digest: Text = Field("", alias="DOCKER_TRACK_DIGEST")


class RepositoryRequest(BaseModel):
    """Requests about a registry."""

    model_config = ConfigDict(
        populate_by_name=True,
        hide_input_in_errors=True,
        json_schema_extra={"examples": [{"repository-configuration": _REPOSITORY}]},
    )

    repository: RepositoryConfiguration = Field(alias="repository-configuration")

    def secret_values(self) -> frozenset[str]:
        """The password."""
        return plain_values(self.repository.password)


class PackageRequest(RepositoryRequest):
    """Requests about a package."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"repository-configuration": _REPOSITORY, "package-configuration": _PACKAGE}]}
    )

    package: PackageConfiguration = Field(alias="package-configuration")


class PreviousRevision(BaseModel):
    """The newest revision that GoCD knows."""

    revision: str
    timestamp: str | None = None
    data: dict[str, str | None] | None = None


class PackageSinceRequest(PackageRequest):
    """`latest-revision-since`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "repository-configuration": _REPOSITORY,
                    "package-configuration": _PACKAGE,
                    "previous-revision": {"revision": "1.9", "timestamp": "2026-01-02T03:04:05.678Z", "data": {}},
                }
            ]
        }
    )

    previous: PreviousRevision = Field(alias="previous-revision")


class Property(BaseModel):
    """One key of a form; `display-order` is a string, as GoCD parses it."""

    model_config = ConfigDict(populate_by_name=True)

    display_name: str = Field(alias="display-name")
    display_order: str = Field(alias="display-order", examples=["0"])
    required: bool
    secure: bool = False
    part_of_identity: bool = Field(alias="part-of-identity")


class CheckResult(BaseModel):
    """Whether a connection works, and what was found."""

    status: str = Field(examples=["success"], pattern="success|failure")
    messages: list[str] = Field(examples=[["Docker registry found."]])


class PackageRevision(BaseModel):
    """A revision of a package: a tag, or a tag with its digest."""

    model_config = ConfigDict(populate_by_name=True)

    revision: str = Field(examples=["1.10"])
    timestamp: str = Field(examples=["2026-01-02T03:04:05.678Z"])
    user: str = ""
    revision_comment: str = Field("", alias="revisionComment")
    trackback_url: str = Field("", alias="trackbackUrl")
    data: dict[str, str] = Field(
        default_factory=dict,
        examples=[
            {
                "TAG": "1.10",
                "DIGEST": _DIGEST,
                "IMAGE": "registry.example.com/team/app:1.10",
                "REFERENCE": f"registry.example.com/team/app@{_DIGEST}",
            }
        ],
    )


class NoChange(BaseModel):
    """`{}`: nothing newer than the previous revision."""
