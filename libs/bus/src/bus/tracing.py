"""W3C trace context in AMQP headers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import context, propagate, trace

_tracer = trace.get_tracer("bus")


def trace_headers() -> dict[str, str | int]:
    """`traceparent` of the current span, to travel with a message; empty outside any span."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return {key: value for key, value in carrier.items() if value}


@contextmanager
def heard_span(address: str, headers: Mapping[str, Any], message_id: object) -> Iterator[None]:
    """Work done for a message is a child of the span that said it."""
    carrier = {key: value for key, value in headers.items() if isinstance(value, str)}
    parent = propagate.extract(carrier)
    token = context.attach(parent)
    try:
        with _tracer.start_as_current_span(
            f"process {address}",
            kind=trace.SpanKind.CONSUMER,
            attributes={
                "messaging.system": "rabbitmq",
                "messaging.destination.name": address,
                "messaging.message.id": str(message_id),
            },
        ):
            yield
    finally:
        context.detach(token)
