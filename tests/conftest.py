"""What all tests share: real registries, one of each kind for the session, and a guard against blocking the loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import settings

from registry.client import RegistryClient
from registry.limits import Limits
from registry.retry import Retry
from tests.real.registries import (
    RealRegistry,
    password_registry,
    plain_registry,
    tls_registry,
    token_registry,
)
from tests.real.token_server import TokenServer

settings.register_profile("default", max_examples=60, deadline=None)
settings.register_profile("long", max_examples=20_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads what this machine's user has kept, nor leaves anything there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOCD_REGISTRY_CACHE_DIRECTORY", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with plain_registry(tmp_path_factory.mktemp("plain")) as registry:
        yield registry


@pytest.fixture(scope="session")
def with_password(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with password_registry(tmp_path_factory.mktemp("password")) as registry:
        yield registry


@pytest.fixture(scope="session")
def with_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with tls_registry(tmp_path_factory.mktemp("tls")) as registry:
        yield registry


@pytest.fixture(scope="session")
def with_tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RealRegistry, TokenServer]]:
    with token_registry(tmp_path_factory.mktemp("token")) as both:
        yield both


@pytest.fixture
def repository_path(request: pytest.FixtureRequest) -> str:
    """A repository that no other test uses."""
    name = "".join(character if character.isalnum() else "-" for character in request.node.name.lower())
    return f"test/{'-'.join(part for part in name.split('-') if part)[:120]}"


async def no_sleep(seconds: float) -> None:
    await asyncio.sleep(0)


@pytest.fixture
async def client() -> AsyncIterator[RegistryClient]:
    """A client that repeats without waiting, on a loop in which every blocking call of ours is an error."""
    async with RegistryClient(Limits(tag_list_age=0), Retry(sleep=no_sleep)) as client:
        with blockbuster_ctx("registry"):
            yield client


@pytest.fixture
def working_directory(tmp_path: Path) -> Path:
    folder = tmp_path / "job"
    folder.mkdir()
    return folder
