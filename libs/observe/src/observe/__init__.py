"""What a process shows of itself: logs, traces, metrics, health, and where it may be broken."""

from observe.admin_server import AdminServer, Check
from observe.configuration import configure, shutdown
from observe.failpoints import FailpointHit, afailpoint, arm, disarm, failpoint
from observe.logs import bound, get_logger
from observe.redaction import redact
from observe.tracing import current_trace_id, current_traceparent

__all__ = [
    "AdminServer",
    "Check",
    "FailpointHit",
    "afailpoint",
    "arm",
    "bound",
    "configure",
    "current_trace_id",
    "current_traceparent",
    "disarm",
    "failpoint",
    "get_logger",
    "redact",
    "shutdown",
]
