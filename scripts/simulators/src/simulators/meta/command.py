"""`python -m simulators meta`: the Meta simulator as a process."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from simulators.meta.settings import DEFAULT_APP_SECRET, SAYABLE_STATUSES, Settings
from simulators.meta.simulator import MetaSimulator


def main(arguments: list[str]) -> int:
    """Run until SIGTERM or SIGINT."""
    options = _parser().parse_args(arguments)
    host, _, port = options.listen.rpartition(":")
    asyncio.run(_serve(_settings(options), host or "127.0.0.1", int(port)))
    return 0


async def _serve(settings: Settings, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with MetaSimulator(settings, host=host, port=port) as simulator:
        sys.stdout.write(f"Meta simulator: {simulator.url}\n")
        sys.stdout.flush()
        await stop.wait()


def _settings(options: argparse.Namespace) -> Settings:
    delays = dict(_delay(part) for part in options.statuses.split(",") if part)
    messenger_url = options.messenger_webhook_url
    if not messenger_url and options.webhook_url.endswith("/whatsapp"):
        messenger_url = options.webhook_url.removesuffix("/whatsapp") + "/messenger"
    return Settings(
        whatsapp_webhook_url=options.webhook_url,
        messenger_webhook_url=messenger_url,
        whatsapp_app_secret=options.app_secret,
        messenger_app_secret=options.messenger_app_secret or options.app_secret,
        access_tokens=frozenset(options.access_token),
        status_delays_seconds=delays,
        status_shuffle=options.status_shuffle,
        messenger_echoes=not options.no_echoes,
        enforce_window=options.enforce_window,
        enforce_pair_rate=options.enforce_pair_rate,
        messages_per_second=options.messages_per_second,
        known_media_only=options.known_media_only,
        known_templates_only=options.known_templates_only,
        template_review=options.template_review,
        judge=options.judge,
    )


def _delay(part: str) -> tuple[str, float]:
    name, _, seconds = part.partition("=")
    if name not in SAYABLE_STATUSES:
        raise SystemExit(f"--statuses knows {', '.join(SAYABLE_STATUSES)}, not {name!r}")
    return name, float(seconds or 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulators meta", description=__doc__)
    add = parser.add_argument
    add("--listen", default="127.0.0.1:0", metavar="HOST:PORT", help="0 = a free port")
    add("--webhook-url", default="", help="receives WhatsApp bodies, ends in /whatsapp")
    add("--messenger-webhook-url", default="", help="default: the same with /messenger")
    add("--app-secret", default=DEFAULT_APP_SECRET, help="signs the bodies")
    add("--messenger-app-secret", default="", help="default: the same")
    add("--access-token", action="append", default=[], help="accepted token (default: any)")
    add(
        "--statuses",
        default="sent=0.05,delivered=0.15,read=0.5",
        help="which statuses follow a send, after how many seconds; empty = none",
    )
    add("--status-shuffle", action="store_true", help="say due statuses in random order")
    add("--no-echoes", action="store_true", help="no Messenger echoes")
    add("--enforce-window", action="store_true", help="refuse free-form text after 24 h (131047)")
    add("--enforce-pair-rate", action="store_true", help="one message per 6 s a person (131056)")
    add("--messages-per-second", type=float, default=0.0, help="a number's throughput (130429)")
    add("--known-media-only", action="store_true", help="refuse media ids that were not uploaded")
    add("--known-templates-only", action="store_true", help="refuse templates it does not hold")
    add("--template-review", choices=("approve", "reject", "wait"), default="approve")
    add("--judge", action="store_true", help="judge everything by CHAT_META_OPENAPI")
    return parser
