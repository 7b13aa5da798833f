"""Runs the application: socket, TLS, signals, and a shutdown that loses no transfer that can finish in time."""

from __future__ import annotations

import asyncio
import gc
import socket
from types import FrameType

import structlog
import uvicorn

from plugin.app import create_app
from plugin.operation import Table
from plugin.operations import OPERATIONS
from plugin.settings import Settings, SettingsInvalid
from plugin.work import Work

_KEEP_ALIVE_SECONDS = 1260
"""Longer than Java's HTTP client keeps an idle connection (20 minutes), so that it is never the server that closes
one just when the bridge sends the next request on it."""
_SECONDS_TO_SEND_LAST_ANSWERS = 10
_BACKLOG = 2048
_ALLOCATIONS_BETWEEN_COLLECTIONS = 10_000
"""Of containers; Python's 700 are for programs that keep little."""

log = structlog.get_logger(__name__)


def serve(settings: Settings) -> None:
    """Answer requests until a signal says to stop. Raises SettingsInvalid before it listens, never after."""
    settings.check_tls()
    server = Server(settings)
    # What was imported stays: the collector need not look through it again and again.
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS)
    with listen(settings.host, settings.port) as listener:
        log.info("listening", url=_url(settings, listener), token="required" if settings.read_token() else "none")
        server.run(sockets=[listener])
    log.info("stopped")


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises SettingsInvalid where the address can't be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise SettingsInvalid(
            f"Could not listen on {host}, port {port}: {error.strerror or error}. "
            "Choose another with --host and --port, or stop what listens there."
        ) from error


def _url(settings: Settings, listener: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{'https' if settings.tls_certificate else 'http'}://{host}:{listener.getsockname()[1]}"


class Server(uvicorn.Server):
    """A server whose health stays visible while it finishes its work.

    At the first signal it says that it is not ready and takes on nothing new; at the second it cancels what runs.
    """

    def __init__(self, settings: Settings, operations: Table = OPERATIONS) -> None:
        self._grace_seconds = settings.shutdown_grace_seconds
        self._work = Work(settings.max_requests)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._finishing: set[asyncio.Task[None]] = set()
        super().__init__(
            uvicorn.Config(
                create_app(settings, operations, self._work),
                ssl_certfile=settings.tls_certificate,
                ssl_keyfile=settings.tls_key,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                lifespan="on",
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_SECONDS_TO_SEND_LAST_ANSWERS,
            )
        )

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer requests on these sockets until told to stop."""
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal; it arrives between any two instructions, so the loop does the work."""
        if self._loop is None:
            super().handle_exit(sig, frame)
        else:
            self._loop.call_soon_threadsafe(self.stop)

    def stop(self) -> None:
        """Finish what is under way, then end; called again, cancel it. To be called in the server's loop."""
        grace = 0.0 if self._work.is_stopping else self._grace_seconds
        log.info("stopping", grace_seconds=grace)
        self._work.stop()
        task = asyncio.get_running_loop().create_task(self._finish(grace))
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    async def _finish(self, grace_seconds: float) -> None:
        await self._work.finish(grace_seconds)
        self.should_exit = True
