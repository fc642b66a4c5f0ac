"""One message, one trace: what handles it goes on with the trace that said it."""

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from orchestrator import metrics
from orchestrator.metrics import Durations, continued

TRACE = "0af7651916cd43dd8448eb211c80319c"


def traceparent(flags: str) -> str:
    return f"00-{TRACE}-b7ad6b7169203331-{flags}"


def current() -> trace.SpanContext:
    return trace.get_current_span().get_span_context()


def test_an_unsampled_trace_is_passed_on_without_spans():
    with continued("record message", traceparent("00")), Durations().stage("llm"):
        assert f"{current().trace_id:032x}" == TRACE
        assert f"{current().span_id:016x}" == "b7ad6b7169203331"
    assert not current().is_valid


def test_a_sampled_trace_gets_a_span_for_each_stage(monkeypatch):
    monkeypatch.setattr(metrics, "_tracer", TracerProvider().get_tracer("test"))
    durations = Durations()
    with continued("record message", traceparent("01")):
        outer = current().span_id
        with durations.stage("llm"):
            assert current().span_id != outer
            assert f"{current().trace_id:032x}" == TRACE
    assert set(durations.milliseconds) == {"llm"}


def test_without_a_trace_nothing_is_made_up():
    with continued("record message", ""):
        assert not current().is_valid


def test_a_stage_that_comes_twice_is_added_up():
    durations = Durations()
    durations.add("llm", 0.010)
    durations.add("llm", 0.020)
    assert durations.milliseconds == {"llm": 30.0}
