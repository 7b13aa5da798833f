"""Serves the local registry on loopback: for a person, and for tests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import uvicorn
from starlette.types import ASGIApp

from plugin.local_registry.app import create_local_registry

_LOOPBACK = "127.0.0.1"
_SECONDS_TO_STOP = 2


def serve_local_registry(directory: Path, port: int, announce: Callable[[str], None] = click.echo) -> None:
    """Serve on loopback, as it lets everybody in, until a signal says to stop."""
    with socket.create_server((_LOOPBACK, port)) as listener:
        announce(f"http://{_LOOPBACK}:{listener.getsockname()[1]} keeps its images in {directory}")
        _server(create_local_registry(directory)).run(sockets=[listener])


@contextmanager
def running(app: ASGIApp) -> Iterator[str]:
    """Serve an application on a free port of loopback, in a thread of its own; the address is `host:port`."""
    server = _server(app)
    with socket.create_server((_LOOPBACK, 0), backlog=512) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"{_LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _server(app: ASGIApp) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=_SECONDS_TO_STOP,
        )
    )
