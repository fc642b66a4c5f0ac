"""A cheap HTTP/1.1 load generator: keep-alive sockets, pre-built requests, one process.

`python http_load.py URL CONCURRENCY SECONDS` reads nothing, POSTs signed WhatsApp bodies and prints
one JSON line: requests a second, latency percentiles in milliseconds, CPU seconds of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
import time
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit
from uuid import uuid4


@dataclass
class LoadResult:
    """What one run saw."""

    requests: int
    seconds: float
    per_second: float
    p50_milliseconds: float
    p99_milliseconds: float
    errors: int
    statuses: dict[str, int]


def percentile(values: list[float], share: float) -> float:
    """Nearest-rank percentile; 0 of nothing."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def signed_request(host: str, path: str, body: bytes, secret: str) -> bytes:
    """A whole request as Meta sends it."""
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def whatsapp_body(phone_number_id: str, customer: str, text: str) -> bytes:
    """A body of one text, about 540 bytes."""
    message = {
        "from": customer,
        "id": f"wamid.{uuid4().hex}",
        "timestamp": str(int(time.time())),
        "type": "text",
        "text": {"body": text},
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "385910000000", "phone_number_id": phone_number_id},
        "contacts": [{"profile": {"name": "Load"}, "wa_id": customer}],
        "messages": [message],
    }
    entry = {"id": "102290129340398", "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


async def load(
    url: str, secret: str, phone_number_id: str, concurrency: int, seconds: float
) -> LoadResult:
    """Keep `concurrency` requests in flight for `seconds`; each body is new."""
    parts = urlsplit(url)
    latencies: list[float] = []
    statuses: dict[str, int] = {}
    errors = 0
    until = time.perf_counter() + seconds

    async def one() -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while time.perf_counter() < until:
            body = whatsapp_body(phone_number_id, f"385{uuid4().int % 10**9:09d}", "Hello there")
            started = time.perf_counter()
            writer.write(signed_request(parts.netloc, parts.path, body, secret))
            try:
                status = await _answer(reader)
            except (OSError, asyncio.IncompleteReadError):
                errors += 1
                break
            latencies.append((time.perf_counter() - started) * 1000)
            statuses[status] = statuses.get(status, 0) + 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(concurrency)))
    took = time.perf_counter() - began
    return LoadResult(
        requests=len(latencies),
        seconds=round(took, 2),
        per_second=round(len(latencies) / took, 1),
        p50_milliseconds=round(percentile(latencies, 0.5), 2),
        p99_milliseconds=round(percentile(latencies, 0.99), 2),
        errors=errors,
        statuses=statuses,
    )


async def _answer(reader: asyncio.StreamReader) -> str:
    head = await reader.readuntil(b"\r\n\r\n")
    status = head.split(b" ", 2)[1].decode()
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.split(b":")[1]))
    return status


def main() -> None:
    """Run from the command line: URL SECRET PHONE_NUMBER_ID CONCURRENCY SECONDS."""
    import uvloop

    url, secret, number, concurrency, seconds = sys.argv[1:6]
    result = uvloop.run(load(url, secret, number, int(concurrency), float(seconds)))
    sys.stdout.write(json.dumps(asdict(result)) + "\n")


if __name__ == "__main__":
    main()
