"""The table: everything that GoCD asks is in it, described, typed and exampled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from openapi_spec_validator import validate
from pydantic import TypeAdapter

from plugin.operation import Operation
from plugin.operations import OPERATIONS
from plugin.settings import Settings
from tests.plugin.serving import Running, running

PLUGIN_SETTINGS = {f"go.plugin-settings.{name}" for name in ("get-configuration", "get-view", "validate-configuration")}
ARTIFACT = {
    f"cd.go.artifact.{name}"
    for name in (
        "get-capabilities",
        "get-icon",
        *(
            f"{form}.{part}"
            for form in ("store", "publish", "fetch")
            for part in ("get-metadata", "get-view", "validate")
        ),
        "publish-artifact",
        "fetch-artifact",
    )
}
PACKAGE_REPOSITORY = {
    "repository-configuration",
    "package-configuration",
    "validate-repository-configuration",
    "validate-package-configuration",
    "check-repository-connection",
    "check-package-connection",
    "latest-revision",
    "latest-revision-since",
}
ALL = [
    pytest.param(extension.name, operation, id=f"{extension.name}/{operation.name}")
    for extension in OPERATIONS.extensions.values()
    for operation in extension.operations.values()
]
FORMS = [case for case in ALL if not case.values[1].has_body]  # type: ignore[union-attr]  # an Operation


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(Settings(), OPERATIONS) as under_test:
        yield under_test


@pytest.fixture(scope="module")
def description(server: Running) -> dict[str, Any]:
    described: dict[str, Any] = server.client.get("/openapi.json").json()
    return described


def test_every_request_of_gocd_is_in_the_table() -> None:
    extensions = OPERATIONS.extensions
    assert set(extensions["artifact"].operations) == ARTIFACT | PLUGIN_SETTINGS
    assert set(extensions["package-repository"].operations) == PACKAGE_REPOSITORY | PLUGIN_SETTINGS
    assert (len(ARTIFACT), len(PACKAGE_REPOSITORY)) == (13, 8)
    assert extensions["artifact"].versions == ("1.0", "2.0")
    assert extensions["package-repository"].versions == ("1.0",)


def test_discovery_lists_the_table(server: Running) -> None:
    discovered = server.client.get("/v1").json()
    listed = {
        extension["name"]: {request["name"] for request in extension["requests"]}
        for extension in discovered["extensions"]
    }
    assert listed == {name: set(extension.operations) for name, extension in OPERATIONS.extensions.items()}


@pytest.mark.parametrize(("extension", "operation"), ALL)
def test_examples_are_of_their_types(extension: str, operation: Operation[Any, Any]) -> None:
    operation.read(json.dumps(operation.request_example).encode())
    TypeAdapter(operation.answer).validate_python(operation.example)


@pytest.mark.parametrize(("extension", "operation"), FORMS)
def test_requests_without_a_body_are_answered_as_described(
    server: Running, extension: str, operation: Operation[Any, Any]
) -> None:
    for version in OPERATIONS.extensions[extension].versions:
        headers = {"X-GoCD-Extension-Version": version}
        answer = server.client.post(f"/v1/{extension}/{operation.name}", headers=headers)
        assert answer.status_code == 200
        TypeAdapter(operation.answer).validate_json(answer.content)
        assert "null" not in answer.text


@pytest.mark.parametrize(("extension", "operation"), ALL)
def test_openapi_types_and_exemplifies_every_operation(
    description: dict[str, Any], extension: str, operation: Operation[Any, Any]
) -> None:
    described = description["paths"][f"/v1/{extension}/{operation.name}"]["post"]
    request = described["requestBody"]["content"]["application/json"]
    answer = described["responses"]["200"]["content"]["application/json"]
    assert request["schema"]
    assert answer["schema"]
    assert answer["example"] is not None
    assert ("example" in request) is operation.has_body
    assert described["summary"]
    assert {"400", "401", "404", "500"} < set(described["responses"])


def test_openapi_is_valid(description: dict[str, Any]) -> None:
    validate(description)


def test_secret_fields_are_marked_in_openapi(description: dict[str, Any]) -> None:
    store = description["components"]["schemas"]["StoreConfiguration"]["properties"]
    assert {name for name, field in store.items() if field.get("format") == "password"} == {
        "AWSAccessKeyId",
        "AWSSecretAccessKey",
        "Password",
    }


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loaded += [value or "" for name, value in attrs if name in {"src", "href"}]


def test_the_documentation_page_needs_no_other_host_and_no_script(server: Running) -> None:
    answer = server.client.get("/docs")
    page = _Links()
    page.feed(answer.text)
    assert page.loaded == ["/openapi.json"]
    assert "script" not in page.tags
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for extension in OPERATIONS.extensions.values():
        assert all(f"/v1/{extension.name}/{name}" in answer.text for name in extension.operations)
