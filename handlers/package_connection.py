"""Check connection: is the registry there, does it let us in, and is there anything to poll?"""

from __future__ import annotations

import asyncio

from handlers.context import Context
from handlers.package_target import PackageTarget, newest_or_fail, repository_access
from registry.errors import RegistryError
from registry.versions import matching
from schemas.package import CheckResult, PackageRequest, RepositoryRequest

REGISTRY_FOUND = "Docker registry found."
IMAGE_FOUND = "Docker image found."


async def check_repository_connection(request: RepositoryRequest, context: Context) -> CheckResult:
    """`check-repository-connection`; a failure is an answer, not an error."""
    try:
        await context.client.remote(repository_access(request.repository)).ping()
    except RegistryError as error:
        return _failure(error)
    return CheckResult(status="success", messages=[REGISTRY_FOUND])


async def check_package_connection(request: PackageRequest, context: Context) -> CheckResult:
    """`check-package-connection`; a failure is an answer, not an error."""
    try:
        target = PackageTarget.of(request, context.client)
        found = await (_watched_tag(target) if target.tag else _newest_tag(target))
    except RegistryError as error:
        return _failure(error)
    return CheckResult(status="success", messages=[IMAGE_FOUND, found])


async def _watched_tag(target: PackageTarget) -> str:
    descriptor = await target.remote.resolve(target.reference(target.tag))
    return f"{target.tag} is {descriptor.digest} now."


async def _newest_tag(target: PackageTarget) -> str:
    tags = await target.remote.tags(target.repository)
    chosen = await asyncio.to_thread(matching, tags, target.tag_filter)
    newest = newest_or_fail(target, chosen, len(tags))
    return f"{len(chosen)} of {len(tags)} tags count; {newest} is the newest."


def _failure(error: RegistryError) -> CheckResult:
    return CheckResult(status="failure", messages=[str(error)])
