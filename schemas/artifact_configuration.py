"""The forms of the artifact extension: keys and values as the CI server stores them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from schemas.secrets import plain_values


def _text(value: Any) -> Any:
    return "" if value is None else value.strip() if isinstance(value, str) else value


def _secret(value: Any) -> Any:
    return "" if value is None else value


Text = Annotated[str, BeforeValidator(_text)]
"""A field of a form; null and missing are empty, blanks around it are dropped."""
Secret = Annotated[SecretStr, BeforeValidator(_secret)]
"""A secret field; blanks belong to it."""


class Form(BaseModel):
    """A form's values by key; keys of other versions are passed over."""

    model_config = ConfigDict(populate_by_name=True, extra="ignore", hide_input_in_errors=True)


class StoreConfiguration(Form):
    """An artifact store: the registry and how to log in to it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "RegistryType": "other",
                    "RegistryURL": "https://registry.example.com",
                    "Username": "ci",
                    "Password": "…",
                }
            ]
        }
    )

    registry_type: Text = Field("", alias="RegistryType")
    registry_url: Text = Field("", alias="RegistryURL")
    registry_id: Text = Field("", alias="RegistryID")
    aws_access_key_id: Secret = Field(SecretStr(""), alias="AWSAccessKeyId")
    aws_secret_access_key: Secret = Field(SecretStr(""), alias="AWSSecretAccessKey")
    aws_region: Text = Field("", alias="AWSRegion")
    username: Text = Field("", alias="Username")
    password: Secret = Field(SecretStr(""), alias="Password")

    def secret_values(self) -> frozenset[str]:
        """Keys and password."""
        return plain_values(self.aws_access_key_id, self.aws_secret_access_key, self.password)


class PublishConfiguration(Form):
    """What a job publishes, and under which names."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"Image": "team/app", "Tag": "${GO_PIPELINE_LABEL}", "ImagePath": "image.tar"}]}
    )

    image: Text = Field("", alias="Image")
    tag: Text = Field("", alias="Tag")
    build_file: Text = Field("", alias="BuildFile")
    source: Text = Field("", alias="Source")
    image_path: Text = Field("", alias="ImagePath")
    additional_tags: Text = Field("", alias="AdditionalTags")
    tags_file: Text = Field("", alias="TagsFile")


class FetchConfiguration(Form):
    """How a job wants the image, and under which names its variables appear."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"Format": "oci-layout", "Destination": "image", "Platform": "linux/amd64"}]}
    )

    environment_variable_prefix: Text = Field("", alias="EnvironmentVariablePrefix")
    skip_image_pulling: Text = Field("", alias="SkipImagePulling")
    format: Text = Field("", alias="Format")
    destination: Text = Field("", alias="Destination")
    platform: Text = Field("", alias="Platform")
