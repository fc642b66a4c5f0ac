"""What a turn costs beside the model: overhead, first words, slow neighbours, conversations.

`CHAT_BENCH_SMOKE=1` runs tiny sizes, checks that everything was really done and writes nothing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import pytest
from first_words import FLOWING, both
from http_load import percentile
from report import ratio, write_section
from road_load import RoadResult
from turn_ways import PLAIN, WAYS, Bench, Seen, add, bare_call_milliseconds
from whole_platform import WholePlatform


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    rounds: int
    round_seconds: float
    bare_calls: int
    streams: int
    healthy: int
    pause_seconds: float
    slow_seconds: float
    crowd: int
    crowd_seconds: float


FULL = Sizes(2, 4.0, 300, 60, 50, 2.0, float(os.environ.get("CHAT_BENCH_SLOW", "20")), 32, 20.0)
TINY = Sizes(1, 0.2, 5, 2, 4, 0.1, 2.0, 3, 0.5)
SMOKE = os.environ.get("CHAT_BENCH_SMOKE") == "1"
SIZES = TINY if SMOKE else FULL
CONVERSATION_TURNS = 3


@pytest.fixture(scope="module")
def bench(platform: WholePlatform) -> Bench:
    """Shops that are warm."""
    made = Bench(platform)
    for way in WAYS[:1] if SMOKE else WAYS:
        made.turns(way, Seen(), 2, SIZES.round_seconds / 2)
    return made


@pytest.mark.timeout(300)
def test_overhead_of_a_turn(bench: Bench) -> None:
    seen = {way.name: Seen() for way in WAYS}
    for _ in range(SIZES.rounds):
        for way in WAYS:
            bench.turns(way, seen[way.name], 1, SIZES.round_seconds)
    own = asyncio.run(bare_call_milliseconds(bench.platform.providers_url, SIZES.bare_calls))
    _write_overhead(seen, own)
    _write_cpu(seen)
    for way in WAYS:
        assert seen[way.name].result.replies > 0, way.name
        assert seen[way.name].result.unanswered == 0, way.name
        assert seen[way.name].calls_a_turn >= way.model_calls, way.name


def _write_overhead(seen: dict[str, Seen], own: float) -> None:
    rows, first = [], seen[PLAIN.name]
    for way in WAYS:
        one, model = seen[way.name], own * way.model_calls
        p50, p99 = (percentile(one.result.accepted_milliseconds, p) - model for p in (0.5, 0.99))
        plain = percentile(first.result.accepted_milliseconds, 0.5) - own
        cpu, plain_cpu = one.cpu_milliseconds(), first.cpu_milliseconds()
        rows.append(
            [
                *(way.name, f"{p50:.1f}", f"{p99:.1f}", ratio(p50, plain)),
                *(f"{cpu:.1f}", ratio(cpu, plain_cpu)),
                *(f"{one.calls_a_turn:.2f}", one.result.replies),
            ]
        )
    _write(
        "A turn without its model",
        f"""From the 200 of the customer's webhook to the send that the Meta simulator accepted, one
turn at a time, less the model's own time: {own:.2f} ms a call over raw aiohttp from the provider
simulator at 0 ms. {SIZES.rounds} interleaved rounds of {SIZES.round_seconds:.0f} s each.
Every row searches the tenant's documents and keeps the explanation of the search with the turn. *An
unsure answer* is said too, and its question is kept and compared with others. *A tool call*
asks for the facts of the conversation first, which is a second call of the model. CPU is
that of all services, the database and the broker.""",
        [
            *("turn", "overhead p50 ms", "p99 ms", "of plain", "CPU ms", "CPU of plain"),
            *("model calls", "turns"),
        ],
        rows,
    )


def _write_cpu(seen: dict[str, Seen]) -> None:
    processes = sorted(seen[PLAIN.name].cpu, key=lambda name: -seen[PLAIN.name].cpu[name])
    _write(
        "CPU of a turn by process",
        "CPU milliseconds a turn, in the same runs as the section above. One turn at a time, so "
        "that what a process does by the clock (relays, leases, metrics) weighs on few turns.",
        ["process", *seen],
        [
            [name, *(f"{one.cpu_milliseconds(name):.2f}" for one in seen.values())]
            for name in processes
        ],
    )


@pytest.mark.timeout(300)
def test_first_words_at_the_widget(bench: Bench) -> None:
    shop = bench.shop(PLAIN)
    bench.script(FLOWING)
    widget, bare = both(shop, SIZES.streams)
    bench.script()
    rows = [
        [name, *(f"{percentile(took, p):.1f}" for p in (0.5, 0.99)), len(took)]
        for name, took in (("raw aiohttp", bare), ("the widget's socket", widget))
    ]
    added = [f"{percentile(widget, p) - percentile(bare, p):.1f}" for p in (0.5, 0.99)]
    over = ratio(median(widget), median(bare))
    _write(
        "First words from the provider to the widget",
        f"""Milliseconds from just before the provider simulator writes the first event of a stream
(the role; the first word follows 5 ms later, as each further word does) to the first words: at the
widget's socket, through llm-router, the broker and gateway, and at a bare reader of the same kind
of stream. One stream at a time. The widget's is {over} the bare one.""",
        ["reader", "p50 ms", "p99 ms", "streams"],
        [*rows, ["added", *added, ""]],
    )
    assert len(widget) == len(bare) == SIZES.streams
    assert min(widget) > 0


@pytest.mark.timeout(300)
def test_healthy_conversations_beside_a_slow_one(bench: Bench) -> None:
    alone, beside = RoadResult(), RoadResult()
    load, half = bench.load(bench.shop(PLAIN)), SIZES.slow_seconds / 2

    def talk(conversations: int, seconds: float) -> RoadResult:
        run = load.run(
            conversations, seconds, SIZES.slow_seconds + 30, pause_seconds=SIZES.pause_seconds
        )
        return asyncio.run(run)

    add(alone, talk(SIZES.healthy, half))
    bench.script({"steps": [{"delay_ms": int(SIZES.slow_seconds * 1000)}]})
    add(beside, talk(SIZES.healthy + 1, SIZES.slow_seconds))
    bench.script()
    add(alone, talk(SIZES.healthy, half))
    slow = [took for took in beside.milliseconds if took >= SIZES.slow_seconds * 1000]
    healthy = [took for took in beside.milliseconds if took < SIZES.slow_seconds * 1000]
    times = percentile(healthy, 0.99) / percentile(alone.milliseconds, 0.99)
    _write(
        "Healthy conversations beside a slow model",
        f"""{SIZES.healthy} conversations of one tenant, each pausing about
{SIZES.pause_seconds:.0f} s between an answer and the next question; beside them one more, of the
same tenant and model, whose call takes {SIZES.slow_seconds:.0f} s. Alone is measured before and
after. Aim: healthy p99 at most 1.2 × alone.""",
        ["conversations", "p50 ms", "p99 ms", "turns", "p99 of alone"],
        [
            _healthy_row(f"{SIZES.healthy}, alone", alone.milliseconds, 1.0),
            _healthy_row(f"{SIZES.healthy}, beside a slow one", healthy, times),
        ],
    )
    assert len(slow) == 1
    assert alone.unanswered == beside.unanswered == 0


def _healthy_row(name: str, took: list[float], times: float) -> list[object]:
    middle, slowest = percentile(took, 0.5), percentile(took, 0.99)
    return [name, f"{middle:.0f}", f"{slowest:.0f}", len(took), f"{times:.2f} ×"]


@pytest.mark.timeout(300)
def test_conversations_per_second(bench: Bench) -> None:
    seen, one = Seen(), Seen()
    bench.turns(PLAIN, one, 1, SIZES.crowd_seconds / 5, turns_each=CONVERSATION_TURNS)
    bench.turns(PLAIN, seen, SIZES.crowd, SIZES.crowd_seconds, turns_each=CONVERSATION_TURNS)
    _write(
        "Conversations per second",
        f"""A customer whom nobody knows asks {CONVERSATION_TURNS} questions, each after the last
answer, then the next customer comes; {SIZES.crowd} at once for {SIZES.crowd_seconds:.0f} s,
beside one at a time. Times are from writing the webhook to the send at Graph; CPU is that of all
services, the database and the broker, of 1,000 ms a core and second.""",
        [
            *("at once", "conversations/s", "turns/s", "p50 ms", "p99 ms", "CPU ms a turn"),
            *("turns", "unanswered"),
        ],
        [_crowd_row(1, one), _crowd_row(SIZES.crowd, seen)],
    )
    assert seen.result.replies > 0
    assert seen.result.unanswered == one.result.unanswered == 0


def _crowd_row(at_once: int, seen: Seen) -> list[object]:
    result = seen.result
    return [
        at_once,
        f"{result.per_second / CONVERSATION_TURNS:.1f}",
        f"{result.per_second:.1f}",
        f"{result.p(0.5):.0f}",
        f"{result.p(0.99):.0f}",
        f"{seen.cpu_milliseconds():.1f}",
        result.replies,
        result.unanswered,
    ]


def _write(title: str, prose: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    if not SMOKE:
        write_section(title, prose, header, rows)
    print(f"\n{title}", header, *rows, sep="\n  ")
