"""The one error hierarchy of the registry client.

RegistryError
├── InvalidName              a reference, digest or registry address that can't be parsed
├── ConnectionFailed         nothing came back
│   ├── NameNotResolved
│   ├── ConnectionRefused
│   ├── TLSFailed
│   └── TimedOut
├── NotARegistry             something answered, but it does not speak the registry protocol
├── RequestRefused           the registry answered with an error status
│   ├── Unauthorized         401
│   ├── Forbidden            403
│   ├── NotFound             404
│   ├── TooManyRequests      429
│   └── RegistryUnavailable  5xx
├── CredentialsUnavailable   credentials could not be found or obtained
├── TagConflict              an immutable tag names another digest
├── ContentMismatch          bytes that are not what their digest or size says
├── InvalidManifest          a manifest that can't be read, or of a kind that is not supported
├── PlatformNotFound         an index without the wanted platform
├── InvalidImage             a layout or tarball that is not an image, or a broken one
├── ImageNotFound            nothing at the place where the image was looked for
├── DaemonFailed             the Docker-compatible daemon refused or broke off
└── MachineMisconfigured     a file or folder of this machine's own settings that can't be used
"""

from __future__ import annotations

from dataclasses import dataclass


class RegistryError(Exception):
    """A failure in words for a person: what was tried, what came back, what to do.

    `str()` reads «Could not ACTION: CAUSE. REMEDY». No secret is ever part of it.
    """

    def __init__(self, action: str, cause: str, remedy: str = "") -> None:
        super().__init__(action, cause, remedy)
        self.action = action
        self.cause = cause
        self.remedy = remedy
        self.is_final = False
        """Whether it was tried as often as it may be: what waits for this does not try it all again."""

    def __str__(self) -> str:
        sentence = f"Could not {self.action}: {self.cause.rstrip('.')}."
        return f"{sentence} {self.remedy}" if self.remedy else sentence


class InvalidName(RegistryError, ValueError):
    """A reference, digest, platform or registry address that can't be parsed."""


class ConnectionFailed(RegistryError):
    """Nothing came back from the registry."""


class NameNotResolved(ConnectionFailed):
    """The host name has no address."""


class ConnectionRefused(ConnectionFailed):
    """Nobody listens at that address, or the connection was cut."""


class TLSFailed(ConnectionFailed):
    """The TLS handshake failed; the cause names the certificate's problem."""


class TimedOut(ConnectionFailed):
    """The registry took longer than the limit for one step."""


class NotARegistry(RegistryError):
    """Something answered, but not in the registry protocol."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One entry of a registry's error answer (OCI distribution-spec, «Error Codes»)."""

    code: str
    message: str = ""


class RequestRefused(RegistryError):
    """The registry answered with an error status."""

    def __init__(
        self,
        action: str,
        cause: str,
        remedy: str = "",
        *,
        status: int,
        diagnostics: tuple[Diagnostic, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(action, cause, remedy)
        self.status = status
        self.diagnostics = diagnostics
        self.retry_after = retry_after


class Unauthorized(RequestRefused):
    """401: no credentials, or wrong ones."""


class Forbidden(RequestRefused):
    """403 (or a token without the scope): the identity is known and may not do this."""


class NotFound(RequestRefused):
    """404: no such repository, manifest, blob or upload."""


class TooManyRequests(RequestRefused):
    """429: the rate limit is used up."""


class RegistryUnavailable(RequestRefused):
    """5xx: the registry itself failed."""


class CredentialsUnavailable(RegistryError):
    """Credentials could not be found or obtained."""


class TagConflict(RegistryError):
    """An immutable tag already names another digest."""


class ContentMismatch(RegistryError):
    """Bytes that are not what their digest or size says."""


class InvalidManifest(RegistryError):
    """A manifest that can't be read, is too large, or is of an unsupported kind."""


class PlatformNotFound(RegistryError):
    """An index without the wanted platform."""


class InvalidImage(RegistryError):
    """A layout or tarball that is not an image, or a broken one."""


class ImageNotFound(RegistryError):
    """No image at the place where it was looked for."""


class DaemonFailed(RegistryError):
    """The Docker-compatible daemon can't be reached, refused or broke off."""


class MachineMisconfigured(RegistryError):
    """A file or folder of this machine's own settings that can't be used."""
