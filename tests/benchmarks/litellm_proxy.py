"""LiteLLM's own proxy, installed beside everything else and thrown away with its folder."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import aiohttp

from embedded import free_port
from testkit import eventually_async
from testkit.polling import NeverHappened

INSTALL_SECONDS = 300.0
READY_SECONDS = 120.0
_CONFIGURATION = """
model_list:
  - model_name: sim-small
    litellm_params: {{model: openai/sim-small, api_base: "{url}/v1", api_key: sk-bench}}
litellm_settings: {{num_retries: 0, telemetry: false}}
"""


class ProxyMissing(Exception):
    """It could not be installed or started; says why."""


def installed(folder: Path) -> Path:
    """The command of a fresh environment with `litellm[proxy]`, at our version of litellm.

    Raises ProxyMissing.
    """
    uv = str(Path(sys.executable).parent / "uv")
    command = folder / "bin" / "litellm"
    wanted = f"litellm[proxy]=={version('litellm')}"
    steps = (
        [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
        [
            uv,
            "pip",
            "install",
            "--quiet",
            "--compile-bytecode",
            "--python",
            str(folder / "bin" / "python"),
            wanted,
        ],
    )
    try:
        for step in steps:
            subprocess.run(step, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise ProxyMissing(f"{wanted} cannot be installed here: {error}") from error
    return command


class LitellmProxy:
    """One worker of the proxy before one provider."""

    def __init__(self, command: Path, folder: Path, provider_url: str) -> None:
        self._command = command
        self._folder = folder
        self._provider_url = provider_url
        self._process: asyncio.subprocess.Process | None = None
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process of its only worker."""
        if self._process is None:
            raise ProxyMissing("it was never started")
        return self._process.pid

    async def start(self, session: aiohttp.ClientSession) -> None:
        """Start it and wait until it answers. Raises ProxyMissing."""
        configuration = self._folder / "proxy.yaml"
        configuration.write_text(_CONFIGURATION.format(url=self._provider_url))
        environment = {
            **os.environ,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
            # Without keys it has less to do, and no database to ask.
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        }
        command = [
            *(str(self._command), "--config", str(configuration)),
            *("--host", "127.0.0.1", "--port", str(self.port), "--num_workers", "1"),
        ]
        with (self._folder / "proxy.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, env=environment, stdout=log, stderr=log
            )

        async def answers() -> bool:
            if self._process is None or self._process.returncode is not None:
                raise ProxyMissing((self._folder / "proxy.log").read_text()[-400:])
            try:
                async with session.get(f"{self.url}/health/liveliness") as response:
                    return response.status == 200
            except aiohttp.ClientError:
                return False

        try:
            await eventually_async(answers, "the proxy answers", READY_SECONDS)
        except NeverHappened as error:
            raise ProxyMissing(f"it did not start: {error}") from error

    async def close(self) -> None:
        """End it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(10):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
