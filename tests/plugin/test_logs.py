from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from plugin.logs import configure_logs, logging_as, request_id_from
from plugin.redaction import MASK, masking


@pytest.fixture
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


pytestmark = pytest.mark.usefixtures("_restored")


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def test_every_line_of_a_request_has_its_id_from_tasks_and_threads_too() -> None:
    stream = io.StringIO()
    configure_logs("info", "json", stream)
    log = logging.getLogger("registry.client")

    async def inside() -> None:
        log.info("in a task")
        await asyncio.to_thread(log.info, "in a thread")

    with logging_as(request_id="abc"):
        structlog.get_logger("plugin.dispatch").info("answered", code=200)
        await asyncio.create_task(inside())
    log.info("after")
    assert [(line["message"], line.get("request_id")) for line in lines(stream)] == [
        ("answered", "abc"),
        ("in a task", "abc"),
        ("in a thread", "abc"),
        ("after", None),
    ]


@pytest.mark.parametrize("form", ["human", "json"])
def test_secrets_are_masked_in_messages_fields_and_tracebacks(form: str) -> None:
    stream = io.StringIO()
    configure_logs("debug", form, stream)
    log = structlog.get_logger("plugin.dispatch")
    with masking(["s3cr3t-value"]):
        log.debug("sent s3cr3t-value", headers={"a": ["s3cr3t-value"]})
        logging.getLogger("registry").warning("refused %s", "s3cr3t-value")
        try:
            int("s3cr3t-value")
        except ValueError:
            log.exception("broke")
    assert "s3cr3t-value" not in stream.getvalue()
    assert stream.getvalue().count(MASK) >= 4
    assert "Traceback" in stream.getvalue()


def test_libraries_stay_quiet_at_debug_level() -> None:
    stream = io.StringIO()
    configure_logs("debug", "json", stream)
    for name in ("botocore.parsers", "httpx", "httpcore.http11", "asyncio", "uvicorn.error"):
        logging.getLogger(name).debug("a token")
        logging.getLogger(name).info("a signed URL")
    logging.getLogger("handlers.publish").debug("ours")
    assert [line["message"] for line in lines(stream)] == ["ours"]


def test_a_line_break_in_a_message_makes_no_new_line() -> None:
    stream = io.StringIO()
    configure_logs("info", "human", stream)
    logging.getLogger("registry").info("one\n2026-01-01 [error] forged\x1b[31m")
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("offered", ["abc", "A.b-c_9", "x" * 64])
def test_a_sane_request_id_is_kept(offered: str) -> None:
    assert request_id_from(offered) == offered


@pytest.mark.parametrize("offered", [None, "", "a b", "a\nb", "x" * 65, "é", "<script>"])
def test_any_other_request_id_is_replaced(offered: str | None) -> None:
    assert request_id_from(offered) != offered
    assert len(request_id_from(offered)) == 16
