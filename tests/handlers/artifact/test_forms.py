"""What GoCD shows of the artifact plugin: keys, templates, icon, capabilities."""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from pydantic import BaseModel

from handlers import artifact_capabilities, artifact_forms
from handlers.context import Context
from registry.client import RegistryClient
from schemas.answers import Empty, View
from schemas.artifact import MetadataField
from schemas.artifact_configuration import FetchConfiguration, PublishConfiguration, StoreConfiguration

Metadata = Callable[[Empty, Context], Awaitable[list[MetadataField]]]
ViewOf = Callable[[Empty, Context], Awaitable[View]]

FORMS: list[tuple[Metadata, ViewOf, type[BaseModel]]] = [
    (artifact_forms.store_metadata, artifact_forms.store_view, StoreConfiguration),
    (artifact_forms.publish_metadata, artifact_forms.publish_view, PublishConfiguration),
    (artifact_forms.fetch_metadata, artifact_forms.fetch_view, FetchConfiguration),
]


@pytest.fixture
def context() -> Context:
    return Context(RegistryClient())


class Template(HTMLParser):
    """The tags of a template; every one but the void ones must be closed in order."""

    VOID = frozenset({"input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def controls(self, key: str) -> list[dict[str, str]]:
        return [attributes for _, attributes in self.tags if attributes.get("ng-model") == key]


@pytest.mark.parametrize(("metadata", "view", "model"), FORMS)
async def test_a_form_has_the_same_keys_everywhere(
    metadata: Metadata, view: ViewOf, model: type[BaseModel], context: Context
) -> None:
    """GoCD drops a key that the metadata does not list, and shows none that the template lacks."""
    keys = {field.key for field in await metadata(Empty(), context)}
    template = Template((await view(Empty(), context)).template)
    assert keys == {field.alias for field in model.model_fields.values()}
    assert keys == {attributes["ng-model"] for _, attributes in template.tags if "ng-model" in attributes}
    assert all(re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", key) for key in keys), "AngularJS reads them as variables"


@pytest.mark.parametrize(("metadata", "view", "model"), FORMS)
async def test_every_field_has_a_label_and_its_error_beside_it(
    metadata: Metadata, view: ViewOf, model: type[BaseModel], context: Context
) -> None:
    text = (await view(Empty(), context)).template
    template = Template(text)
    labelled = [attributes["for"] for tag, attributes in template.tags if tag == "label"]
    for field in await metadata(Empty(), context):
        error = f"GOINPUTNAME[{field.key}].$error.server"
        for control in template.controls(field.key):
            assert labelled.count(control["id"]) == 1
            assert "is-invalid-input" in control["ng-class"]
            assert error in control["ng-class"]
        assert f'ng-show="{error}">{{{{{error}}}}}</span>' in text
    assert len(labelled) == len(set(labelled))


@pytest.mark.parametrize(("metadata", "view", "model"), FORMS)
async def test_secrets_are_marked_and_typed_unseen(
    metadata: Metadata, view: ViewOf, model: type[BaseModel], context: Context
) -> None:
    template = Template((await view(Empty(), context)).template)
    for field in await metadata(Empty(), context):
        hidden = {control.get("type") == "password" for control in template.controls(field.key)}
        assert hidden == {field.metadata.secure}


async def test_the_store_keeps_the_old_plugins_secrets_and_needs_a_type_only(context: Context) -> None:
    fields = await artifact_forms.store_metadata(Empty(), context)
    assert {field.key for field in fields if field.metadata.secure} == {
        "AWSAccessKeyId",
        "AWSSecretAccessKey",
        "Password",
    }
    assert {field.key for field in fields if field.metadata.required} == {"RegistryType"}


async def test_the_icon_is_a_drawing_in_strict_base64(context: Context) -> None:
    icon = await artifact_capabilities.get_icon(Empty(), context)
    assert icon.content_type == "image/svg+xml"
    assert ElementTree.fromstring(base64.b64decode(icon.data, validate=True)).tag.endswith("svg")


async def test_capabilities_are_a_json_object(context: Context) -> None:
    assert (await artifact_capabilities.get_capabilities(Empty(), context)).model_dump_json() == "{}"
