"""The private port of a process: is it alive, is it ready, what does it measure, which build."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web
from prometheus_client import REGISTRY, Gauge
from prometheus_client.exposition import choose_encoder

from observe.redaction import redact_text

Check = Callable[[], Awaitable[object]]

_CHECK_TIMEOUT_SECONDS: Final = 2.0
_BUILD_INFO: Final = Gauge(
    "chat_build_info", "Which build this process runs; always 1.", ["service", "version", "git"]
)


class AdminServer:
    """Serves /livez, /readyz, /metrics and /version on `host:port` (port 0: any free one)."""

    def __init__(
        self,
        listen: str,
        service: str,
        version: str,
        checks: Mapping[str, Check],
        *,
        git: str = "unknown",
    ) -> None:
        host, _, port = listen.rpartition(":")
        self._host, self._port = host.strip("[]") or "127.0.0.1", int(port)
        self._identity = {"service": service, "version": version, "git": git}
        self._checks = checks
        self._unready_because = "starting"
        self._runner: web.AppRunner | None = None
        _BUILD_INFO.labels(**self._identity).set(1)

    @property
    def port(self) -> int:
        """The port that is really listened on."""
        return self._port

    def mark_ready(self) -> None:
        """From now on /readyz says what the checks say."""
        self._unready_because = ""

    def mark_unready(self, reason: str) -> None:
        """From now on /readyz answers 503 with this reason, for example "draining"."""
        self._unready_because = reason

    async def start(self) -> None:
        """Listen; OSError if the address is taken."""
        app = web.Application()
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/version", self._version)
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=1.0
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _livez(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def _version(self, _request: web.Request) -> web.Response:
        return web.json_response(self._identity)

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(REGISTRY), headers={"Content-Type": content_type})

    async def _readyz(self, _request: web.Request) -> web.Response:
        names = list(self._checks)
        results = await asyncio.gather(*(_probe(self._checks[name]) for name in names))
        ready = not self._unready_because and all(result["ok"] for result in results)
        status = "ready" if ready else self._unready_because or "unready"
        body = {"status": status, "checks": dict(zip(names, results, strict=True))}
        return web.json_response(body, status=200 if ready else 503)


async def _probe(check: Check) -> dict[str, object]:
    started = time.perf_counter()
    failure = ""
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_SECONDS):
            await check()
    except TimeoutError:
        failure = f"no answer in {_CHECK_TIMEOUT_SECONDS:g} s"
    except Exception as error:  # noqa: BLE001 - what is wrong with it is the answer
        failure = redact_text(f"{type(error).__name__}: {error}")[:200]
    result: dict[str, object] = {
        "ok": not failure,
        "latency_ms": round((time.perf_counter() - started) * 1000, 2),
    }
    if failure:
        result["error"] = failure
    return result
