"""The OpenAPI description: FastAPI's for the fixed routes, and one path for each operation of the table."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from plugin.operation import Extension, Operation, Table
from plugin.streaming import MEDIA_TYPE

JSON = "application/json"
_REFERENCE = "#/components/schemas/{model}"
_BEARER = {"bearer": {"type": "http", "scheme": "bearer", "description": "Where the server has a token."}}
_SENTENCE = {"text/plain": {"schema": {"type": "string"}}}
_REFUSALS = {
    "400": {"description": "The body can't be read as this request; the answer names the field.", "content": _SENTENCE},
    "401": {"description": "The bearer token is missing or wrong.", "content": _SENTENCE},
    "404": {"description": "No such extension, version or request.", "content": _SENTENCE},
    "500": {"description": "The operation failed; the answer says why, for a person.", "content": _SENTENCE},
}
_STREAM_EXAMPLE = (
    '{"console_log": {"logLevel": "INFO", "message": "Layer sha256:ab12… 34.1 MB: pushed"}}\n'
    '{"response": {"code": 200, "headers": {}, "body": "…"}}\n'
)
_REQUEST_ID = {
    "name": "X-Request-Id",
    "in": "header",
    "description": "Appears in every log line of the request, and in the answer.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
}

_Key: TypeAlias = tuple[str, str]
_Mode: TypeAlias = Literal["validation", "serialization"]


def describe(app: FastAPI, operations: Table) -> dict[str, Any]:
    """The whole description, each request and answer with its type and an example."""
    description = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
    schemas, definitions = _schemas(operations)
    for extension in operations.extensions.values():
        for operation in extension.operations.values():
            path = f"/v1/{extension.name}/{operation.name}"
            description["paths"][path] = {"post": _described(extension, operation, schemas)}
    components = description.setdefault("components", {})
    components.setdefault("schemas", {}).update(definitions)
    components["securitySchemes"] = _BEARER
    description["security"] = [{}, {"bearer": []}]
    return description


def _schemas(operations: Table) -> tuple[dict[tuple[_Key, str], Any], dict[str, Any]]:
    inputs: list[tuple[_Key, _Mode, TypeAdapter[Any]]] = []
    for extension in operations.extensions.values():
        for operation in extension.operations.values():
            key = (extension.name, operation.name)
            inputs.append((key, "validation", TypeAdapter(operation.request)))
            inputs.append((key, "serialization", TypeAdapter(operation.answer)))
    schemas, definitions = TypeAdapter.json_schemas(inputs, ref_template=_REFERENCE)
    return {(key, mode): schema for (key, mode), schema in schemas.items()}, definitions.get("$defs", {})


def _described(
    extension: Extension, operation: Operation[Any, Any], schemas: dict[tuple[_Key, str], Any]
) -> dict[str, Any]:
    key = (extension.name, operation.name)
    request = {"schema": schemas[key, "validation"]}
    if operation.has_body:
        request["example"] = operation.request_example
    answer = {"schema": schemas[key, "serialization"], "example": operation.example}
    stream = {"schema": {"type": "string"}, "example": _STREAM_EXAMPLE}
    return {
        "tags": [extension.name],
        "summary": operation.summary,
        "operationId": f"{extension.name}:{operation.name}",
        "parameters": [_version_parameter(extension), _REQUEST_ID],
        "requestBody": {"required": operation.has_body, "content": {JSON: request}},
        "responses": {
            "200": {
                "description": "Answered, failed validations included.",
                "content": {JSON: answer, MEDIA_TYPE: stream},
            },
            **_REFUSALS,
        },
    }


def _version_parameter(extension: Extension) -> dict[str, Any]:
    return {
        "name": "X-GoCD-Extension-Version",
        "in": "header",
        "description": "The version of the extension that GoCD speaks; the answers are the same in all.",
        "schema": {"type": "string", "enum": list(extension.versions)},
    }
