"""Every provider that the lean path does not speak to, through litellm.

litellm takes seconds and some 170 MB to import, so it is imported in a thread at the first call
that needs it. Its own retries are off: the router decides about them.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from contextvars import ContextVar
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from llm_router.answer_schemas import fitting
from llm_router.domain import (
    Access,
    ChatAdapter,
    ChatCall,
    ChatOutcome,
    EmbeddingPurpose,
    Model,
    ModelFailed,
    OnWords,
    Vectors,
    checked,
    estimated_tokens,
)
from llm_router.images import Sight
from llm_router.litellm_failures import failure_from
from llm_router.openai_wire import OpenAIGathered, messages_of, response_format, tools_of, versioned
from llm_router.token_counts import with_counts
from llm_router.unit_vectors import unit_rows
from llm_router.vision import can_see
from observe import get_logger

CURRENT_CALL: ContextVar[ChatCall] = ContextVar("current_call")
"""The call in hand, for the custom provider: passages are no part of OpenAI's parameters."""

_CHAT_NAMES = {"ollama": "ollama_chat"}

_log = get_logger("llm-router")


class LitellmAdapter:
    """Calls any provider that litellm knows; `builtin` is registered with it as one of them."""

    def __init__(self, builtin: ChatAdapter | None, stall_seconds: float) -> None:
        self._builtin = builtin
        self._stall_seconds = stall_seconds
        self._loading = threading.Lock()
        self._litellm: Any = None
        self._sight = Sight(can_see)

    async def load(self) -> Any:
        """Import litellm once, without stopping this process's other work for long."""
        if self._litellm is None:
            return await asyncio.to_thread(self._import)
        return self._litellm

    async def close(self) -> None:
        """Close litellm's own connections."""
        if self._litellm is not None:
            await self._litellm.close_litellm_async_clients()

    async def chat(self, call: ChatCall, on_words: OnWords | None) -> ChatOutcome:
        """Call the model; streams when `on_words` is given. Raises ModelFailed."""
        if call.answer_schema is not None:
            return await fitting(partial(self._seen, on_words=None), call)
        return await self._seen(call, on_words)

    async def _seen(self, call: ChatCall, on_words: OnWords | None) -> ChatOutcome:
        return await self._sight.ask(partial(self._once, on_words=on_words), call)

    async def _once(self, call: ChatCall, on_words: OnWords | None) -> ChatOutcome:
        litellm = await self.load()
        token = CURRENT_CALL.set(call)
        try:
            # Its own timeouts are those between two bytes: an answer that drips has none.
            async with asyncio.timeout(call.timeout_seconds):
                answer = await litellm.acompletion(
                    **_arguments(call, self._stall_seconds, stream=on_words is not None)
                )
                outcome = _whole(answer) if on_words is None else await _streamed(answer, on_words)
                return await with_counts(checked(outcome, call), call)
        except (ModelFailed, asyncio.CancelledError):
            raise
        except TimeoutError as error:
            raise ModelFailed("timeout", f"{call.model}: no answer in time") from error
        except Exception as error:
            raise failure_from(error) from error
        finally:
            CURRENT_CALL.reset(token)

    async def embed(
        self,
        model: Model,
        access: Access,
        texts: Sequence[str],
        purpose: EmbeddingPurpose,
        timeout_seconds: float,
    ) -> Vectors:
        """One unit vector a text, in order. Raises ModelFailed."""
        del purpose
        litellm = await self.load()
        try:
            async with asyncio.timeout(timeout_seconds):
                answer = await litellm.aembedding(
                    model=str(model),
                    input=list(texts),
                    api_base=_base_url(model, access),
                    api_key=access.key,
                    timeout=timeout_seconds,
                    num_retries=0,
                    max_retries=0,
                    encoding_format="float",
                )
            rows = [row["embedding"] for row in answer.data]
            tokens = getattr(answer.usage, "prompt_tokens", None)
        except TimeoutError:
            raise ModelFailed("timeout", f"{model}: no vectors in time") from None
        except Exception as error:
            raise failure_from(error) from error
        if len(rows) != len(texts):
            raise ModelFailed("bad_response", f"{len(rows)} vectors for {len(texts)} texts")
        counted = sum(map(estimated_tokens, texts)) if tokens is None else int(tokens)
        return Vectors(unit_rows(rows), len(rows[0]), counted)

    def _import(self) -> Any:
        with self._loading:
            if self._litellm is None:
                _prepare_environment()
                import litellm

                litellm.suppress_debug_info = True
                litellm.drop_params = True
                litellm.num_retries = 0
                # Where `max_retries=0` is taken for "not given", this is what is taken instead.
                vars(litellm)["DEFAULT_MAX_RETRIES"] = 0
                _never_ask_ollama_in_between()
                if self._builtin is not None:
                    from llm_router.litellm_builtin import register

                    register(litellm, self._builtin)
                self._litellm = litellm
                _log.info("litellm is loaded")
        return self._litellm


def _prepare_environment() -> None:
    """Keep litellm and tiktoken from looking for files on the network."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    found = find_spec("litellm")
    for place in list(found.submodule_search_locations or []) if found else []:
        vocabularies = Path(place) / "litellm_core_utils" / "tokenizers"
        if vocabularies.is_dir():
            os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(vocabularies))


def _never_ask_ollama_in_between() -> None:
    """Answer litellm's question what an Ollama model can.

    It asks the server by a blocking request inside the event loop, before and after each call: a
    slow server would stop every other answer of this process.
    """
    from litellm.llms.ollama.common_utils import OllamaModelInfo

    def known(_self: Any, model: str, *_args: Any, **_kwargs: Any) -> dict[str, Any]:
        return {
            "key": model,
            "litellm_provider": "ollama",
            "mode": "chat",
            "supports_function_calling": True,
            "input_cost_per_token": 0.0,
            "output_cost_per_token": 0.0,
            "max_tokens": None,
            "max_input_tokens": None,
            "max_output_tokens": None,
        }

    OllamaModelInfo.get_runtime_model_info = known  # type: ignore[method-assign,assignment]


def _arguments(call: ChatCall, stall_seconds: float, *, stream: bool) -> dict[str, Any]:
    provider = _CHAT_NAMES.get(call.model.provider, call.model.provider)
    arguments: dict[str, Any] = {
        "model": f"{provider}/{call.model.name}",
        "messages": messages_of(call.messages, call.pictures),
        "max_tokens": call.reply_tokens_max,
        "api_base": _base_url(call.model, call.access),
        "api_key": call.access.key,
        "timeout": min(call.timeout_seconds, stall_seconds) if stream else call.timeout_seconds,
        "num_retries": 0,
        "max_retries": 0,
    }
    if call.tools:
        arguments["tools"] = tools_of(call.tools)
    if call.answer_schema is not None:
        arguments["response_format"] = response_format(call.answer_schema)
    if stream:
        arguments |= {"stream": True, "stream_options": {"include_usage": True}}
    return arguments


def _base_url(model: Model, access: Access) -> str | None:
    if access.url is None:
        return None
    return versioned(access.url) if model.provider == "openai" else access.url.rstrip("/")


def _whole(answer: Any) -> ChatOutcome:
    choice = answer.choices[0]
    gathered = OpenAIGathered()
    gathered.take_delta(_plain(choice.message))
    gathered.finish = choice.finish_reason
    gathered.take_usage(_usage(answer))
    return gathered.outcome()


async def _streamed(stream: Any, on_words: OnWords) -> ChatOutcome:
    """Gather a stream; litellm invents a "stop" for one that was cut, so look behind it."""
    gathered = OpenAIGathered()
    try:
        async for chunk in stream:
            for choice in chunk.choices:
                words = gathered.take_delta(_plain(choice.delta))
                if words:
                    on_words(words)
            gathered.take_usage(_usage(chunk))
            if gathered.full():
                gathered.finish = "length"
                return gathered.outcome()
    finally:
        await _close(stream)
    gathered.finish = stream.received_finish_reason
    if gathered.finish is None:
        raise ModelFailed("truncated", "the stream ended without a finish reason")
    return gathered.outcome()


async def _close(stream: Any) -> None:
    close = getattr(stream, "aclose", None) or getattr(stream.completion_stream, "aclose", None)
    if close is not None:
        await close()


def _plain(message: Any) -> dict[str, Any]:
    """A litellm message or delta as OpenAI's JSON has it."""
    calls = [
        {
            "index": position if getattr(call, "index", None) is None else call.index,
            "id": call.id,
            "function": {"name": call.function.name, "arguments": call.function.arguments},
        }
        for position, call in enumerate(message.tool_calls or [])
    ]
    return {"content": message.content, "tool_calls": calls}


def _usage(answer: Any) -> dict[str, Any] | None:
    usage = getattr(answer, "usage", None)
    if usage is None:
        return None
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
    }
