"""The simulated providers speak their wire formats and fail on demand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp.test_utils import TestServer

from simulators.providers.answering import cut_words, embed
from simulators.providers.app import create_app

PASSAGES = (
    "Use these.\n[1] Returns\nYou may return an item within 30 days. Keep the bill.\n[2] Pay\nX."
)
CHAT = {
    "model": "sim-small",
    "messages": [
        {"role": "system", "content": PASSAGES},
        {"role": "user", "content": "How long?"},
    ],
}
TOOLS = [{"type": "function", "function": {"name": "search_knowledge_base", "parameters": {}}}]


class Provider:
    """A running simulator and a session to it."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url, self.session = url, session

    async def script(self, **body: Any) -> None:
        async with self.session.post(f"{self.url}/_sim/script", json=body) as answer:
            assert answer.status == 200, await answer.text()

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        async with self.session.post(self.url + path, json=body) as answer:
            return answer.status, await answer.read()


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    server = TestServer(create_app())
    await server.start_server()
    async with aiohttp.ClientSession() as session:
        yield Provider(str(server.make_url("")).rstrip("/"), session)
    await server.close()


def sse(body: bytes) -> list[dict[str, Any]]:
    lines = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: ")]
    return [orjson.loads(line) for line in lines if line != b"[DONE]"]


async def test_default_answer_quotes_the_first_passage(provider: Provider) -> None:
    status, body = await provider.post("/v1/chat/completions", CHAT)
    message = orjson.loads(body)["choices"][0]["message"]
    assert status == 200
    assert message["content"] == (
        "According to the documents: You may return an item within 30 days. [1]"
    )


async def test_passages_marked_as_data_are_quoted_too(provider: Provider) -> None:
    marked = '<passage number="1" title="Returns">\nBring it back in May. Or not.\n</passage>'
    messages = [{"role": "system", "content": marked}, {"role": "user", "content": "When?"}]
    _, body = await provider.post("/v1/chat/completions", {"model": "m", "messages": messages})
    answer = orjson.loads(body)["choices"][0]["message"]["content"]
    assert answer == "According to the documents: Bring it back in May. [1]"


async def test_openai_stream_joins_to_the_same_text_and_ends_with_usage(provider: Provider) -> None:
    body = CHAT | {"stream": True, "stream_options": {"include_usage": True}}
    _, raw = await provider.post("/v1/chat/completions", body)
    events = sse(raw)
    text = "".join(e["choices"][0]["delta"].get("content") or "" for e in events if e["choices"])
    assert text.endswith("within 30 days. [1]")
    assert events[-2]["choices"][0]["finish_reason"] == "stop"
    assert events[-1]["usage"]["completion_tokens"] > 0
    assert raw.endswith(b"data: [DONE]\n\n")


async def test_tool_first_then_answer(provider: Provider) -> None:
    await provider.script(tool_first=True)
    _, body = await provider.post("/v1/chat/completions", CHAT | {"tools": TOOLS})
    choice = orjson.loads(body)["choices"][0]
    call = choice["message"]["tool_calls"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert orjson.loads(call["function"]["arguments"]) == {"query": "How long?"}
    told = [*CHAT["messages"], {"role": "tool", "tool_call_id": call["id"], "content": "x"}]
    _, body = await provider.post(
        "/v1/chat/completions", {"model": "m", "messages": told, "tools": TOOLS}
    )
    assert orjson.loads(body)["choices"][0]["finish_reason"] == "stop"


async def test_anthropic_stream_and_tool(provider: Provider) -> None:
    body = {
        "model": "claude",
        "system": PASSAGES,
        "messages": CHAT["messages"][1:],
        "stream": True,
        "max_tokens": 100,
    }
    _, raw = await provider.post("/v1/messages", body)
    kinds = [event["type"] for event in sse(raw)]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    await provider.script(steps=[{"kind": "tool_call"}])
    _, raw = await provider.post("/v1/messages", body | {"stream": False})
    assert orjson.loads(raw)["stop_reason"] == "tool_use"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"messages": [{"role": "user", "content": "Hi"}]}, "max_tokens"),
        ({"max_tokens": 9, "messages": [{"role": "assistant", "content": "Hi"}]}, "first message"),
        ({"max_tokens": 9, "messages": [{"role": "user", "content": " "}]}, "non-empty"),
        (
            {
                "max_tokens": 9,
                "messages": [
                    {"role": "user", "content": "Hi"},
                    {
                        "role": "assistant",
                        "content": [{"type": "tool_use", "id": "a", "name": "n", "input": {}}],
                    },
                    {"role": "user", "content": "Well?"},
                ],
            },
            "without `tool_result`",
        ),
    ],
)
async def test_anthropic_refuses_what_the_real_one_refuses(
    provider: Provider, body: dict[str, Any], complaint: str
) -> None:
    status, raw = await provider.post("/v1/messages", {"model": "claude"} | body)
    assert status == 400
    assert orjson.loads(raw)["error"]["type"] == "invalid_request_error"
    assert complaint in orjson.loads(raw)["error"]["message"]


async def test_ollama_streams_unless_told_not_to(provider: Provider) -> None:
    _, raw = await provider.post("/api/chat", CHAT)
    lines = [orjson.loads(line) for line in raw.splitlines()]
    assert [line["done"] for line in lines][-2:] == [False, True]
    _, raw = await provider.post("/api/chat", CHAT | {"stream": False})
    assert orjson.loads(raw)["done_reason"] == "stop"


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/chat/completions", 429), ("/v1/messages", 529), ("/api/chat", 500)]
)
async def test_errors_carry_status_and_retry_after(
    provider: Provider, path: str, status: int
) -> None:
    step = {"kind": "error", "status": status, "retry_after_seconds": 3, "times": 2}
    await provider.script(steps=[step])
    body = {"model": "sim-small", "max_tokens": 9, "messages": CHAT["messages"][1:]}
    for _ in range(2):
        async with provider.session.post(provider.url + path, json=body) as answer:
            assert answer.status == status
            assert answer.headers["Retry-After"] == "3"
            assert "error" in await answer.json()
    assert (await provider.post(path, body))[0] == 200


async def test_a_cut_stream_breaks_the_connection(provider: Provider) -> None:
    await provider.script(steps=[{"kind": "cut"}])
    with pytest.raises(aiohttp.ClientError):
        await provider.post("/v1/chat/completions", CHAT | {"stream": True})


async def test_a_clean_cut_lacks_only_the_end(provider: Provider) -> None:
    await provider.script(steps=[{"kind": "cut", "clean": True, "after_chunks": 3}])
    _, raw = await provider.post("/v1/chat/completions", CHAT | {"stream": True})
    assert len(sse(raw)) == 3
    assert b"[DONE]" not in raw


async def test_a_hang_lasts_until_the_caller_leaves(provider: Provider) -> None:
    await provider.script(steps=[{"kind": "hang"}])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await provider.post("/v1/chat/completions", CHAT)
    deadline = time.monotonic() + 5
    ended = ""
    while ended != "caller left" and time.monotonic() < deadline:
        ended = await last_end(provider)
    assert ended == "caller left"


async def test_an_endless_stream_goes_on(provider: Provider) -> None:
    await provider.script(steps=[{"kind": "endless"}])
    body = CHAT | {"stream": True}
    async with provider.session.post(f"{provider.url}/v1/chat/completions", json=body) as answer:
        seen = b""
        async with asyncio.timeout(5):
            while seen.count(b"onwards") < 20:
                seen += await answer.content.readany()
    assert b"[DONE]" not in seen


async def last_end(provider: Provider) -> str:
    async with provider.session.get(f"{provider.url}/_sim/calls") as answer:
        calls = (await answer.json())["calls"]
    return str(calls[-1]["ended"])


async def test_calls_are_recorded_with_their_key(provider: Provider) -> None:
    headers = {"Authorization": "Bearer sk-test"}
    url = f"{provider.url}/v1/chat/completions"
    async with provider.session.post(url, json=CHAT, headers=headers):
        pass
    async with provider.session.get(f"{provider.url}/_sim/calls") as answer:
        report = await answer.json()
    assert report["total"] == 1
    assert report["calls"][0]["headers"]["authorization"] == "Bearer sk-test"
    assert report["calls"][0]["body"]["model"] == "sim-small"


async def test_embeddings_in_both_formats_agree(provider: Provider) -> None:
    texts = ["return an item", "an item to return"]
    _, raw = await provider.post("/v1/embeddings", {"model": "e", "input": texts})
    openai = [row["embedding"] for row in orjson.loads(raw)["data"]]
    _, raw = await provider.post("/api/embed", {"model": "e", "input": texts})
    assert orjson.loads(raw)["embeddings"] == openai
    assert len(openai[0]) == 384


async def test_a_wrong_script_is_refused(provider: Provider) -> None:
    status, _ = await provider.post("/_sim/script", {"steps": [{"kind": "explode"}]})
    assert status == 422


async def test_model_filter_on_steps(provider: Provider) -> None:
    await provider.script(steps=[{"kind": "error", "model": "other"}])
    assert (await provider.post("/v1/chat/completions", CHAT))[0] == 200
    assert (await provider.post("/v1/chat/completions", CHAT | {"model": "other"}))[0] == 500


def test_cut_words_keeps_every_character() -> None:
    text = "  one two\n three "
    assert "".join(cut_words(text, 2)) == text


def test_embedding_is_a_unit_vector_that_knows_shared_words() -> None:
    a, b, c = (embed(t, 384) for t in ("blue cotton shirt", "a blue shirt", "shipping costs"))
    assert sum(x * x for x in a) == pytest.approx(1.0)
    assert sum(x * y for x, y in zip(a, b, strict=True)) > sum(
        x * y for x, y in zip(a, c, strict=True)
    )
