"""Amazon ECR: a token of 12 hours from AWS, by static keys or by boto3's default chain."""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from registry.credentials import Credentials, fingerprint
from registry.errors import CredentialsUnavailable
from registry.names import Repository
from registry.single_flight import SingleFlight

_ECR_HOST = re.compile(
    r"(?P<account>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)"
)
_SHARE_OF_LIFE = 0.8
_SECONDS_TO_CONNECT = 10
_SECONDS_TO_READ = 20


def ecr_host(registry_id: str, region: str) -> str:
    """The host name of an account's registry in a region (China's regions have a domain of their own)."""
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{registry_id}.dkr.ecr.{region}.{domain}"


@dataclass(frozen=True, slots=True)
class EcrKeychain:
    """Credentials for one account's registry in one region, shared by all who ask as the same identity."""

    registry_id: str
    region: str
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)

    @property
    def identity(self) -> str:
        """Account, region, and a fingerprint of the static keys (none: the default chain)."""
        keys = fingerprint(self.access_key_id, self.secret_access_key) if self.access_key_id else "default chain"
        return f"ecr:{self.registry_id}:{self.region}:{keys}"

    async def resolve(self, repository: Repository | None, host: str) -> Credentials:  # noqa: ARG002
        """The user AWS with the current token. Raises CredentialsUnavailable."""
        return await _tokens.get(self)

    def forget(self, credentials: Credentials) -> None:
        """Ask AWS again at the next request."""
        _tokens.forget(credentials)


class EcrByHost:
    """The default chain's identity, for hosts that are an account's own registry; none of any other host."""

    identity = "ecr by host"

    async def resolve(self, repository: Repository | None, host: str) -> Credentials | None:
        """The user AWS with the current token. Raises CredentialsUnavailable."""
        keychain = self._keychain(host)
        return await keychain.resolve(repository, host) if keychain else None

    def forget(self, credentials: Credentials) -> None:
        """Ask AWS again at the next request."""
        _tokens.forget(credentials)

    def _keychain(self, host: str) -> EcrKeychain | None:
        found = _ECR_HOST.fullmatch(host)
        return EcrKeychain(found["account"], found["region"]) if found else None


@dataclass(frozen=True, slots=True)
class _Login:
    credentials: Credentials
    renew_at: float


class _Logins:
    """Logins by keychain: one request to AWS under way for each; failures are not kept."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._logins: dict[str, _Login] = {}
        self._asking: SingleFlight[str, _Login] = SingleFlight()

    async def get(self, keychain: EcrKeychain) -> Credentials:
        login = self._logins.get(keychain.identity)
        if login is None or self._clock() >= login.renew_at:
            login = await self._asking.do(keychain.identity, lambda: asyncio.to_thread(_login, keychain, self._clock))
            self._logins[keychain.identity] = login
        return login.credentials

    def forget(self, refused: Credentials) -> None:
        for identity in [identity for identity, login in self._logins.items() if login.credentials == refused]:
            del self._logins[identity]


_tokens = _Logins()


def _login(keychain: EcrKeychain, clock: Callable[[], float]) -> _Login:
    # boto3 takes a third of a second to import, and is needed for ECR only.
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    action = f"log in to {ecr_host(keychain.registry_id, keychain.region)}"
    try:
        # A session of its own: boto3's default session is not safe between threads.
        session = boto3.session.Session(
            aws_access_key_id=keychain.access_key_id or None,
            aws_secret_access_key=keychain.secret_access_key or None,
            region_name=keychain.region,
        )
        times = Config(connect_timeout=_SECONDS_TO_CONNECT, read_timeout=_SECONDS_TO_READ, retries={"max_attempts": 3})
        answer = session.client("ecr", config=times).get_authorization_token(registryIds=[keychain.registry_id])
        data = answer["authorizationData"][0]
        username, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        expires = data["expiresAt"].timestamp()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "an error")
        raise CredentialsUnavailable(
            action, f"AWS refused with {code}", "Check the keys, and that they allow ecr:GetAuthorizationToken."
        ) from error
    except BotoCoreError as error:
        raise CredentialsUnavailable(
            action,
            f"AWS could not be asked ({type(error).__name__})",
            "Give AWSAccessKeyId and AWSSecretAccessKey, or let boto3's default chain find an identity.",
        ) from error
    except (KeyError, IndexError, ValueError) as error:
        raise CredentialsUnavailable(action, "AWS answered without a token") from error
    now = clock()
    return _Login(Credentials(username, password), now + (expires - now) * _SHARE_OF_LIFE)
