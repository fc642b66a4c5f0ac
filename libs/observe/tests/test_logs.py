"""One JSON object a line, with ids and without secrets."""

import json
import logging
from uuid import uuid4

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import observe

Lines = list[dict[str, object]]


@pytest.fixture
def tracer() -> trace.Tracer:
    return TracerProvider().get_tracer("test")


def read_lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_names_service_and_bound_ids(capsys: pytest.CaptureFixture[str]) -> None:
    observe.configure("gateway")
    tenant_id = uuid4()
    with observe.bound(tenant_id=tenant_id, conversation_id="c1"):
        observe.get_logger("intake").info("stored", count=3)
    (line,) = read_lines(capsys)
    assert line["service"] == "gateway"
    assert line["logger"] == "intake"
    assert (line["event"], line["count"], line["level"]) == ("stored", 3, "info")
    assert (line["tenant_id"], line["conversation_id"]) == (str(tenant_id), "c1")


def test_trace_ids_come_from_the_current_span(
    capsys: pytest.CaptureFixture[str], tracer: trace.Tracer
) -> None:
    observe.configure("gateway")
    assert observe.current_trace_id() == ""
    with tracer.start_as_current_span("work") as span:
        observe.get_logger("x").info("inside")
        expected = f"{span.get_span_context().trace_id:032x}"
        assert observe.current_trace_id() == expected
        assert observe.current_traceparent().split("-")[1] == expected
    (line,) = read_lines(capsys)
    assert line["trace_id"] == expected
    assert len(str(line["span_id"])) == 16


def test_standard_logging_takes_the_same_road(capsys: pytest.CaptureFixture[str]) -> None:
    observe.configure("gateway")
    logging.getLogger("some.library").warning("went %s", "wrong")
    logging.getLogger("aiormq").info("noise")
    (line,) = read_lines(capsys)
    assert (line["event"], line["logger"], line["level"]) == (
        "went wrong",
        "some.library",
        "warning",
    )


early = observe.get_logger("early")


def test_a_logger_made_at_import_follows_the_configuration(
    capsys: pytest.CaptureFixture[str],
) -> None:
    observe.configure("gateway")
    early.info("later")
    assert read_lines(capsys)[0]["logger"] == "early"


def test_level_is_respected(capsys: pytest.CaptureFixture[str]) -> None:
    observe.configure("gateway", level="warning")
    observe.get_logger("x").info("quiet")
    assert read_lines(capsys) == []


def test_secrets_in_keys_values_and_exceptions_are_gone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    observe.configure("gateway")
    canary = "CANARY0123456789"
    try:
        raise RuntimeError(f"GET https://graph.test/me?access_token={canary}")
    except RuntimeError:
        observe.get_logger("x").exception(
            f"calling with Bearer {canary}",
            access_token=canary,
            headers={"x": canary},
            nested={"deep": [{"Authorization": canary, "url": f"amqp://bob:{canary}@host/chat"}]},
            text=canary,
        )
    output = capsys.readouterr().out
    assert canary not in output
    assert "RuntimeError" in output
    assert "amqp://bob:[redacted]@host/chat" in output
