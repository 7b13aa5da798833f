"""The HTTP application: the endpoint of all requests, discovery, health, metrics, documentation."""

from __future__ import annotations

import importlib.metadata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from plugin.authentication import Authentication
from plugin.discovery import Discovery, discover
from plugin.documentation import page
from plugin.endpoint import Endpoint, refusal
from plugin.handler_context import environment, handler_context
from plugin.openapi import describe
from plugin.operation import Table
from plugin.registry_client import registry_client
from plugin.settings import Settings
from plugin.work import Work

VERSION = importlib.metadata.version("gocd-registry-plugin")
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def create_app(settings: Settings, operations: Table, work: Work | None = None) -> FastAPI:
    """The application for these settings, one registry client for all of it. Raises SettingsInvalid."""
    authentication = Authentication(settings.read_token())
    work = work or Work(settings.max_requests)
    client = registry_client(settings, environment())

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with client:
            yield

    app = FastAPI(
        title="gocd-registry-plugin",
        version=VERSION,
        summary="Connects GoCD to container registries",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={HTTPException: _http_error},
    )
    context = handler_context(settings, client)
    endpoint = Endpoint(operations, authentication, work, context, settings.max_body_bytes)
    app.router.routes.append(Route("/v1/{extension}/{request_name}", endpoint, methods=["POST"]))
    _add_discovery(app, operations, authentication)
    _add_observation(app, work)
    _add_documentation(app, operations)
    return app


def _add_discovery(app: FastAPI, operations: Table, authentication: Authentication) -> None:
    discovered = discover(operations, VERSION)

    @app.get("/v1", summary="List extensions, their versions and requests", response_model=Discovery)
    async def discovery(request: Request) -> Any:
        return refusal(authentication, request) or discovered


def _add_observation(app: FastAPI, work: Work) -> None:
    @app.get("/health/live", summary="Whether the process answers", response_class=PlainTextResponse)
    async def live() -> PlainTextResponse:
        return PlainTextResponse("live\n")

    @app.get("/health/ready", summary="Whether new work is taken on", response_class=PlainTextResponse)
    async def ready() -> PlainTextResponse:
        return PlainTextResponse("stopping\n", 503) if work.is_stopping else PlainTextResponse("ready\n")

    @app.get("/metrics", summary="Metrics for Prometheus", response_class=PlainTextResponse)
    async def metrics() -> HttpResponse:
        return HttpResponse(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _add_documentation(app: FastAPI, operations: Table) -> None:
    described: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not described:
            described.update(describe(app, operations))
        return described

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend its description

    @app.get("/docs", include_in_schema=False)
    async def documentation() -> HTMLResponse:
        return HTMLResponse(page(openapi()), headers={"Content-Security-Policy": _PAGE_POLICY})


async def _http_error(request: Request, error: Exception) -> HttpResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 -- the only kind that this handler is registered for
    sentence = (
        f"{request.method} {request.url.path}: {error.detail}. "
        "Requests are POST /v1/{extension}/{request_name}; GET /docs lists them."
    )
    return PlainTextResponse(sentence, error.status_code, error.headers)
