"""Docker's credential helpers: programs that keep credentials (docker-credential-helpers' protocol, verb `get`)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import suppress

from registry.credentials import Credentials
from registry.errors import CredentialsUnavailable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SECONDS_TO_ANSWER = 30.0
_LONGEST_ANSWER = 1024 * 1024
_NOT_FOUND = "credentials not found"
_IDENTITY_TOKEN_USER = "<token>"  # noqa: S105 - the user name that marks a token


async def ask_helper(name: str, server: str, environment: Mapping[str, str]) -> Credentials | None:
    """The credentials that `docker-credential-NAME` has for a server, or None. Raises CredentialsUnavailable."""
    action = f"ask the credential helper docker-credential-{name[:60]} for {server}"
    if not _NAME.fullmatch(name):
        raise CredentialsUnavailable(action, "that is no helper's name", "Mend credHelpers or credsStore.")
    status, answer = await _run(f"docker-credential-{name}", server, environment, action)
    if status != 0:
        # The protocol tells «none» from a failure by these words only, on standard output.
        if _NOT_FOUND in answer.decode(errors="replace").lower():
            return None
        raise CredentialsUnavailable(
            action, f"it ended with status {status}", f"Try it by hand: echo {server} | docker-credential-{name} get"
        )
    return _parse(answer, action)


async def _run(program: str, server: str, environment: Mapping[str, str], action: str) -> tuple[int, bytes]:
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            program, "get", stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, env=dict(environment)
        )
    except OSError as error:
        raise CredentialsUnavailable(
            action, f"it can't be started ({error.strerror})", "Install it in the PATH of this service."
        ) from error
    try:
        async with asyncio.timeout(_SECONDS_TO_ANSWER):
            answer, _ = await process.communicate(server.encode())
    except TimeoutError as error:
        raise CredentialsUnavailable(
            action, f"it did not answer within {_SECONDS_TO_ANSWER:.0f} s", "Perhaps it waits for a person."
        ) from error
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode or 0, answer[:_LONGEST_ANSWER]


def _parse(answer: bytes, action: str) -> Credentials | None:
    try:
        body = json.loads(answer)
        username, secret = str(body["Username"]), str(body["Secret"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CredentialsUnavailable(action, "its answer is not what helpers answer", "Update the helper.") from error
    if not secret:
        return None
    if username == _IDENTITY_TOKEN_USER:
        return Credentials(username, identity_token=secret)
    return Credentials(username, secret)
