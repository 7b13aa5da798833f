"""From a request's name and body to a response: the one way in, for the server and for the command."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from pydantic import ValidationError

from handlers.context import Console, Context
from plugin import metrics
from plugin.logs import logging_as
from plugin.operation import Operation, Table, UnknownRequest
from plugin.redaction import Secrets, masked, masking
from registry.errors import RegistryError

OK, UNREADABLE, UNKNOWN, FAILED = 200, 400, 404, 500
_MOST_MISTAKES_TOLD = 5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Response:
    """A plugin's response: its code, its body, and the headers that HTTP needs."""

    code: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})

    @classmethod
    def sentence(cls, code: int, text: str) -> Response:
        """A response in words, for a person who reads it inside GoCD's own sentence."""
        return cls(code, text.encode(errors="replace"), {"content-type": "text/plain; charset=utf-8"})


async def dispatch(
    extension: str, name: str, body: bytes, context: Context, *, operations: Table, version: str = ""
) -> Response:
    """Answer a request. Raises nothing but CancelledError: every failure is a response.

    200: answered, failed validations included. 400: the body can't be read. 404: unknown. 500: failed.
    """
    try:
        operation = operations.find(extension, name, version)
    except UnknownRequest as error:
        metrics.count("unknown", "unknown", UNKNOWN)
        return Response.sentence(UNKNOWN, str(error))
    with logging_as(extension=extension, request=name), metrics.measured(extension, name) as measured:
        started = time.monotonic()
        response = await _answer(operation, body, context)
        measured.code = response.code
        log.info("answered", code=response.code, seconds=round(time.monotonic() - started, 3))
        return response


async def _answer(operation: Operation[Any, Any], body: bytes, context: Context) -> Response:
    try:
        request = operation.read(body)
    except ValidationError as error:
        return Response.sentence(UNREADABLE, _unreadable(operation, body, error))
    with masking(operation.secrets_of(request)) as secrets:
        console = _MaskedConsole(context.console, secrets)
        try:
            answer = await operation.handler(request, dataclasses.replace(context, console=console))
            return Response(OK, operation.write(_mask_messages(answer, secrets)))
        except Exception as error:  # noqa: BLE001 -- the border where every failure becomes a sentence
            return _failed(operation, error)


def _failed(operation: Operation[Any, Any], error: Exception) -> Response:
    reason = _foreseen(error)
    if reason is None:
        log.error("failed unexpectedly", exc_info=error)
        request_id = structlog.contextvars.get_contextvars().get("request_id", "")
        return Response.sentence(
            FAILED,
            f"Could not answer {operation.name}: the plugin server met an error that it has no words for. "
            f"Its log tells more{f' under request id {request_id}' if request_id else ''}.",
        )
    log.warning("failed", reason=str(reason))
    return Response.sentence(FAILED, masked(str(reason)))


def _foreseen(error: BaseException) -> RegistryError | None:
    """The failure in words; out of a group, which concurrent transfers may raise, the first."""
    if isinstance(error, RegistryError):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next((found for found in map(_foreseen, error.exceptions) if found), None)
    return None


def too_large(limit: int) -> str:
    """The refusal of a body past the limit (bytes)."""
    return (
        f"The request's body is larger than {limit} bytes, which is the limit. GoCD's own bodies are far smaller; "
        "where yours is not, raise GOCD_REGISTRY_MAX_BODY_BYTES."
    )


def _unreadable(operation: Operation[Any, Any], body: bytes, error: ValidationError) -> str:
    """What is wrong with a body, by field; never what it holds."""
    if not body.strip():
        return f"The body of {operation.name} is empty; it must be the JSON object that GoCD sends."
    mistakes = error.errors(include_input=False, include_url=False, include_context=False)
    told = "; ".join(_mistake(mistake) for mistake in mistakes[:_MOST_MISTAKES_TOLD])
    more = f" (and {len(mistakes) - _MOST_MISTAKES_TOLD} more)" if len(mistakes) > _MOST_MISTAKES_TOLD else ""
    return f"The body can't be read as {operation.name}: {told}{more}."


def _mistake(mistake: Any) -> str:
    place = ".".join(str(step) for step in mistake["loc"])
    message = mistake["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{place}: {message}" if place else message


def _mask_messages(answer: Any, secrets: Secrets) -> Any:
    """Mask what an answer says in words; its other values are data, and must stay as they are."""
    if isinstance(answer, list):
        return [_mask_messages(item, secrets) for item in answer]
    if isinstance(message := getattr(answer, "message", None), str):
        return answer.model_copy(update={"message": secrets.mask(message)})
    if isinstance(messages := getattr(answer, "messages", None), list):
        return answer.model_copy(update={"messages": [secrets.mask(text) for text in messages]})
    return answer


@dataclass(frozen=True, slots=True)
class _MaskedConsole:
    console: Console
    secrets: Secrets

    def info(self, message: str) -> None:
        """Show a line without the request's secrets."""
        self.console.info(self.secrets.mask(message))

    def error(self, message: str) -> None:
        """Show a line as an error, without the request's secrets."""
        self.console.error(self.secrets.mask(message))
