from __future__ import annotations

from collections.abc import Iterator

import pytest

from plugin.settings import Settings
from tests.plugin.serving import Running, Stage, running

TOKEN = "t0ken"


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """One server for all tests of a module that leave nothing behind."""
    with running(Settings(max_body_bytes=100_000), Stage().table()) as under_test:
        yield under_test


@pytest.fixture(scope="module")
def guarded_server() -> Iterator[Running]:
    """The same with a token."""
    with running(Settings.model_validate({"token": TOKEN}), Stage().table()) as under_test:
        yield under_test
