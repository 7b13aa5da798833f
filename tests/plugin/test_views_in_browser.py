"""The three forms as people meet them: in a browser, within AngularJS, with the answers of our own validation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest
from selenium import webdriver

from handlers.context import Context
from plugin.dispatch import dispatch
from plugin.operations import OPERATIONS
from registry.client import RegistryClient
from tests.plugin.forms import Form, browser, prepare_host, show

pytestmark = pytest.mark.real


class Shower(Protocol):
    async def __call__(self, form: str, values: Mapping[str, str | None], *, validated: bool = False) -> Form: ...


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_host(tmp_path_factory.mktemp("host"))


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
async def open_form(driver: webdriver.Chrome, page: Path) -> Callable[..., Any]:
    return partial(_open, driver, page)


async def _open(
    driver: webdriver.Chrome, page: Path, form: str, values: Mapping[str, str | None], *, validated: bool = False
) -> Form:
    """Show a form; with the errors of its values, as after «Save»."""
    template = (await ask(f"{form}.get-view"))["template"]
    keys = [field["key"] for field in await ask(f"{form}.get-metadata")]
    errors = await ask(f"{form}.validate", values) if validated else []
    return show(driver, page, template, keys, values, errors)


async def ask(name: str, body: object = None) -> Any:
    context = Context(client=RegistryClient())
    body = b"" if body is None else json.dumps(body).encode()
    answer = await dispatch("artifact", f"cd.go.artifact.{name}", body, context, operations=OPERATIONS)
    assert answer.code == 200
    return json.loads(answer.body)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("", ["RegistryType"]),
        ("other", ["RegistryType", "RegistryURL", "Username", "Password"]),
        ("ecr", ["RegistryType", "RegistryID", "AWSRegion", "AWSAccessKeyId", "AWSSecretAccessKey", "RegistryURL"]),
    ],
)
async def test_a_store_shows_the_fields_of_its_type_only(open_form: Shower, kind: str, fields: list[str]) -> None:
    assert (await open_form("store", {"RegistryType": kind})).fields == fields


async def test_choosing_another_type_changes_the_fields_at_once(open_form: Shower) -> None:
    form = await open_form("store", {})
    form.choose("RegistryType", "ecr")
    assert "RegistryID" in form.fields
    assert "Username" not in form.fields
    form.choose("RegistryType", "other")
    assert "RegistryID" not in form.fields
    assert "Username" in form.fields


async def test_what_is_typed_is_what_is_saved(open_form: Shower) -> None:
    form = await open_form("store", {})
    form.choose("RegistryType", "other")
    form.type("RegistryURL", "https://registry.example.com")
    form.type("Username", "robot")
    form.type("Password", "sesame")
    saved = {key: value for key, value in form.saved.items() if value}
    assert saved == {
        "RegistryType": "other",
        "RegistryURL": "https://registry.example.com",
        "Username": "robot",
        "Password": "sesame",
    }


async def test_a_saved_configuration_is_shown_as_it_was(open_form: Shower) -> None:
    form = await open_form("publish", {"Image": "team/app", "Tag": "${GO_PIPELINE_LABEL}", "Source": "file"})
    assert form.field("Image").get_attribute("value") == "team/app"
    assert form.field("Tag").get_attribute("value") == "${GO_PIPELINE_LABEL}"
    assert form.field("Source").get_attribute("value") == "file"


@pytest.mark.parametrize(
    ("form", "values", "key"),
    [
        ("publish", {"Image": "team/app", "Source": "registry"}, "ImagePath"),
        ("publish", {"Image": "team/app", "Source": "daemon"}, "ImagePath"),
        ("fetch", {"Format": "none"}, "Destination"),
        ("fetch", {"Format": "daemon"}, "Destination"),
        ("fetch", {"Format": "none"}, "Platform"),
    ],
)
async def test_fields_without_meaning_are_hidden(
    open_form: Shower, form: str, values: dict[str, str], key: str
) -> None:
    assert key not in (await open_form(form, values)).fields
    assert key in (await open_form(form, {**values, key: "given before"})).fields


@pytest.mark.parametrize("form", ["store", "publish", "fetch"])
async def test_every_key_has_a_field_somewhere(open_form: Shower, form: str) -> None:
    keys = {field["key"] for field in await ask(f"{form}.get-metadata")}
    shown: set[str] = set()
    for values in ({"RegistryType": "ecr"}, {"RegistryType": "other"}, {"Format": "oci"}):
        shown |= set((await open_form(form, values)).fields)
    assert shown == keys


async def test_secrets_are_typed_unseen(open_form: Shower) -> None:
    for kind in ("other", "ecr"):
        form = await open_form("store", {"RegistryType": kind})
        secure = {field["key"] for field in await ask("store.get-metadata") if field["metadata"]["secure"]}
        for key in secure & set(form.fields):
            assert form.field(key).get_attribute("type") == "password"


WRONG: list[tuple[str, dict[str, str | None]]] = [
    ("store", {}),
    ("store", {"RegistryType": "gitlab"}),
    ("store", {"RegistryType": "other"}),
    ("store", {"RegistryType": "other", "RegistryURL": "https://registry.example.com/team", "Username": "robot"}),
    ("store", {"RegistryType": "other", "RegistryURL": "ftp://x", "Password": "sesame"}),
    ("store", {"RegistryType": "other", "RegistryURL": "x", "Username": "{{SECRET:[v][u]}}", "Password": "p"}),
    ("store", {"RegistryType": "ecr"}),
    ("store", {"RegistryType": "ecr", "RegistryID": "12", "AWSRegion": "europe", "AWSAccessKeyId": "AKIA"}),
    (
        "store",
        {"RegistryType": "ecr", "RegistryID": "123456789012", "AWSRegion": "eu-west-1", "AWSSecretAccessKey": "s"},
    ),
    ("store", {"RegistryType": "ecr", "RegistryID": "1", "AWSRegion": "eu-west-1", "RegistryURL": "http://x/y/z"}),
    ("publish", {}),
    ("publish", {"Image": "team/app", "BuildFile": "build.json"}),
    ("publish", {"Image": "docker push Team/App:1.0", "Tag": "a b"}),
    ("publish", {"Image": "https://registry.example.com/team/app@sha256:12"}),
    ("publish", {"Image": "team/app", "Source": "nowhere", "AdditionalTags": "a,b c/d"}),
    ("publish", {"Image": "team/app", "Source": "file"}),
    ("publish", {"Image": "team/app", "Source": "registry", "ImagePath": "image.tar"}),
    ("publish", {"Image": "team/app", "Source": "daemon", "ImagePath": "/etc/../image.tar", "TagsFile": "../tags"}),
    ("publish", {"BuildFile": "/etc/passwd"}),
    ("fetch", {"EnvironmentVariablePrefix": "1A"}),
    ("fetch", {"Format": "zip"}),
    ("fetch", {"Format": "none", "Destination": "../out", "Platform": "amd64"}),
    ("fetch", {"Format": "oci", "Destination": "/out", "Platform": "linux/"}),
    ("fetch", {"SkipImagePulling": "perhaps", "Format": "zip", "Destination": "../x", "Platform": "?"}),
    ("fetch", {"SkipImagePulling": "true", "Destination": "/x", "Platform": "?"}),
]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *WRONG,
        ("fetch", {"SkipImagePulling": "true", "Format": "zip"}),
    ],
)
async def test_every_error_is_shown_at_its_field_and_nowhere_else(
    open_form: Shower, name: str, values: dict[str, str | None]
) -> None:
    expected: dict[str, str] = {}
    for error in await ask(f"{name}.validate", values):
        if error["key"]:  # GoCD itself shows the others, above the form
            expected.setdefault(error["key"], " ".join(error["message"].split()))
    form = await open_form(name, values, validated=True)
    assert form.errors == expected
    assert sorted(form.marked) == sorted(expected)


@pytest.mark.parametrize("name", ["store", "publish", "fetch"])
@pytest.mark.parametrize("values", [{}, {"RegistryType": "other"}, {"RegistryType": "ecr"}, {"Format": "oci"}])
async def test_every_field_has_a_label_and_nothing_complains(
    open_form: Shower, name: str, values: dict[str, str]
) -> None:
    form = await open_form(name, values)
    assert all(form.label(form.field(key)) for key in form.fields)
    assert form.errors == {}
    assert form.complaints == []


async def test_the_image_is_fetched_again_when_the_box_is_unticked(open_form: Shower) -> None:
    form = await open_form("fetch", {"SkipImagePulling": "true"})
    assert form.field("SkipImagePulling").is_selected()
    assert "Format" not in form.fields
    form.field("SkipImagePulling").click()
    assert "Format" in form.fields
    assert form.saved["SkipImagePulling"] == "false"
