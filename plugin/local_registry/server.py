"""Serves the local registry on loopback: for a person, and for tests."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from plugin.local_registry.app import create_local_registry

_SECONDS_TO_STOP = 2


def serve_local_registry(directory: Path, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve until a signal says to stop. Raises ValueError for an address that others could reach."""
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"The local registry lets everybody in, so it listens on loopback only, not on {host}.")
    with socket.create_server((host, port)) as listener:
        announce(f"http://{host}:{listener.getsockname()[1]}")
        _server(create_local_registry(directory)).run(sockets=[listener])


@contextmanager
def running(app: ASGIApp) -> Iterator[str]:
    """Serve an application on a free port of loopback, in a thread of its own; the address is `host:port`."""
    server = _server(app)
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
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
