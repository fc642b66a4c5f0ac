"""Where words do not decide, meaning does; where nobody can say, words have the last word."""

import base64
import struct
from typing import Any
from uuid import uuid4

from bus import AskFailed
from contracts.v1.models import EmbedTexts, TextsEmbedded
from orchestrator.grounding import judge
from orchestrator.meaning import Meaning
from orchestrator.support import source_of

PASSAGE = "Our workshop mends zips and seams of tents within two weeks."
PARAPHRASE = "We can have your tent sewn again."
HALF = "Our workshop mends stoves quickly."


class Embedder:
    """Says the vectors that the test chose, and remembers what it was asked."""

    def __init__(self, *similarities: float, model: str = "builtin/minilm") -> None:
        self.similarities = list(similarities)
        self.model = model
        self.asked: list[EmbedTexts] = []

    async def ask(self, request: Any, *, timeout_seconds: float) -> Any:
        del timeout_seconds
        self.asked.append(request)
        if not self.similarities:
            raise AskFailed("no_responder", "nobody")
        rows = [(1.0, 0.0)] + [(one, (1 - one**2) ** 0.5) for one in self.similarities]
        rows += [(0.0, 1.0)] * (len(request.texts) - len(rows))
        vectors = [base64.b64encode(struct.pack("<2f", *row)).decode() for row in rows]
        return TextsEmbedded(
            model=self.model,
            dimensions=2,
            vectors=vectors[: len(request.texts)],
            tokens=1,
            cost_usd=None,
        )


async def decided(embedder: Embedder, text: str = PARAPHRASE, floor: float | None = None) -> str:
    grounding = judge(text, [source_of(1, "[1]", PASSAGE, "Repairs")], "en")
    after = await Meaning(embedder).decide(grounding, uuid4(), uuid4(), floor)
    (one,) = after.claims
    assert one.support is not None
    return one.support.verdict


async def test_a_paraphrase_is_supported_and_another_subject_is_not():
    assert await decided(Embedder(0.8)) == "supported"
    assert await decided(Embedder(0.1)) == "unsupported"
    assert await decided(Embedder(0.5)) == "unsupported"
    assert await decided(Embedder(0.8), HALF) == "supported"
    assert await decided(Embedder(0.1), HALF) == "unsupported"
    assert await decided(Embedder(0.5), HALF) == "undecided"


async def test_without_an_embedder_words_have_the_last_word():
    assert await decided(Embedder()) == "unsupported"
    assert await decided(Embedder(), HALF) == "undecided"


async def test_a_model_that_nobody_measured_is_held_against_the_search():
    assert await decided(Embedder(0.5, model="openai/x"), floor=0.45) == "supported"
    assert await decided(Embedder(0.5, model="openai/x")) == "unsupported"


async def test_meaning_never_decides_about_figures_and_is_not_asked_in_vain():
    embedder = Embedder(0.99)
    assert (
        await decided(embedder, "We can have your tent sewn again in two weeks.") != "unsupported"
    )
    await decided(embedder, "Our workshop mends zips and seams.")
    assert embedder.asked == []
