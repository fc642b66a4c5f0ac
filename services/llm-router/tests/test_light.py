"""The service is light: heavy libraries come when they are needed, and most never are."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

HEAVY = ("litellm", "openai", "anthropic", "boto3", "tiktoken", "jsonschema", "onnxruntime", "mcp")
BEGIN = f"""
import asyncio, sys

def heavy():
    return sorted(name for name in {HEAVY!r} if name in sys.modules)

import llm_router.__main__
"""
CALLS = """
import aiohttp
from uuid import uuid4
from contracts.v1.models import ChatMessage
from llm_router.anthropic_wire import AnthropicWire
from llm_router.domain import Access, ChatCall, Model
from llm_router.lean import LeanAdapter, LeanEmbeddings

async def calls(url):
    words = ChatMessage(role="user", content="Hello", tool_calls=[], tool_call_id=None)
    async with aiohttp.ClientSession() as session:
        wires = {"openai/m": None, "ollama/m": None, "anthropic/m": AnthropicWire()}
        for name, wire in wires.items():
            for heard in (None, lambda _: None):
                call = ChatCall(
                    uuid4(), Model.named(name), Access(url, "k"), "answer", [words], [], [], 99, 9.0
                )
                await LeanAdapter(session, 5.0, wire).chat(call, heard)
        access = Access(url, "k")
        await LeanEmbeddings(session).embed(Model.named("openai/e"), access, ["a"], "query", 9.0)

asyncio.run(calls(sys.argv[1]))
"""


def run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_service_imports_nothing_heavy() -> None:
    assert run(BEGIN + "print(heavy())") == "[]"


async def test_calls_of_openai_anthropic_and_ollama_import_nothing_heavy(provider: Any) -> None:
    code = BEGIN + CALLS + "print(heavy())"
    assert await asyncio.to_thread(run, code, provider.url) == "[]"
