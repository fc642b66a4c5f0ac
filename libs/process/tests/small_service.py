"""A service that only this library's tests run, steered by its environment."""

import asyncio
import os

from pydantic_settings import SettingsConfigDict

from process import ConfigurationError, Life, ServiceSettings, run


class Settings(ServiceSettings):
    """No setting beyond those of every service."""

    model_config = SettingsConfigDict(env_prefix="CHAT_SMALL_")


class MismatchedQueue(Exception):
    """As a library says that no retry will help."""

    exit_code = 78


def say(text: str) -> None:
    print(text, flush=True)


async def close(name: str) -> None:
    await asyncio.sleep(0.01)
    say(f"closed {name}")


async def start(settings: Settings, life: Life) -> None:
    mode = os.environ.get("MODE", "")
    if mode == "unreachable":
        await life.reach("postgres", lambda: asyncio.open_connection("127.0.0.1", 1))
    if mode == "misconfigured":
        raise ConfigurationError("CHAT_MASTER_KEYS: no master key is configured")
    if mode == "mismatched":
        raise MismatchedQueue("queue x was declared with other arguments")
    life.closing(lambda: close("database"))
    life.closing(lambda: close("bus"))
    if mode == "background-fails":
        life.background("doomed", fail_soon())
    if mode == "background-cancelled":
        life.background("lost", asyncio.sleep(3600)).cancel()
    life.background("endless", asyncio.sleep(3600))
    say("started")


async def fail_soon() -> None:
    await asyncio.sleep(0.05)
    raise RuntimeError("the background work died")


if __name__ == "__main__":
    run("small", Settings, start, migrations=["outbox"])
