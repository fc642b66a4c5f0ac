"""`python -m simulators providers`: serve the simulated providers on one address."""

from __future__ import annotations

import argparse

from aiohttp import web

from simulators.providers.app import create_app


def main(arguments: list[str]) -> int:
    """Serve until SIGINT or SIGTERM; prints one line when it listens."""
    parser = argparse.ArgumentParser(prog="python -m simulators providers", description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:8091", help="host:port to serve on")
    listen = str(parser.parse_args(arguments).listen)
    host, _, port = listen.rpartition(":")
    web.run_app(
        create_app(),
        host=host or "127.0.0.1",
        port=int(port),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=1.0,
        print=lambda *_: print(f"providers simulator on http://{listen}", flush=True),
    )
    return 0
