"""`builtin/…` as a custom provider of litellm, so that it passes the same tests by both roads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from llm_router.domain import (
    ChatAdapter,
    ChatOutcome,
    estimated_tokens,
    prompt_tokens,
)
from llm_router.through_litellm import CURRENT_CALL


def register(litellm: Any, builtin: ChatAdapter) -> None:
    """Make litellm answer `builtin/…` by our own answerer."""

    class BuiltinProvider(litellm.CustomLLM):  # type: ignore[misc]  # litellm is imported late
        """litellm's face of the builtin answerer."""

        async def acompletion(self, *_args: Any, **_kwargs: Any) -> Any:
            """The whole answer."""
            outcome = await builtin.chat(CURRENT_CALL.get(), None)
            return litellm.ModelResponse(choices=[_choice(outcome)], usage=_usage(outcome))

        async def astreaming(self, *_args: Any, **_kwargs: Any) -> AsyncIterator[dict[str, Any]]:
            """The answer word by word."""
            async for chunk in _chunks(builtin):
                yield chunk

    litellm.custom_provider_map = [
        {"provider": "builtin", "custom_handler": BuiltinProvider()},
    ]
    litellm.utils.custom_llm_setup()


async def _chunks(builtin: ChatAdapter) -> AsyncIterator[dict[str, Any]]:
    words: asyncio.Queue[str | None] = asyncio.Queue()
    work = asyncio.ensure_future(builtin.chat(CURRENT_CALL.get(), words.put_nowait))
    work.add_done_callback(lambda _: words.put_nowait(None))
    try:
        while (text := await words.get()) is not None:
            yield _chunk(text)
        outcome = await work
    finally:
        work.cancel()
    for index, call in enumerate(outcome.tool_calls):
        function = {"name": call.name, "arguments": call.arguments}
        tool = {"id": call.call_id, "type": "function", "function": function, "index": index}
        yield _chunk("") | {"tool_use": tool}
    end = {"is_finished": True, "finish_reason": outcome.finish_reason, "usage": _usage(outcome)}
    yield _chunk("") | end


def _chunk(text: str) -> dict[str, Any]:
    return {
        "text": text,
        "is_finished": False,
        "finish_reason": "",
        "index": 0,
        "tool_use": None,
        "usage": None,
    }


def _choice(outcome: ChatOutcome) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": outcome.text}
    if outcome.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in outcome.tool_calls
        ]
    return {"index": 0, "message": message, "finish_reason": outcome.finish_reason}


def _usage(outcome: ChatOutcome) -> dict[str, int]:
    read = prompt_tokens(CURRENT_CALL.get())
    written = estimated_tokens(outcome.text)
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
