"""Prints what llm-router weighs: one tab-separated line a step. Run as a process of its own."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

STARTED, CPU = time.perf_counter(), time.process_time()


def tell(step: str) -> None:
    """Say how long the step took, and what the process holds now."""
    global STARTED, CPU
    took, spent = time.perf_counter() - STARTED, time.process_time() - CPU
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    resident = pages * 4096 / 1024 / 1024
    litellm = "yes" if "litellm" in sys.modules else "no"
    sys.stdout.write(f"{step}\t{took:.2f}\t{spent:.2f}\t{resident:.0f}\t{litellm}\n")
    STARTED, CPU = time.perf_counter(), time.process_time()


import llm_router.__main__  # noqa: E402, F401 - what is measured

tell("importing the service")

import aiohttp  # noqa: E402
from llm_roads import chat_call  # noqa: E402

from llm_router.anthropic_wire import AnthropicWire  # noqa: E402
from llm_router.lean import LeanAdapter  # noqa: E402
from llm_router.through_litellm import LitellmAdapter  # noqa: E402


async def main(url: str) -> None:
    """Call by each road."""
    async with aiohttp.ClientSession() as session:
        await LeanAdapter(session, 20.0).chat(chat_call(url), None)
        tell("a first call of OpenAI")
        claude = chat_call(url, "anthropic/claude-haiku-4-5")
        await LeanAdapter(session, 20.0, AnthropicWire()).chat(claude, lambda _: None)
        tell("a first call of Anthropic, streamed")
        litellm = LitellmAdapter(None, 20.0)
        await litellm.chat(chat_call(url), None)
        tell("a first call through litellm")
        await litellm.close()


asyncio.run(main(sys.argv[1]))
