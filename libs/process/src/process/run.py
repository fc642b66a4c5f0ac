"""`python -m <service>` and `python -m <service> migrate`: from the environment to an exit code."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Final, NoReturn, TypeVar

import uvloop

import observe
from process.life import EXIT_CONFIGURATION, Life
from process.migrations import apply_migrations
from process.settings import ConfigurationError, ServiceSettings, read_settings

SettingsType = TypeVar("SettingsType", bound=ServiceSettings)

DRAIN_SECONDS: Final = 25.0

_log = observe.get_logger("process")


def run(
    service: str,
    settings_class: type[SettingsType],
    start: Callable[[SettingsType, Life], Awaitable[None]],
    *,
    migrations: Sequence[str] = (),
) -> NoReturn:
    """Run a service until SIGTERM or SIGINT, or its migrations, and exit.

    `start(settings, life)` opens everything and returns; `life` closes it again, the last first.
    `python -m <service> migrate` applies the migrations of these packages as the owner. Exit codes:
    0 drained, 1 failed, 78 configuration (one line says which variable), 2 unknown verb.
    """
    verb = sys.argv[1] if len(sys.argv) > 1 else "serve"
    if verb not in {"serve", "migrate"} or len(sys.argv) > 2:
        sys.stderr.write(f"usage: python -m {service.replace('-', '_')} [serve | migrate]\n")
        sys.exit(2)
    try:
        settings = read_settings(settings_class)
        observe.configure(
            service,
            level=settings.log_level,
            otlp_endpoint=settings.otlp_endpoint,
            trace_sample_ratio=settings.trace_sample_ratio,
            version=_version(service),
        )
        work = (
            apply_migrations(settings, list(migrations))
            if verb == "migrate"
            else _serve(service, settings, start, migrations)
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            code = runner.run(work)
    except ConfigurationError as error:
        sys.stderr.write(f"{service}: configuration: {error}\n")
        code = EXIT_CONFIGURATION
    observe.shutdown()
    sys.stdout.flush()
    sys.exit(code)


async def _serve(
    service: str,
    settings: SettingsType,
    start: Callable[[SettingsType, Life], Awaitable[None]],
    migrations: Sequence[str],
) -> int:
    life = Life(migrations)
    admin = observe.AdminServer(
        settings.admin_listen, service, _version(service), life.checks, git=settings.build
    )
    _stop_on_signals(life)
    try:
        await admin.start()
    except OSError as error:
        raise ConfigurationError(f"admin port {settings.admin_listen}: {error}") from None
    try:
        code = await _live(settings, start, life, admin)
    finally:
        await _drain(life, admin)
    _log.info("stopped", exit_code=code)
    return code


async def _live(
    settings: SettingsType,
    start: Callable[[SettingsType, Life], Awaitable[None]],
    life: Life,
    admin: observe.AdminServer,
) -> int:
    starting = asyncio.ensure_future(start(settings, life))
    stopping = asyncio.ensure_future(life.until_stopped())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
            admin.mark_ready()
            _log.info("ready", admin_port=admin.port, process_id=os.getpid())
        await stopping
    except ConfigurationError:
        raise
    except Exception as error:
        if getattr(error, "exit_code", None) == EXIT_CONFIGURATION:
            raise ConfigurationError(str(error)) from error
        _log.exception("the service failed")
        return 1
    finally:
        await _abandon(starting)
        await _abandon(stopping)
    return 0


async def _drain(life: Life, admin: observe.AdminServer) -> None:
    admin.mark_unready("draining")
    _log.info("draining")
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            await life.close()
    except TimeoutError:
        _log.error("drain took too long, the rest is left to redelivery", seconds=DRAIN_SECONDS)
    except Exception:  # noqa: BLE001 - closing must not hide why the process ended
        _log.exception("closing failed")
    await admin.stop()


async def _abandon(task: "asyncio.Future[None]") -> None:
    if not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    elif not task.cancelled():
        task.exception()


def _stop_on_signals(life: Life) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, life.stop)


def _version(service: str) -> str:
    try:
        return version(f"chat-{service}")
    except PackageNotFoundError:
        return "0"
