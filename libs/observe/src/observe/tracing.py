"""OpenTelemetry traces: parent-based sampling, exported only where an endpoint is configured."""

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased


def configure_tracing(
    service: str, version: str, otlp_endpoint: str, sample_ratio: float
) -> TracerProvider:
    """Install the process's tracer provider; without an endpoint spans only carry ids."""
    provider = TracerProvider(
        resource=Resource.create({"service.name": service, "service.version": version}),
        sampler=ParentBased(TraceIdRatioBased(sample_ratio)),
    )
    if otlp_endpoint:
        _export_to(provider, otlp_endpoint)
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(provider)
    return provider


def flush_traces() -> None:
    """Send what is waiting and stop the exporter's thread."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


def current_span_ids() -> tuple[str, str] | None:
    """Trace id and span id of the current span in hex, or None outside any span."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


def current_trace_id() -> str:
    """Return the current trace id as 32 hex digits, empty outside any span."""
    ids = current_span_ids()
    return ids[0] if ids else ""


def current_traceparent() -> str:
    """Return the W3C `traceparent` of the current span, empty outside any span."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def _export_to(provider: TracerProvider, otlp_endpoint: str) -> None:
    # Imported here: the exporter costs 100 ms of start-up that most processes do not need.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    endpoint = otlp_endpoint.rstrip("/")
    if not endpoint.endswith("/v1/traces"):
        endpoint += "/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
