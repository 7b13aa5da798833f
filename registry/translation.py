"""The one place where failures of the HTTP library and error answers of registries become registry errors."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from registry import errors
from registry.retry import retry_after_seconds

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]+")
_LONGEST_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a request is for, in words: «list the tags of HOST/PATH»."""

    action: str
    host: str
    as_whom: str = ""
    """The user name that was sent, or empty for nobody."""


def connection_failed(error: httpx.HTTPError | httpx.InvalidURL | OSError, purpose: Purpose) -> errors.RegistryError:
    """Translate a failure without any answer."""
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return errors.NameNotResolved(
                purpose.action,
                f"the host name {purpose.host} could not be resolved",
                "Check the registry's address for a typing mistake, and the DNS of this machine.",
            )
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate_refused(cause, purpose)
        if isinstance(cause, ssl.SSLError):
            return errors.TLSFailed(
                purpose.action,
                f"the TLS handshake with {purpose.host} failed ({_tls_reason(cause)})",
                "If the registry speaks plain HTTP, write its address with http://.",
            )
    if isinstance(error, httpx.TimeoutException):
        return errors.TimedOut(
            purpose.action, f"{purpose.host} did not answer in time", "Check that the registry is up and reachable."
        )
    return _refused_or_cut(error, purpose)


def _refused_or_cut(error: Exception, purpose: Purpose) -> errors.RegistryError:
    remedy = "Check the registry's address and port, and that the registry is up."
    if isinstance(error, httpx.ConnectError):
        return errors.ConnectionRefused(purpose.action, f"{purpose.host} refused the connection", remedy)
    if isinstance(error, httpx.ProxyError):
        return errors.ConnectionRefused(purpose.action, "the proxy refused the connection", "Check HTTPS_PROXY.")
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return errors.NotARegistry(purpose.action, f"{purpose.host} sent an address that can't be used", remedy)
    if isinstance(error, httpx.RemoteProtocolError) and "invalid" in str(error).lower():
        return errors.NotARegistry(purpose.action, f"{purpose.host} does not answer in HTTP", remedy)
    return errors.ConnectionRefused(purpose.action, f"{purpose.host} cut the connection", remedy)


def _certificate_refused(cause: ssl.SSLCertVerificationError, purpose: Purpose) -> errors.TLSFailed:
    reason = cause.verify_message or "it can't be verified"
    return errors.TLSFailed(
        purpose.action,
        f"the certificate of {purpose.host} is not accepted: {reason}",
        "Give the CA that signed it to this machine, or mend the certificate (host name, dates).",
    )


def _tls_reason(error: ssl.SSLError) -> str:
    return (error.reason or "handshake failure").replace("_", " ").lower()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def refusal(response: httpx.Response, body: bytes, purpose: Purpose) -> errors.RegistryError:
    """Translate an answer with an error status."""
    diagnostics = read_diagnostics(body)
    kind, remedy = _kind_and_remedy(response.status_code, purpose)
    return kind(
        purpose.action,
        _cause(response, diagnostics, purpose),
        remedy,
        status=response.status_code,
        diagnostics=diagnostics,
        retry_after=retry_after_seconds(response.headers.get("Retry-After")),
    )


def _cause(response: httpx.Response, diagnostics: tuple[errors.Diagnostic, ...], purpose: Purpose) -> str:
    said = "; ".join(f"{item.code}: {item.message}" if item.message else item.code for item in diagnostics)
    answered = f"{purpose.host} answered {response.status_code} {response.reason_phrase}".rstrip()
    return f"{answered} ({said})" if said else answered


def _kind_and_remedy(status: int, purpose: Purpose) -> tuple[type[errors.RequestRefused], str]:
    if status == httpx.codes.UNAUTHORIZED:
        return errors.Unauthorized, (
            f"It did not accept the credentials of {purpose.as_whom}: check the user name and the password."
            if purpose.as_whom
            else "It wants credentials and none were given: add a user name and a password."
        )
    if status == httpx.codes.FORBIDDEN:
        who = purpose.as_whom or "anonymous access"
        return errors.Forbidden, f"Allow {who} to do this in the registry, or use other credentials."
    if status == httpx.codes.NOT_FOUND:
        return errors.NotFound, "Check the name for a typing mistake; some registries also hide what may not be read."
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return errors.TooManyRequests, "The registry's rate limit is used up: log in to it, or ask it less often."
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return errors.RegistryUnavailable, "The registry itself failed: try again later, or look into its log."
    return errors.RequestRefused, ""


def read_diagnostics(body: bytes) -> tuple[errors.Diagnostic, ...]:
    """Read the registry's error entries; anything else is none. Texts are shortened and freed of control characters."""
    try:
        entries = json.loads(body)["errors"]
        return tuple(_diagnostic(entry) for entry in entries[:5])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ()


def _diagnostic(entry: dict[str, Any]) -> errors.Diagnostic:
    return errors.Diagnostic(_clean(entry.get("code", "UNKNOWN")), _clean(entry.get("message") or ""))


def _clean(text: object) -> str:
    plain = _CONTROL_CHARACTERS.sub(" ", str(text))
    if len(plain) <= _LONGEST_MESSAGE:
        return plain
    # Cut between words: a piece of an echoed secret could not be recognized and masked any more.
    return f"{plain[:_LONGEST_MESSAGE].rpartition(' ')[0]} …"


def not_a_registry(purpose: Purpose, what_came: str) -> errors.NotARegistry:
    """Something answered that does not speak the registry protocol."""
    return errors.NotARegistry(
        purpose.action,
        f"{purpose.host} answered with {what_came}, which is not what a registry answers",
        "Check the registry's address: perhaps it is that of its web pages, or of a proxy's login page.",
    )
