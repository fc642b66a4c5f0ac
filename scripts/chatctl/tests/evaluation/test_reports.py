"""From explained searches to figures, and from figures to a verdict."""

from __future__ import annotations

import asyncio
import copy
import json
from pathlib import Path
from typing import Any

import pytest
import typer

from chatctl import command_eval
from chatctl.evaluation import metrics
from chatctl.evaluation.collection import Query
from chatctl.evaluation.rankings import CONFIGURATIONS, DEFAULT, PLAIN, NotExplained, rankings
from chatctl.evaluation.report import Subject, differences, report_of, tables
from chatctl.evaluation.running import Run
from chatctl.gateway_api import ApiProblem


def candidate(
    document: str, keyword: int | None, vector: int | None, fused: int, rerank: int | None
) -> dict[str, Any]:
    return {
        "document_id": document,
        "keyword_rank": keyword,
        "vector_rank": vector,
        "fused_rank": fused,
        "rerank_rank": rerank,
    }


FOUND = {
    "passages": [{"document_id": "C"}, {"document_id": "A"}, {"document_id": "C"}],
    "degraded": False,
    "explained": {
        "reranker": "builtin/neighbours",
        "candidates": [
            candidate("A", 2, 1, 1, 2),
            candidate("C", None, 2, 2, 1),
            candidate("B", 1, None, 3, None),
            candidate("A", 3, None, 4, 3),
        ],
    },
}


def test_a_document_stands_where_its_best_passage_does() -> None:
    assert rankings(FOUND) == {
        "keyword": ["B", "A"],
        "vector": ["A", "C"],
        "fused": ["A", "C", "B"],
        "reranked": ["C", "A", "B"],
        "given": ["C", "A"],
    }
    with pytest.raises(NotExplained):
        rankings({"passages": []})


class Api:
    """Answers searches; `refuses` names a re-ranker this platform does not know."""

    def __init__(self, *, refuses: str = "", fails: int = 0) -> None:
        self.refuses = refuses
        self.fails = fails
        self.asked: list[dict[str, Any]] = []

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(body)
        reranker = body.get("tuning", {}).get("reranker", "")
        if self.refuses and reranker == self.refuses:
            raise ApiProblem(422, {"code": "invalid"})
        found = copy.deepcopy(FOUND)
        if reranker == "builtin/maxsim":
            found["explained"]["reranker"] = "builtin/neighbours, then builtin/maxsim"
            if self.fails:
                self.fails -= 1
                found["explained"]["reranker"] = (
                    "builtin/neighbours; builtin/maxsim failed: timeout"
                )
        return found


QUERIES = [Query("1", "one?", {"b": 1.0}), Query("2", "two?", {"a": 1.0, "c": 2.0})]
SUBJECT = Subject("small", "0" * 64, 3, QUERIES, ["a note"], "en")


def run(api: Api) -> dict[str, Any]:
    names = {"A": "a", "B": "b", "C": "c"}
    asked = Run(api, "t", QUERIES, names, lambda *_: None)  # type: ignore[arg-type]
    return report_of(SUBJECT, asyncio.run(asked.all()))


def test_every_question_is_asked_in_every_way() -> None:
    api = Api()
    report = run(api)
    assert len(api.asked) == len(QUERIES) * len(CONFIGURATIONS)
    assert list(report["configurations"]) == [one.name for one in CONFIGURATIONS]
    assert report["stages"]["keyword"][metrics.MRR] == pytest.approx((1 + 1 / 2) / 2)
    assert report["stages"]["given"][metrics.RECALL_5] == pytest.approx((0 + 1) / 2)
    assert report["configurations"]["default"]["reranker"] == "builtin/neighbours"
    assert report["notes"] == ["a note"]
    assert [table.row_count for table in tables(report)] == [5, len(CONFIGURATIONS)]


def test_a_model_that_was_too_slow_is_asked_again_and_told() -> None:
    assert run(Api(fails=3))["notes"] == ["a note"]
    (_, told) = run(Api(fails=99))["notes"]
    assert told.startswith("2 searches of 0.5/0.5 + maxsim were not re-ranked")


def test_a_way_that_this_platform_does_not_know_is_left_out_and_named() -> None:
    report = run(Api(refuses="builtin/maxsim"))
    assert "0.5/0.5 + maxsim" not in report["configurations"]
    assert report["notes"][1].startswith("0.5/0.5 + maxsim is not known to this platform")


def worse(report: dict[str, Any], *place: str) -> dict[str, Any]:
    changed = copy.deepcopy(report)
    figures = changed
    for name in place[:-1]:
        figures = figures[name]
    figures[place[-1]] -= 0.01
    return changed


@pytest.mark.parametrize(
    "place",
    [("stages", "given", "ndcg@10"), ("configurations", "rrf", "final", "recall@100")],
)
def test_the_gate_opens_for_the_same_and_closes_for_worse(place: tuple[str, ...]) -> None:
    report = run(Api())
    command_eval.compare(report, report, 0.005)
    command_eval.compare(report, worse(report, *place), 0.005)
    command_eval.compare(worse(report, *place), report, 0.02)
    with pytest.raises(typer.Exit) as ended:
        command_eval.compare(worse(report, *place), report, 0.005)
    assert ended.value.exit_code == 1


def test_the_gate_is_of_the_same_questions_only() -> None:
    report = run(Api())
    with pytest.raises(typer.Exit) as ended:
        command_eval.compare({**report, "sha256": "1" * 64}, report, 0.005)
    assert ended.value.exit_code == 2
    quick = {
        **report,
        "configurations": {n: report["configurations"][n] for n in (DEFAULT.name, PLAIN.name)},
    }
    assert {one.name for one in differences(quick, report)} == {
        *(f"stage {name}" for name in report["stages"]),
        "with default",
        "with 0.5/0.5",
    }


def test_a_report_survives_its_json(tmp_path: Path) -> None:
    report = run(Api())
    (tmp_path / "r.json").write_text(json.dumps(report))
    assert differences(json.loads((tmp_path / "r.json").read_text()), report)
