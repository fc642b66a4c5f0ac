"""`python -m gateway` serves; `python -m gateway migrate` brings the database up to date."""

import process
from gateway.composition import open_gateway
from gateway.config import Settings


async def start(settings: Settings, life: process.Life) -> None:
    """Open everything."""
    await open_gateway(settings, life)


if __name__ == "__main__":
    process.run("gateway", Settings, start, migrations=("outbox", "gateway"))
