"""What dispatch makes of a handler's outcome."""

from __future__ import annotations

import os
from typing import Any

import pytest
from pydantic import BaseModel

from handlers.context import Context
from handlers.errors import OperationFailed
from plugin.dispatch import Response, dispatch
from plugin.handler_context import handler_context
from plugin.operation import Operation, Table
from plugin.settings import Settings
from registry.client import RegistryClient
from registry.errors import ContentMismatch
from schemas.answers import Empty, FieldError
from schemas.artifact_configuration import StoreConfiguration
from schemas.package import CheckResult

PASSWORD = "open-sesame"


async def answered(outcome: Any, answer: Any = Empty) -> Response:
    async def handler(request: StoreConfiguration, context: Context) -> Any:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    table = Table.of(("artifact", ("1.0",), (Operation("ask", StoreConfiguration, handler, answer, "Ask", {}),)))
    body = b'{"Password": "open-sesame"}'
    return await dispatch("artifact", "ask", body, Context(client=RegistryClient()), operations=table)


LAYER_BROKEN = ContentMismatch("push layer 1", "its digest differs")


@pytest.mark.parametrize(
    "error",
    [
        LAYER_BROKEN,
        ExceptionGroup("transfers", [LAYER_BROKEN]),
        ExceptionGroup("transfers", [ValueError("?"), ExceptionGroup("inner", [LAYER_BROKEN])]),
    ],
)
async def test_a_failure_among_concurrent_transfers_is_told_in_its_own_words(error: Exception) -> None:
    response = await answered(error)
    assert (response.code, response.body) == (500, b"Could not push layer 1: its digest differs.")


@pytest.mark.parametrize(
    "error", [ValueError(PASSWORD), ExceptionGroup(PASSWORD, [ValueError(PASSWORD)]), MemoryError()]
)
async def test_anything_unforeseen_is_told_without_its_inner_workings(error: Exception) -> None:
    response = await answered(error)
    assert response.code == 500
    assert b"Could not answer ask: the plugin server met an error that it has no words for." in response.body
    assert PASSWORD.encode() not in response.body


async def test_an_answer_of_the_wrong_type_is_a_failure_not_a_broken_answer() -> None:
    assert (await answered({"no": object()}, answer=dict[str, str])).code == 500


async def test_secrets_are_masked_in_what_an_answer_says_in_words() -> None:
    errors = await answered([FieldError(key="Password", message=f"«{PASSWORD}» is refused")], list[FieldError])
    check = await answered(CheckResult(status="failure", messages=[f"I know {PASSWORD}"]), CheckResult)
    assert "«******» is refused" in errors.body.decode()
    assert b"I know ******" in check.body


async def test_data_in_an_answer_is_left_as_it_is() -> None:
    class Metadata(BaseModel):
        metadata: dict[str, str]

    response = await answered(Metadata(metadata={"image": f"registry/{PASSWORD}"}), Metadata)
    assert response.body == b'{"metadata":{"image":"registry/open-sesame"}}'


async def test_a_failure_with_a_broken_file_name_can_be_told() -> None:
    response = await answered(OperationFailed("read \udcff.tar", "it is no file"))
    assert response.body == b"Could not read ?.tar: it is no file."


def test_the_servers_own_settings_are_hidden_from_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOCD_REGISTRY_TOKEN", "t0ken")
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/podman.sock")
    environment = handler_context(Settings(), RegistryClient()).environment
    assert environment["DOCKER_HOST"] == "unix:///run/podman.sock"
    assert "t0ken" not in environment.values()
    assert "t0ken" in os.environ.values()
