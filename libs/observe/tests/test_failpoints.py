"""Failpoints do nothing until named, and then exactly what was asked."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

import observe
from observe.failpoints import InvalidFailpoints


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    observe.disarm()


def test_unarmed_is_silent() -> None:
    observe.failpoint("anything")


def test_raise_only_at_the_named_place() -> None:
    observe.arm("here=raise")
    observe.failpoint("there")
    with pytest.raises(observe.FailpointHit, match="here"):
        observe.failpoint("here")


def test_once_and_after() -> None:
    observe.arm("a=raise|once, b=raise|after:2")
    with pytest.raises(observe.FailpointHit):
        observe.failpoint("a")
    observe.failpoint("a")
    observe.failpoint("b")
    observe.failpoint("b")
    for _ in range(2):
        with pytest.raises(observe.FailpointHit):
            observe.failpoint("b")


async def test_sleep() -> None:
    observe.arm("slow=sleep:0.05")
    started = time.monotonic()
    observe.failpoint("slow")
    await observe.afailpoint("slow")
    assert time.monotonic() - started >= 0.1


def test_kill_is_sigkill() -> None:
    child = subprocess.run(
        [sys.executable, "-c", "import observe; observe.failpoint('x'); print('survived')"],
        env={**os.environ, "CHAT_FAILPOINTS": "x=kill"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL
    assert "survived" not in child.stdout
    assert "failpoint x: kill" in child.stderr


@pytest.mark.parametrize("text", ["x", "x=explode", "=kill", "x=sleep:long", "x=kill|twice"])
def test_unreadable_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidFailpoints):
        observe.arm(text)
