"""A hostile registry: it lets nobody in, and repeats in every answer whatever it was told."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GRANTED_TOKEN = "granted-T0K3N-x7q9"


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    scheme = "basic"

    def do_GET(self) -> None:
        body = self._body()
        if self.path.startswith("/token"):
            self._answer(200, {"token": GRANTED_TOKEN})
        elif "Authorization" not in self.headers:
            realm = f"http://{self.headers['Host']}/token"
            challenge = f'Bearer realm="{realm}",service="s"' if self.scheme == "bearer" else 'Basic realm="r"'
            self._answer(401, self._echo(body), {"WWW-Authenticate": challenge})
        else:
            self._answer(403, self._echo(body))

    do_POST = do_PUT = do_PATCH = do_HEAD = do_GET  # noqa: N815 -- the base class's names

    def _body(self) -> str:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")

    def _echo(self, body: str) -> object:
        authorization = self.headers.get("Authorization", "")
        plain = base64.b64decode(authorization[6:]).decode() if authorization.startswith("Basic ") else ""
        # Short messages: long ones are cut by the client.
        said = [plain, authorization, self.path[:200], body[:250]]
        return {"errors": [{"code": "DENIED", "message": f"I know {text}"} for text in said], "message": plain}

    def _answer(self, status: int, content: object, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        pass


@contextmanager
def echoing_registry(scheme: str) -> Iterator[str]:
    """Serve on a free port; the address is `host:port`. The scheme is `basic` or `bearer`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Echo", (_Echo,), {"scheme": scheme}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
