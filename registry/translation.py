"""The one place where failures of the HTTP library and error answers of registries become registry errors."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

from registry import errors
from registry.diagnostics import read_diagnostics
from registry.retry import retry_after_seconds

_SPOKEN_TO_TLS = re.compile(rb"(?i)http request (?:to an https|was sent to https)|plain http to an ssl")
"""What Go's, nginx's and Apache's servers say to plain HTTP on a TLS port."""
_LOOK_INTO_LOGS = "Look into the log of the registry, or of the proxy before it."
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,60}/[A-Za-z0-9!#$&^_.+-]{1,60}")
_ADDRESS_REMEDY = "Check the registry's address and port, and that the registry is up."
_PRIVATE_CA_REMEDY = "Put the CA's PEM file into /etc/containers/certs.d/HOST/ca.crt, or add it to this machine's CAs."
_CERTIFICATE_PROBLEMS = {
    9: ("certificate is not yet valid", "Check the clock of this machine, and the certificate's dates."),
    10: ("certificate has expired", "Renew the registry's certificate, and check the clock of this machine."),
    18: ("self-signed certificate", _PRIVATE_CA_REMEDY),
    19: ("self-signed certificate in the chain, of a CA that is not known here", _PRIVATE_CA_REMEDY),
    20: ("signed by a CA that is not known here (unable to get local issuer certificate)", _PRIVATE_CA_REMEDY),
    21: ("signed by a CA that is not known here (the server sends an incomplete chain)", _PRIVATE_CA_REMEDY),
    62: ("", "Use a name that stands in the certificate, or have it issued for this name too."),
    64: ("", "Use a name that stands in the certificate, or have it issued for this address too."),
}
"""What OpenSSL's codes of verification mean, and what to do; its own words where ours are empty."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a request is for, in words: «list the tags of HOST/PATH»."""

    action: str
    host: str
    as_whom: str = ""
    """The user name that was sent, or empty for nobody."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What must not show up in an error, should the registry repeat it."""


def connection_failed(
    error: httpx.HTTPError | httpx.InvalidURL | OSError | TimeoutError, purpose: Purpose
) -> errors.RegistryError:
    """Translate a failure without any answer; a registry error from the body that was being sent stays what it is."""
    for cause in _causes(error):
        if isinstance(cause, errors.RegistryError):
            return cause
        if isinstance(cause, httpx.ProxyError):
            return _proxy_failed(cause, purpose)
        if isinstance(cause, socket.gaierror):
            return _not_resolved(purpose)
        if isinstance(cause, ssl.SSLError) and (found := _tls_failed(cause, purpose)):
            return found
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return _timed_out(error, purpose)
    return _refused_or_cut(error, purpose)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _not_resolved(purpose: Purpose) -> errors.NameNotResolved:
    return errors.NameNotResolved(
        purpose.action,
        f"the host name {purpose.host} could not be resolved",
        "Check the registry's address for a typing mistake, and the DNS of this machine.",
    )


def _proxy_failed(error: httpx.ProxyError, purpose: Purpose) -> errors.ConnectionRefused:
    status = next((code for cause in _causes(error) if (code := getattr(cause, "status", None))), None)
    return errors.ConnectionRefused(
        purpose.action,
        f"the proxy refused to connect to {purpose.host}" + (f" and answered {status}" if status else ""),
        "Check HTTPS_PROXY and HTTP_PROXY, which take HTTP proxies only, or name the registry in NO_PROXY.",
    )


def _timed_out(error: Exception, purpose: Purpose) -> errors.TimedOut:
    if isinstance(error, httpx.ConnectTimeout):
        remedy = "Check the address and port, and firewalls in between."
        return errors.TimedOut(purpose.action, f"{purpose.host} could not be reached in time", remedy)
    if isinstance(error, httpx.WriteTimeout):
        remedy = "Check the registry's storage and load."
        return errors.TimedOut(purpose.action, f"{purpose.host} stopped taking what was sent", remedy)
    remedy = "Check that the registry is up and reachable."
    return errors.TimedOut(purpose.action, f"{purpose.host} did not answer in time", remedy)


def _refused_or_cut(error: Exception, purpose: Purpose) -> errors.RegistryError:
    if isinstance(error, httpx.ConnectError):
        return errors.ConnectionRefused(purpose.action, _why_unreachable(error, purpose), _ADDRESS_REMEDY)
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.LocalProtocolError):
        return errors.NotARegistry(
            purpose.action, f"{purpose.host} named an address that can't be used", _ADDRESS_REMEDY
        )
    if isinstance(error, httpx.RemoteProtocolError):
        return errors.NotARegistry(purpose.action, f"{purpose.host} does not answer in HTTP", _ADDRESS_REMEDY)
    return errors.ConnectionRefused(purpose.action, f"{purpose.host} cut the connection", _ADDRESS_REMEDY)


def _why_unreachable(error: httpx.ConnectError, purpose: Purpose) -> str:
    code = next((cause.errno for cause in _causes(error) if isinstance(cause, OSError) and cause.errno), None)
    if code in (None, errno.ECONNREFUSED):
        return f"{purpose.host} refused the connection"
    return f"{purpose.host} can't be reached ({os.strerror(code).lower()})"


def _tls_failed(cause: ssl.SSLError, purpose: Purpose) -> errors.TLSFailed | None:
    if (code := getattr(cause, "verify_code", None)) is not None:
        words, remedy = _CERTIFICATE_PROBLEMS.get(code, ("", "Mend the registry's certificate."))
        problem = words or getattr(cause, "verify_message", "") or "it can't be verified"
        cause_in_words = f"the certificate of {purpose.host} is not accepted: {problem}"
        return errors.TLSFailed(purpose.action, cause_in_words, remedy.replace("HOST", purpose.host))
    # aiohttp wraps the error in one of its own, which is an SSLError too, and knows less.
    if not (said := getattr(cause, "reason", None)):
        return None
    reason = str(said).replace("_", " ").lower()
    if "certificate required" in reason or "bad certificate" in reason:
        folder = f"/etc/containers/certs.d/{purpose.host}"
        remedy = f"The registry wants a client certificate: put client.cert and client.key into {folder}."
    else:
        remedy = "If the registry speaks plain HTTP, write its address with http://."
    return errors.TLSFailed(purpose.action, f"the TLS handshake with {purpose.host} failed ({reason})", remedy)


def refusal(response: httpx.Response, body: bytes, purpose: Purpose) -> errors.RegistryError:
    """Translate an answer with an error status."""
    diagnostics = read_diagnostics(body, purpose.secrets)
    retry_after = retry_after_seconds(response.headers.get("Retry-After"))
    kind, remedy = _kind_and_remedy(response, purpose, retry_after)
    return kind(
        purpose.action,
        _cause(response, diagnostics, purpose),
        "Write its address with https://." if _SPOKEN_TO_TLS.search(body) else remedy,
        status=response.status_code,
        diagnostics=diagnostics,
        retry_after=retry_after,
    )


def _cause(response: httpx.Response, diagnostics: tuple[errors.Diagnostic, ...], purpose: Purpose) -> str:
    said = "; ".join(f"{item.code}: {item.message}" if item.message else item.code for item in diagnostics)
    if not said and "html" in response.headers.get("Content-Type", ""):
        said = "a page of HTML, not a registry's error"
    # The phrase of the standard: the registry's own may be anything, and errors stand in logs.
    phrase = httpx.codes.get_reason_phrase(response.status_code)
    answered = f"{_who_answered(response, purpose)} answered {response.status_code} {phrase}".rstrip()
    return f"{answered} ({said})" if said else answered


def _who_answered(response: httpx.Response, purpose: Purpose) -> str:
    there = _netloc(response)
    return f"{there}, where {purpose.host} sent us," if there and there != purpose.host else purpose.host


def _netloc(response: httpx.Response) -> str:
    return response.url.netloc.decode()


def _kind_and_remedy(
    response: httpx.Response, purpose: Purpose, retry_after: float | None
) -> tuple[type[errors.RequestRefused], str]:
    status = response.status_code
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return errors.RegistryUnavailable, "The registry itself failed: try again later, or look into its log."
    kind = _KINDS.get(status, errors.RequestRefused)
    if kind is errors.Unauthorized:
        return kind, _how_to_log_in(response, purpose)
    if kind is errors.TooManyRequests:
        again = f" It may be asked again in {retry_after:.0f} s." if retry_after else ""
        return kind, f"The registry's rate limit is used up: log in to it, or ask it less often.{again}"
    who = purpose.as_whom or "anonymous access"
    return kind, _REMEDIES.get(status, _LOOK_INTO_LOGS).format(who=who)


_KINDS: dict[int, type[errors.RequestRefused]] = {
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    429: errors.TooManyRequests,
}
_REMEDIES = {
    403: "Allow {who} to do this in the registry, or use other credentials.",
    404: "Check the name for a typing mistake; some registries also hide what may not be read.",
    405: "Check the registry's address, and whether it is one that can only be read (a mirror or a cache).",
    413: "Raise the limit of the registry, or of the proxy before it (client_max_body_size in nginx).",
}


def _how_to_log_in(response: httpx.Response, purpose: Purpose) -> str:
    there = _netloc(response)
    if there and there != purpose.host:
        return f"Credentials are never sent on to another host: write {there} as the registry's address if it is it."
    if purpose.as_whom:
        return f"It did not accept the credentials of {purpose.as_whom}: check the user name and the password."
    return "It wants credentials and none were given: add a user name and a password."


def media_type_of(response: httpx.Response) -> str:
    """The answer's media type, or «unknown type» for what is none: errors stand in logs."""
    found = _MEDIA_TYPE.match(response.headers.get("Content-Type", ""))
    return found[0] if found else "unknown type"


def not_a_registry(purpose: Purpose, what_came: str) -> errors.NotARegistry:
    """Something answered that does not speak the registry protocol."""
    return errors.NotARegistry(
        purpose.action,
        f"{purpose.host} answered with {what_came}, which is not what a registry answers",
        "Check the registry's address: perhaps it is that of its web pages, or of a proxy's login page.",
    )
