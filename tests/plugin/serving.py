"""A real server on a free port, with operations that wait, talk and fail when they are told to."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from pydantic import BaseModel, SecretStr

from handlers.context import Context
from handlers.errors import OperationFailed
from plugin.operation import Operation, Table
from plugin.server import Server, listen
from plugin.settings import Settings
from schemas.answers import Empty


class Scripted(BaseModel):
    """Says what the scripted operation does."""

    say: list[str] = []
    fail: str = ""
    crash: str = ""
    password: SecretStr = SecretStr("")

    def secret_values(self) -> frozenset[str]:
        return frozenset({self.password.get_secret_value()})


class Said(BaseModel):
    words: list[str]


@dataclass
class Stage:
    """What the operations below wait for, and what became of them."""

    started: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    cleaned_up: threading.Event = field(default_factory=threading.Event)

    async def speak(self, request: Scripted, context: Context) -> Said:
        for word in request.say:
            context.console.info(word)
        if request.fail:
            context.console.error(request.fail)
            raise OperationFailed("speak", request.fail, "Speak up.")
        if request.crash:
            raise RuntimeError(request.crash)
        return Said(words=request.say)

    async def wait(self, request: Scripted, context: Context) -> Said:
        """Say the words, then wait; cleaning up takes a moment, as removing files does."""
        try:
            for word in request.say:
                context.console.info(word)
            self.started.set()
            while not self.released.is_set():
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            await asyncio.sleep(0.05)
            self.cleaned_up.set()
            raise
        return Said(words=request.say)

    def table(self) -> Table:
        return Table.of(
            (
                "artifact",
                ("1.0", "2.0"),
                (
                    Operation("speak", Scripted, self.speak, Said, "Speak", {"words": []}),
                    Operation("wait", Scripted, self.wait, Said, "Wait", {"words": []}),
                    Operation("nothing", Empty, self.nothing, Empty, "Nothing", {}),
                ),
            )
        )

    async def nothing(self, request: Empty, context: Context) -> Empty:
        return request


class Running:
    """A server under test."""

    def __init__(self, server: Server, url: str) -> None:
        self._server = server
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=20)

    def signal(self) -> None:
        """What SIGTERM does."""
        self._server.handle_exit(signal.SIGTERM, None)


@contextmanager
def running(settings: Settings, operations: Table) -> Iterator[Running]:
    """Serve in a thread until the block ends."""
    server = Server(settings, operations)
    with listen("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        under_test = Running(server, url)
        try:
            under_test.client.get("/health/live")
            yield under_test
        finally:
            under_test.client.close()
            under_test.signal()
            under_test.signal()
            thread.join(20)
    assert not thread.is_alive()
