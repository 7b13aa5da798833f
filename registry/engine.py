"""The engine for questions and their answers: aiohttp, behind httpx's transport interface.

httpx's own engine was measured at two thirds of the requests a second. The rules that httpx-aiohttp leaves open are
held here: bytes of an address stay as they are (signed URLs), pieces are as large as they arrived, and each failure
keeps its own httpx exception. Blobs' bytes go by `registry/bulk`.
"""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import aiohttp
import httpx
from yarl import URL

from registry.proxies import Proxies

_KEEP_ALIVE = 30.0
_LARGEST_PIECE = 1024 * 1024
_READ_BUFFER = 512 * 1024
"""Bytes that wait for their reader before the socket is left alone."""


class AiohttpEngine(httpx.AsyncBaseTransport):
    """Sends httpx's requests by aiohttp. Bounds are the caller's: the pool has none."""

    def __init__(self, new_context: Callable[[], ssl.SSLContext], proxies: Proxies) -> None:
        """`new_context` blocks, and is called in a thread when TLS is first needed."""
        self._new_context = new_context
        self._context: ssl.SSLContext | None = None
        self._making_context = asyncio.Lock()
        self._proxies = proxies
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the answer's body is read from its stream. Raises httpx.TransportError."""
        with _httpx_errors(request):
            answer = await self._send(request)
        return httpx.Response(
            answer.status,
            headers=list(answer.raw_headers),
            stream=_Body(answer, request),
            extensions={"reason_phrase": (answer.reason or "").encode("ascii", "replace")},
        )

    async def _send(self, request: httpx.Request) -> aiohttp.ClientResponse:
        times = request.extensions.get("timeout", {})
        proxy = self._proxies.of(request.url)
        context = await self._tls() if "https" in (request.url.scheme, (proxy or "").partition(":")[0]) else True
        return await self._open_session().request(
            request.method,
            # As it stands: a signature over an address does not survive its being quoted anew.
            URL(str(request.url), encoded=True),
            headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw],
            data=_content(request),
            allow_redirects=False,
            proxy=proxy,
            ssl=context,
            timeout=aiohttp.ClientTimeout(
                connect=times.get("connect"), sock_connect=times.get("connect"), sock_read=times.get("read")
            ),
        )

    async def _tls(self) -> ssl.SSLContext:
        async with self._making_context:
            if self._context is None:
                self._context = await asyncio.to_thread(self._new_context)
            return self._context

    def _open_session(self) -> aiohttp.ClientSession:
        # Made at the first request: a session belongs to the loop that it is made on.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE),
                # A session cookie would carry one identity's login into another's requests.
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                read_bufsize=_READ_BUFFER,
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            )
        return self._session

    async def aclose(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


class _Body(httpx.AsyncByteStream):
    """An answer's body in pieces as large as they arrived."""

    def __init__(self, answer: aiohttp.ClientResponse, request: httpx.Request) -> None:
        self._answer = answer
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors(self._request):
            content = self._answer.content
            # One piece after another: iter_any() joins all that has gathered, which copies every byte once more.
            while not content.at_eof():
                piece, _ = await content.readchunk()
                if piece:
                    yield piece

    async def aclose(self) -> None:
        """Give the connection back, or close it when anything is left on it."""
        self._answer.release()


def _content(request: httpx.Request) -> bytes | io.BytesIO | None:
    content = request.content
    # aiohttp warns of larger ones that come in one piece, as they hold up the loop.
    return io.BytesIO(content) if len(content) > _LARGEST_PIECE else content or None


@contextmanager
def _httpx_errors(request: httpx.Request) -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise _httpx_error(error)(str(error) or type(error).__name__, request=request) from error


_HTTPX_ERRORS: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (aiohttp.ClientProxyConnectionError, httpx.ProxyError),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.SocketTimeoutError, httpx.ReadTimeout),
    (aiohttp.ServerTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ServerDisconnectedError, httpx.ReadError),
    (aiohttp.ClientPayloadError, httpx.ReadError),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (aiohttp.NonHttpUrlClientError, httpx.UnsupportedProtocol),
    (aiohttp.ClientConnectionError, httpx.ReadError),
    (TimeoutError, httpx.ReadTimeout),
    (OSError, httpx.ReadError),
    (ValueError, httpx.LocalProtocolError),
)
"""The first that fits; in aiohttp's tree the special ones stand below the general ones."""


def _httpx_error(error: Exception) -> type[httpx.TransportError]:
    return next((ours for theirs, ours in _HTTPX_ERRORS if isinstance(error, theirs)), httpx.NetworkError)
