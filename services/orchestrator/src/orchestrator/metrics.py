"""What the orchestrator counts and times; no label holds a tenant."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from opentelemetry import context, propagate, trace
from prometheus_client import Counter, Gauge, Histogram

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)

TURN_SECONDS: Final = Histogram(
    "chat_turn_duration_seconds",
    "From lease to commit.",
    ["channel", "outcome"],
    buckets=_SECONDS,
)
STAGE_SECONDS: Final = Histogram(
    "chat_turn_stage_duration_seconds",
    "Stages of a turn: queue, context, retrieve, llm, tool, commit.",
    ["stage"],
    buckets=(0.001, 0.0025, *_SECONDS),
)
TURNS_IN_PROGRESS: Final = Gauge("chat_turns_in_progress", "Turns being worked on now.")
TURNS_LOST: Final = Counter(
    "chat_turn_leases_lost_total", "Turns whose lease another worker took: they wrote nothing."
)
RUNS_CUT: Final = Counter(
    "chat_turn_runs_cut_total",
    "Answers whose making was ended: taken_over, superseded by a newer message, lease_lost.",
    ["why"],
)
CALLS_ABANDONED: Final = Counter(
    "chat_model_calls_abandoned_total", "Model calls that nobody waited for to the end."
)
TOOL_CALLS: Final = Counter(
    "chat_tool_calls_total", "Tools the model asked for.", ["tool", "outcome"]
)
CITATIONS_REMOVED: Final = Counter(
    "chat_citations_removed_total", "Numbers in answers that no given passage stood behind."
)
ADDRESSES_REMOVED: Final = Counter(
    "chat_addresses_removed_total", "Addresses in answers that led where the tenant lists no host."
)
PROMPTS_GUARDED: Final = Counter(
    "chat_prompts_guarded_total", "Answers that were not said because they held the instructions."
)
VOICES_HEARD: Final = Counter(
    "chat_voice_notes_total", "Voice notes that were listened to, by what came of it.", ["outcome"]
)
QUESTIONS_COMPLETED: Final = Counter(
    "chat_questions_completed_total",
    "Follow-up questions that were completed from the conversation, by what completed them.",
    ["by"],
)
TRIED_TURNS: Final = Counter(
    "chat_tried_turns_total",
    "Turns that were answered once more, unseen, by kind of trial and what came of it.",
    ["kind", "outcome"],
)
SWEPT: Final = Counter(
    "chat_conversations_swept_total", "Conversations whose turn nobody worked on, found by sweeps."
)

UNANSWERED: Final = Counter(
    "chat_customers_unanswered_total",
    "Customers who had no answer for too long, by the best guess of the cause.",
    ["cause"],
)
LONGEST_WAIT_SECONDS: Final = Gauge(
    "chat_longest_wait_seconds", "How long the customer who waits longest waits, of nobody told."
)
WOKEN: Final = Counter(
    "chat_conversations_woken_total", "Conversations that went on by themselves.", ["after"]
)
ENDED_BY_SILENCE: Final = Counter(
    "chat_conversations_ended_by_silence_total", "Conversations that were resolved by inactivity."
)
RATINGS: Final = Counter(
    "chat_ratings_total", "Questions at the end of conversations, and what came of them.", ["what"]
)

_tracer = trace.get_tracer("orchestrator")


class Durations:
    """How long each stage of one turn took, in milliseconds, for its evidence."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage: in the evidence, the histogram and, in a sampled trace, a span."""
        started = perf_counter()
        try:
            if trace.get_current_span().is_recording():
                with _tracer.start_as_current_span(name):
                    yield
            else:
                yield
        finally:
            self.add(name, perf_counter() - started)

    def add(self, name: str, seconds: float) -> None:
        """Count a stage that was timed elsewhere."""
        so_far = self.milliseconds.get(name, 0.0)
        self.milliseconds[name] = round(so_far + seconds * 1000, 2)
        STAGE_SECONDS.labels(name).observe(seconds)


@contextmanager
def continued(name: str, traceparent: str) -> Iterator[None]:
    """Go on with the trace that said what is being handled; a span only where it is sampled."""
    token = context.attach(propagate.extract({"traceparent": traceparent} if traceparent else {}))
    try:
        if trace.get_current_span().get_span_context().trace_flags.sampled:
            with _tracer.start_as_current_span(name, kind=trace.SpanKind.CONSUMER):
                yield
        else:
            yield
    finally:
        context.detach(token)
