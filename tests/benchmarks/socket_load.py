"""Many widgets in one cheap process: raw Socket.IO frames over aiohttp's websockets.

`python socket_load.py URL TOKENS_FILE SECONDS PER_SECOND` opens one connection a token and prints a
JSON line; after a line on standard input it sends messages, prints a second line, and ends when its
input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
from http_load import percentile

OPENING_AT_ONCE = 32
CLOSED_LOOP = 32


class Connection:
    """One widget."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._reading: asyncio.Task[None] | None = None

    async def open(self, http: aiohttp.ClientSession, url: str, token: str) -> None:
        """Connect and wait until the server is ready."""
        self._socket = await http.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket")
        await self._socket.receive_str(timeout=30)
        await self._socket.send_str(f"40{json.dumps({'token': token})}")
        self._reading = asyncio.create_task(self._read())
        async with asyncio.timeout(60):
            await self.ready.wait()

    async def say(self) -> float:
        """Seconds from a message to its acknowledgement."""
        self._number += 1
        answered = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        body = {"client_message_id": str(uuid4()), "text": "How long does shipping take?"}
        started = time.perf_counter()
        await self._socket.send_str(f"42{self._number}{json.dumps(['message', body])}")
        answer = await asyncio.wait_for(answered, 30)
        assert answer[0]["ok"] is True, answer
        return time.perf_counter() - started

    async def _read(self) -> None:
        async for frame in self._socket:
            text = frame.data
            if text == "2":
                await self._socket.send_str("3")
            elif text.startswith("43"):
                number, _, rest = text[2:].partition("[")
                self._waiting.pop(int(number)).set_result(json.loads(f"[{rest}"))
            elif text.startswith('42["ready"'):
                self.ready.set()
            elif text.startswith("44"):
                raise ConnectionError(text)


async def run(url: str, tokens: list[str], seconds: float, per_second: float) -> None:
    """Open, wait for the word, speak, wait for the end."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        connections = [Connection() for _ in tokens]
        gate = asyncio.Semaphore(OPENING_AT_ONCE)

        async def enter(connection: Connection, token: str) -> None:
            async with gate:
                await connection.open(http, url, token)

        started = time.perf_counter()
        await asyncio.gather(*map(enter, connections, tokens))
        opened = {"opened": len(connections), "seconds": time.perf_counter() - started}
        print(json.dumps(opened), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        paced = await _paced(connections, seconds, per_second)
        crowded, crowded_seconds = await _closed_loop(connections, seconds / 2)
        result = {
            "messages": len(paced) + len(crowded),
            "p50_milliseconds": percentile(paced, 0.5) * 1000,
            "p99_milliseconds": percentile(paced, 0.99) * 1000,
            "per_second": len(crowded) / crowded_seconds,
        }
        print(json.dumps(result), flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def _paced(connections: list[Connection], seconds: float, per_second: float) -> list[float]:
    """Messages at an even pace, whoever waits: the connections speak in turn."""
    count = int(seconds * per_second)
    started = time.perf_counter()
    saying = []
    for number in range(count):
        await asyncio.sleep(max(0.0, started + number / per_second - time.perf_counter()))
        saying.append(asyncio.create_task(connections[number % len(connections)].say()))
    return list(await asyncio.gather(*saying))


async def _closed_loop(connections: list[Connection], seconds: float) -> tuple[list[float], float]:
    """As many as go through with 32 in flight; no connection speaks faster than it may."""
    started, taken = time.perf_counter(), iter(connections * 100)
    times: list[float] = []

    async def one_after_the_other() -> None:
        while time.perf_counter() - started < seconds:
            times.append(await next(taken).say())

    await asyncio.gather(*(one_after_the_other() for _ in range(CLOSED_LOOP)))
    return times, time.perf_counter() - started


if __name__ == "__main__":
    asyncio.run(
        run(
            sys.argv[1],
            Path(sys.argv[2]).read_text().split(),
            float(sys.argv[3]),
            float(sys.argv[4]),
        )
    )
