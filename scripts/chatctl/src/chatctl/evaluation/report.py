"""What an evaluation found: figures as JSON, as tables, and against an earlier run. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from rich.table import Table

from chatctl.evaluation import metrics
from chatctl.evaluation.collection import Query
from chatctl.evaluation.rankings import DEFAULT, GIVEN, PLAIN, RERANKED, STAGES
from chatctl.evaluation.running import Measured

FORMAT = 1
_MEANING = {
    "keyword": "the keyword leg alone",
    "vector": "the vector leg alone",
    "fused": "both, fused",
    "reranked": "after re-ranking",
    "given": "what a caller gets: cut, without near duplicates, 20 passages at most",
}


class NotComparable(RuntimeError):
    """The two reports are not of the same questions."""


@dataclass(frozen=True)
class Subject:
    """What was evaluated; `sha256` tells whether two reports are of the same data."""

    name: str
    sha256: str
    documents: int
    queries: Sequence[Query]
    notes: Sequence[str] = ()
    language: str | None = None


@dataclass(frozen=True)
class Difference:
    """A figure now and before."""

    name: str
    measure: str
    before: float
    now: float | None

    @property
    def gain(self) -> float:
        """Negative when it got worse; a figure that is missing now is lost whole."""
        return (self.now if self.now is not None else 0.0) - self.before


def report_of(subject: Subject, measured: Mapping[str, Measured]) -> dict[str, Any]:
    """The whole report, as `--json` prints it and `--against` reads it."""
    default = measured[DEFAULT.name]
    return {
        "format": FORMAT,
        "collection": subject.name,
        "sha256": subject.sha256,
        "language": subject.language,
        "documents": subject.documents,
        "questions": len(subject.queries),
        "judgements": sum(len(query.grades) for query in subject.queries),
        "stages": {stage: _rounded(default.mean(stage)) for stage in STAGES},
        "configurations": {
            name: _configuration(one, measured.get(PLAIN.name)) for name, one in measured.items()
        },
        "notes": [*subject.notes, *default.notes, *_failures(measured)],
    }


def _configuration(one: Measured, plain: Measured | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "final": _rounded(one.mean(RERANKED)),
        "given": _rounded(one.mean(GIVEN)),
        "milliseconds": _percentiles(one.milliseconds),
        "reranker": ", ".join(name for name, count in one.rerankers.most_common(1) if count),
    }
    if plain is not None and plain is not one:
        low, high = metrics.interval(one.gains(RERANKED), plain.gains(RERANKED))
        told["gain_over_plain"] = {
            "ndcg@10": round(one.mean(RERANKED)[metrics.NDCG] - plain.mean(RERANKED)["ndcg@10"], 4),
            "low": round(low, 4),
            "high": round(high, 4),
        }
    return told


def _failures(measured: Mapping[str, Measured]) -> list[str]:
    told = []
    for name, one in measured.items():
        if one.degraded:
            told.append(f"{one.degraded} searches of {name} had no vector of the question")
        if one.not_reranked:
            told.append(
                f"{one.not_reranked} searches of {name} were not re-ranked by the model, which "
                "failed or was too slow: its figures are too low"
            )
    return told


def _percentiles(milliseconds: list[float]) -> dict[str, float]:
    if len(milliseconds) < 2:
        only = milliseconds[0] if milliseconds else 0.0
        return {"p50": round(only, 1), "p95": round(only, 1)}
    cuts = quantiles(milliseconds, n=20)
    return {"p50": round(cuts[9], 1), "p95": round(cuts[18], 1)}


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(figure, 4) for name, figure in figures.items()}


def differences(report: Mapping[str, Any], baseline: Mapping[str, Any]) -> list[Difference]:
    """Every figure of the baseline beside today's; NotComparable for other questions."""
    for name in ("sha256", "questions", "language"):
        if report.get(name) != baseline.get(name):
            raise NotComparable(
                f"the baseline is of other data: its {name} is {baseline.get(name)}, "
                f"here it is {report.get(name)}"
            )
    now, before = _figures(report), _figures(baseline)
    return [
        Difference(name, measure, figure, now.get((name, measure)))
        for (name, measure), figure in before.items()
        if name.startswith("stage") or _was_run(report, name)
    ]


def _was_run(report: Mapping[str, Any], name: str) -> bool:
    """A configuration that was not asked for today is not a loss."""
    return name.removeprefix("with ") in report["configurations"]


def _figures(report: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    stages = {f"stage {name}": figures for name, figures in report["stages"].items()}
    ways = {f"with {name}": one["final"] for name, one in report["configurations"].items()}
    return {
        (name, measure): float(figures[measure])
        for name, figures in (stages | ways).items()
        for measure in metrics.NAMES
        if measure in figures
    }


def tables(report: Mapping[str, Any]) -> list[Table]:
    """The report for a person."""
    stages = _table(f"{report['collection']}, as the tenant is searched", "stage")
    stages.add_column("what it is")
    for name, figures in report["stages"].items():
        stages.add_row(name, *_cells(figures), _MEANING.get(name, ""))
    ways = _table("Ways of searching, all candidates in their final order", "configuration")
    ways.add_column("over 0.5/0.5", justify="right")
    ways.add_column("95 % interval", justify="right")
    ways.add_column("ms, p50 / p95", justify="right")
    best = max(one["final"][metrics.NDCG] for one in report["configurations"].values())
    for name, one in report["configurations"].items():
        bold = "bold" if one["final"][metrics.NDCG] == best else None
        took = one["milliseconds"]
        ways.add_row(
            name,
            *_cells(one["final"]),
            *_gain(one.get("gain_over_plain")),
            f"{took['p50']:.0f} / {took['p95']:.0f}",
            style=bold,
        )
    return [stages, ways]


def difference_table(changed: list[Difference], tolerance: float) -> Table:
    """What changed by more than nothing, the losses first."""
    table = Table("figure", "measure", "before", "now", "", title="Against the baseline")
    for one in sorted(changed, key=lambda one: one.gain):
        verdict = "[red]worse[/red]" if one.gain < -tolerance else ""
        verdict = "[green]better[/green]" if one.gain > tolerance else verdict
        now = "missing" if one.now is None else f"{one.now:.4f}"
        table.add_row(one.name, one.measure, f"{one.before:.4f}", now, verdict)
    return table


def _table(title: str, first: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first, no_wrap=True)
    for name in metrics.NAMES:
        table.add_column(name.replace("ndcg", "nDCG").replace("mrr", "MRR"), justify="right")
    return table


def _cells(figures: Mapping[str, float]) -> list[str]:
    return [f"{figures[name]:.4f}" for name in metrics.NAMES]


def _gain(gain: Mapping[str, float] | None) -> tuple[str, str]:
    if gain is None:
        return "", ""
    return f"{gain['ndcg@10']:+.4f}", f"{gain['low']:+.4f} … {gain['high']:+.4f}"
