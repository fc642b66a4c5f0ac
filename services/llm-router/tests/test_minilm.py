"""The embedding model in this process."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from llm_router.domain import Access, Model, ModelFailed, Vectors
from llm_router.minilm import TOKENS_MAX, MiniLM, similarity

NOWHERE = Access(None, None)
MODEL = Model("builtin", "minilm")


@pytest.fixture(scope="module")
def minilm() -> Iterator[MiniLM]:
    model = MiniLM()
    yield model
    model.close()


async def embed(minilm: MiniLM, *texts: str) -> Vectors:
    return await minilm.embed(MODEL, NOWHERE, texts, "passage", 60.0)


async def test_like_meanings_are_near(minilm: MiniLM) -> None:
    question, answer, other = (
        await embed(
            minilm,
            "How long do I have to send it back?",
            "Items may be returned within 30 days.",
            "Our shop opens at nine.",
        )
    ).rows
    assert similarity(question, answer) > 0.5
    assert similarity(question, other) < 0.2


async def test_a_text_has_one_vector_alone_and_among_others(minilm: MiniLM) -> None:
    """The batch is sorted by length and padded: neither may show in the result."""
    texts = [
        f"{'word ' * length}number {length}" for length in (40, 1, 17, 90, 3, 60, 8, 25, 2, 70)
    ]
    together = (await embed(minilm, *texts)).rows
    for text, row in zip(texts, together, strict=True):
        [alone] = (await embed(minilm, text)).rows
        assert similarity(alone, row) > 0.9999


async def test_vectors_are_unit_length_little_endian_float32(minilm: MiniLM) -> None:
    found = await embed(minilm, "a", "b c d")
    for row in found.rows:
        assert len(row) == 384 * 4
        assert np.linalg.norm(np.frombuffer(row, "<f4")) == pytest.approx(1.0, abs=1e-5)


async def test_a_long_text_is_cut_not_refused(minilm: MiniLM) -> None:
    found = await embed(minilm, "return " * 5_000)
    assert found.tokens == TOKENS_MAX


async def test_other_names_and_too_little_time_have_a_code(minilm: MiniLM) -> None:
    with pytest.raises(ModelFailed) as unknown:
        await minilm.embed(Model("builtin", "huge"), NOWHERE, ["a"], "query", 5.0)
    assert unknown.value.code == "unknown_model"
    with pytest.raises(ModelFailed) as late:
        await minilm.embed(MODEL, NOWHERE, ["a " * 200] * 32, "passage", 0.001)
    assert late.value.code == "timeout"
