"""A real process: how it starts, waits, drains and ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SERVICE = Path(__file__).with_name("small_service.py")
Process = subprocess.Popen[str]


@contextmanager
def service(*arguments: str, **variables: str) -> Iterator[Process]:
    environment = {
        "PATH": os.environ["PATH"],
        "CHAT_SMALL_DATABASE_URL": "postgresql://app@127.0.0.1/small",
        "CHAT_AMQP_URL": "amqp://127.0.0.1/chat",
        **variables,
    }
    process = subprocess.Popen(
        [sys.executable, str(SERVICE), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_line(process: Process, words: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return line
    raise AssertionError(f"the process ended without saying {words!r}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_drain_in_reverse_order(number: signal.Signals) -> None:
    with service() as process:
        ready = json.loads(wait_for_line(process, '"ready"'))
        assert ready["service"] == "small"
        assert ready["admin_port"] > 0
        process.send_signal(number)
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert output.index("closed bus") < output.index("closed database")


def test_waiting_for_a_dependency_says_so_and_can_be_stopped() -> None:
    with service(MODE="unreachable") as process:
        line = json.loads(wait_for_line(process, "waiting for a dependency"))
        assert line["dependency"] == "postgres"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_a_failed_background_task_ends_the_process() -> None:
    with service(MODE="background-fails") as process:
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "the background work died" in output
    assert "closed database" in output


def test_a_background_task_that_vanishes_ends_the_process() -> None:
    with service(MODE="background-cancelled") as process:
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "lost was cancelled" in output


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"CHAT_LOG_LEVEL": "loud"}, "CHAT_LOG_LEVEL"),
        ({"MODE": "misconfigured"}, "CHAT_MASTER_KEYS"),
        ({"MODE": "mismatched"}, "other arguments"),
    ],
)
def test_configuration_errors_are_one_line_and_exit_78(
    variables: dict[str, str], expected: str
) -> None:
    with service(**variables) as process:
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 78
    assert expected in errors
    assert errors.count("\n") == 1


def test_migrate_says_in_one_line_why_it_could_not() -> None:
    owner = "postgresql://owner@127.0.0.1:1/small"
    with service("migrate", CHAT_SMALL_OWNER_DATABASE_URL=owner) as process:
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 78
    assert errors.startswith("small: configuration: migrations:")


def test_migrate_without_an_owner_url() -> None:
    with service("migrate") as process:
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 78
    assert "CHAT_SMALL_OWNER_DATABASE_URL" in errors


def test_unknown_verb() -> None:
    with service("dance") as process:
        process.communicate(timeout=20)
    assert process.returncode == 2
