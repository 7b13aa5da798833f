"""A small token server for docker-registry's token authentication; it notes what it was asked."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.real.certificates import self_signed


class TokenServer:
    def __init__(self, folder: Path, username: str, password: str) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.certificate = folder / "token.pem"
        self._certificate = self_signed(self._key, self.certificate)
        self._basic = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        self.expires_in = 300
        self.asked: list[list[str]] = []
        """The scopes of every request for a token."""
        self.app = Starlette(routes=[Route("/token", self._token, methods=["GET", "POST"])])

    async def _token(self, request: Request) -> Response:
        scopes = request.query_params.getlist("scope")
        self.asked.append(scopes)
        authorization = request.headers.get("Authorization")
        if authorization is not None and authorization != self._basic:
            return JSONResponse({"errors": [{"code": "UNAUTHORIZED", "message": "wrong password"}]}, 401)
        access = [self._access(scope) for scope in scopes] if authorization else []
        return JSONResponse({"token": self._sign(access), "expires_in": self.expires_in})

    def _access(self, scope: str) -> dict[str, object]:
        kind, name, actions = scope.split(":")
        return {"type": kind, "name": name, "actions": actions.split(",")}

    def _sign(self, access: list[dict[str, object]]) -> str:
        now = int(time.time())
        der = base64.b64encode(self._certificate.public_bytes(serialization.Encoding.DER)).decode()
        header = {"typ": "JWT", "alg": "RS256", "x5c": [der]}
        claims = {
            "iss": "test-issuer",
            "sub": "someone",
            "aud": "test-registry",
            "exp": now + self.expires_in,
            "nbf": now - 10,
            "iat": now,
            "jti": str(now),
            "access": access,
        }
        text = f"{_encode(json.dumps(header).encode())}.{_encode(json.dumps(claims).encode())}"
        return f"{text}.{_encode(self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
