"""Shapes that several requests share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Empty(BaseModel):
    """The body of a request that has none (GoCD sends an empty body or `{}`)."""

    model_config = ConfigDict(extra="ignore")


class FieldError(BaseModel):
    """One thing wrong with a configuration; an empty key makes it an error of the whole form."""

    key: str = Field(examples=["RegistryURL"])
    message: str = Field(examples=["Give the registry's address, like https://registry.example.com."])


class View(BaseModel):
    """An AngularJS 1.0 template that GoCD puts into its form."""

    template: str


class Icon(BaseModel):
    """The plugin's picture; `data` is strict base64."""

    content_type: str = Field(examples=["image/svg+xml"])
    data: str
