"""Who may ask: the holder of the bearer token; on loopback without a token, every program of this machine."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

_SCHEME = "bearer "


@dataclass(frozen=True, slots=True)
class Authentication:
    """Admits requests by their headers."""

    token: str | None = field(default=None, repr=False)

    def refusal(self, authorization: str | None, origin: str | None) -> str:
        """Why a request with these headers is not admitted, in a sentence; empty where it is."""
        if self.token is None:
            if origin is not None:
                # A web page that somebody on this machine looks at can post to loopback; GoCD never sends an Origin.
                return "This server has no token, so it answers no requests that come from a web page."
            return ""
        if not authorization:
            return "This server wants a token: send it as «Authorization: Bearer …»."
        if not authorization.lower().startswith(_SCHEME):
            return "This server wants a bearer token: send it as «Authorization: Bearer …»."
        if not hmac.compare_digest(authorization[len(_SCHEME) :].strip().encode(), self.token.encode()):
            return "The bearer token is not this server's."
        return ""
