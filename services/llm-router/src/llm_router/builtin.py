"""`builtin/extractive` as a model: answers from the passages, asks for the search tool, streams.

Needs no network and no key, so that a chain of models never ends in silence.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from uuid import UUID

import orjson

from contracts.v1.models import ChatMessage, ToolCall
from llm_router import extractive
from llm_router.domain import (
    ChatCall,
    ChatOutcome,
    Model,
    ModelFailed,
    OnWords,
    checked,
)
from llm_router.embedding import Embedder
from llm_router.minilm import similarity
from llm_router.phrases import small_talk

SEARCH_TOOL = "search_knowledge_base"
_MINILM = Model("builtin", "minilm")
_MEANING_SECONDS = 5.0
_SUMMARY_SENTENCE = re.compile(r"(?<=[.!?])\s")


class BuiltinAdapter:
    """Answers in this process; `word_seconds` paces what is streamed so that a person sees it."""

    def __init__(self, embedder: Embedder | None, word_seconds: float = 0.0) -> None:
        self._embedder = embedder
        self._word_seconds = word_seconds

    async def chat(self, call: ChatCall, on_words: OnWords | None) -> ChatOutcome:
        """Answer; deterministic but for the optional look at meaning. Raises ModelFailed."""
        if call.model.name != "extractive":
            detail = f"there is no {call.model}; there is builtin/extractive"
            raise ModelFailed("unknown_model", detail)
        if call.answer_schema is not None:
            raise ModelFailed("bad_request", f"{call.model} quotes; it writes no JSON")
        if _wants_search(call):
            return _search(call)
        text = await self._text(call)
        if on_words is not None:
            await self._say(text, on_words, call.timeout_seconds)
        return checked(ChatOutcome(text, (), "stop", None, None), call)

    async def _text(self, call: ChatCall) -> str:
        question = extractive.question_of(call.messages)
        if call.purpose == "rewrite":
            return question or "?"
        if call.purpose == "summary":
            return _summary(call.messages, call.reply_tokens_max)
        return small_talk(question) or await self._quote(call)

    async def _quote(self, call: ChatCall) -> str:
        passages = call.passages
        question = extractive.weigh(call.messages, passages)
        found = extractive.candidates(question, passages)
        open_ones = extractive.undecided(found)
        if open_ones:
            texts = [candidate.sentence.text for candidate in open_ones]
            seconds = min(_MEANING_SECONDS, call.timeout_seconds / 2)
            alike = await self._similarities(call.tenant_id, question.text, texts, seconds)
            if alike is not None:
                found = extractive.with_similarities(question, open_ones, alike)
        return extractive.compose(question, found)

    async def _similarities(
        self, tenant_id: UUID, question: str, texts: Sequence[str], seconds: float
    ) -> list[float] | None:
        if self._embedder is None:
            return None
        try:
            vectors = await self._embedder.cached(tenant_id, _MINILM, [question, *texts], seconds)
        except ModelFailed:
            return None
        first, *others = vectors.rows
        return [similarity(first, other) for other in others]

    async def _say(self, text: str, on_words: OnWords, timeout_seconds: float) -> None:
        words = re.findall(r"\S+\s*", text)
        pause = min(self._word_seconds, timeout_seconds / 4 / max(1, len(words)))
        for word in words:
            on_words(word)
            if pause > 0:
                await asyncio.sleep(pause)


def _wants_search(call: ChatCall) -> bool:
    """Whether to look first: the tool is offered, nothing was given or looked up yet."""
    offered = any(tool.name == SEARCH_TOOL for tool in call.tools)
    if call.purpose != "answer" or call.passages or not offered:
        return False
    question = extractive.question_of(call.messages)
    if not question or small_talk(question):
        return False
    return call.messages[-1].role != "tool"


def _search(call: ChatCall) -> ChatOutcome:
    question = extractive.question_of(call.messages)[:2_000]
    arguments = orjson.dumps({"query": question}).decode()
    wish = ToolCall(call_id=f"call_{len(call.messages)}", name=SEARCH_TOOL, arguments=arguments)
    return ChatOutcome("", (wish,), "tool_calls", None, None)


def _summary(messages: Sequence[ChatMessage], tokens_max: int) -> str:
    """What was said, one sentence a message, newest last."""
    lines = [
        f"{message.role}: {_SUMMARY_SENTENCE.split(message.content.strip(), maxsplit=1)[0]}"
        for message in messages
        if message.role in ("user", "assistant") and message.content.strip()
    ]
    text = "\n".join(lines[-12:])
    return text[-max(80, tokens_max * 4) :] or "Nothing was said."
