"""Structured JSON logs on stdout; the standard library's loggers take the same road."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from observe.redaction import is_forbidden_key, redact, redact_text
from observe.tracing import current_span_ids

_QUIET_LIBRARIES: Final = (
    "LiteLLM",
    "aio_pika",
    "aiohttp.access",
    "aiormq",
    "asyncio",
    "engineio",
    "faststream",
    "httpcore",
    "httpx",
    "opentelemetry",
    "socketio",
    "urllib3",
    "uvicorn.access",
)
_OWN_KEYS: Final = frozenset(
    {"event", "level", "logger", "service", "timestamp", "trace_id", "span_id"}
)


def configure_logs(service: str, level: str) -> None:
    """Route structlog and stdlib logging to stdout, one JSON object a line."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_service(service),
        _add_trace,
        structlog.processors.format_exc_info,
        _redact_event,
    ]
    structlog.configure(
        processors=[*shared, _render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=False,
    )
    _route_standard_logging(shared, threshold)
    sys.excepthook = _log_uncaught


def get_logger(name: str) -> FilteringBoundLogger:
    """Make a logger whose lines carry the given name; keys are checked by the redaction list."""
    return cast(FilteringBoundLogger, structlog.get_logger(component=name))


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """Add values, such as tenant_id and conversation_id, to every line of this task."""
    with structlog.contextvars.bound_contextvars(**values):
        yield


def _route_standard_logging(shared: list[Processor], threshold: int) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *shared,
                _render,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    logging.captureWarnings(True)
    for name in _QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))


def _add_service(service: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        if "component" in event:
            event.setdefault("logger", event.pop("component"))
        return event

    return add


def _add_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    ids = current_span_ids()
    if ids is not None:
        event["trace_id"], event["span_id"] = ids
    return event


def _redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if key in _OWN_KEYS and key != "event":
            continue
        if key == "exception":
            event[key] = redact_text(str(value)[-8_000:])
        elif is_forbidden_key(key):
            event[key] = "[redacted]"
        else:
            event[key] = redact(value)
    return event


def _render(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return json.dumps(event, ensure_ascii=False, default=str)


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    structlog.get_logger().critical("uncaught exception", exc_info=(kind, error, trace))
