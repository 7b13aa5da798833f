"""Log lines on standard error, for people or as JSON, each with the id of its request and without its secrets.

Our own modules log at the level that is set. Libraries log warnings only, whatever the level: at debug level
they write out headers, signed URLs and cloud answers with tokens in them.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from plugin.redaction import masked

_OURS = ("plugin", "handlers", "schemas", "registry")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code not in {9, 10}} | {10: "\\n"}
_MULTI_LINE = frozenset({"exception"})


def configure_logs(level: str, form: str, stream: TextIO | None = None) -> None:
    """Send every log line of the process to the stream (standard error): `form` is `human` or `json`."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=_processors(form, handler.stream.isatty())))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    logging.captureWarnings(capture=True)


def _processors(form: str, colours: bool) -> list[Processor]:
    last: list[Processor] = (
        [structlog.processors.EventRenamer("message"), structlog.processors.JSONRenderer(ensure_ascii=False)]
        if form == "json"
        else [structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=0)]
    )
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        _mask_event,
        *last,
    ]


def _mask_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: _mask_value(key, value) for key, value in event.items()}


def _mask_value(key: str, value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = masked(value if isinstance(value, str) else repr(value))
    return text if key in _MULTI_LINE else text.translate(_CONTROL)


def request_id_from(offered: str | None) -> str:
    """The id that the caller gave, where it is a sane one; else a new one."""
    return offered if offered and _REQUEST_ID.fullmatch(offered) else secrets.token_hex(8)


@contextmanager
def logging_as(**fields: str) -> Iterator[None]:
    """Put these fields into every log line of the block, in this task and in all it starts."""
    with structlog.contextvars.bound_contextvars(**fields):
        yield
