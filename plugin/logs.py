"""Log lines on standard error, for people or as JSON, each with the id of its request and without its secrets.

Our own modules log at the level that is set. Libraries log warnings only, whatever the level: at debug level
they write out headers, signed URLs and cloud answers with tokens in them.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from plugin.redaction import masked

_OURS = ("plugin", "handlers", "schemas", "registry")
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code not in {9, 10}} | {10: "\\n"}
_MULTI_LINE = frozenset({"exception"})
_OUR_WORDS = frozenset({"level", "logger", "timestamp", "request_id", "extension", "request"})
"""Fields that never hold anything from a body, and need no masking."""

logging_as = structlog.contextvars.bound_contextvars
"""Put fields into every log line of a block, in its task and in all that it starts."""


class _Writer(structlog.WriteLogger):
    """Writes lines, and knows the module that they are from."""

    def __init__(self, name: str, stream: TextIO) -> None:
        super().__init__(stream)
        self.name = name


def configure_logs(level: str, form: str, stream: TextIO | None = None) -> None:
    """Send every log line of the process to the stream (standard error): `form` is `human` or `json`."""
    stream = stream or sys.stderr
    before, after = _processors(form, colours=stream.isatty())
    structlog.configure(
        processors=[*before, *after],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda name="": _Writer(name, stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *after],
        )
    )
    _route_standard_logging(handler, _LEVELS[level])


def _route_standard_logging(handler: logging.Handler, level: int) -> None:
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(capture=True)


def _processors(form: str, *, colours: bool) -> tuple[list[Processor], list[Processor]]:
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    if form == "json":
        renamed = structlog.processors.EventRenamer("message")
        return before, [_mask_event, renamed, structlog.processors.JSONRenderer(ensure_ascii=False)]
    return before, [_mask_event, structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=0)]


def _mask_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: value if key in _OUR_WORDS else _mask_value(key, value) for key, value in event.items()}


def _mask_value(key: str, value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = masked(value if isinstance(value, str) else repr(value))
    return text if key in _MULTI_LINE else text.translate(_CONTROL)


def request_id_from(offered: str | None) -> str:
    """The id that the caller gave, where it is a sane one; else a new one."""
    return offered if offered and _REQUEST_ID.fullmatch(offered) else secrets.token_hex(8)
