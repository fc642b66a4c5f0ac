"""One call at the start of a process, one at its end."""

from observe.logs import configure_logs
from observe.tracing import configure_tracing, flush_traces


def configure(
    service: str,
    *,
    level: str = "info",
    otlp_endpoint: str = "",
    trace_sample_ratio: float = 0.1,
    version: str = "0.1.0",
) -> None:
    """Send logs to stdout as JSON and, if an OTLP endpoint is given, traces to it."""
    configure_logs(service, level)
    configure_tracing(service, version, otlp_endpoint, trace_sample_ratio)


def shutdown() -> None:
    """Send the spans that are still waiting."""
    flush_traces()
