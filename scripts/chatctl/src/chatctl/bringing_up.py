"""`chatctl up`: from nothing to a cited answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from rich.console import Console

from chatctl.answers import print_answer
from chatctl.gateway_api import GatewayApi
from chatctl.local_platform import Platform
from chatctl.overview import print_overview
from chatctl.plan import PlannedProcess, load_plan, save_plan
from chatctl.provisioning import migrate_all, provide_broker, provide_databases
from chatctl.readiness import wait_ready
from chatctl.run_folder import RunFolder
from chatctl.seed_corpus import ACME, GLOBEX, QUESTION
from chatctl.seeding import Seeder
from chatctl.steps import Steps
from chatctl.widget_build import build_widget, widget_is_current
from chatctl.widget_client import WidgetClient

READY_SECONDS = 120.0


@dataclass(frozen=True)
class Wishes:
    """What `up` was asked to do beside starting."""

    demo: bool = True
    question: str = QUESTION
    widget: bool = True


def bring_up(console: Console, wishes: Wishes) -> None:
    """Start everything in the run folder; each step can be done again without harm."""
    folder = RunFolder.default()
    folder.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    platform = Platform(folder)
    steps = Steps(console)
    start_platform(platform, steps, widget=wishes.widget)
    if wishes.demo:
        asyncio.run(seed(platform, steps))
        asyncio.run(ask_once(platform, console, wishes.question))
    print_overview(console, folder, steps.total_seconds())


def start_platform(platform: Platform, steps: Steps, *, widget: bool = True) -> None:
    """Start servers, databases, broker, migrations and processes, and wait for all of them."""
    folder = platform.folder
    with steps.step("PostgreSQL, RabbitMQ and Redis") as step:
        urls = platform.start_servers()
        step.result = "embedded, on loopback ports"
    with steps.step("Databases, roles, queues and rights"):
        asyncio.run(provide_databases(urls, platform.secrets))
        provide_broker(urls, platform.secrets)
    with steps.step("Migrations") as step:
        done = migrate_all(platform.environment())
        step.result = ", ".join(done) or "nothing new"
    if widget and not widget_is_current(folder):
        with steps.step("Chat widget, built by npm"):
            build_widget(folder)
    state = folder.read(folder.state)
    with steps.step("Seven services and the simulators") as step:
        planned = platform.planned(str(state.get("CHAT_WIDGET_KEY", "")))
        run_plan(platform, planned)
        asyncio.run(wait_ready(folder, planned, READY_SECONDS, step.count))
        step.result = f"{len(planned)} processes ready"
    folder.write(folder.state, {**state, **platform.environment().outside_view()})


def run_plan(platform: Platform, planned: list[PlannedProcess]) -> None:
    """Give the supervisor this plan; what runs under another one is started anew."""
    save_plan(platform.folder, planned)
    platform.start_supervisor()


async def seed(platform: Platform, steps: Steps) -> None:
    """Load both demo shops and keep their ids and keys for `status`."""
    folder = platform.folder
    state = folder.read(folder.state)
    async with GatewayApi(state["CHAT_URL"], state["CHAT_ADMIN_KEY"]) as api:
        seeder = Seeder(api, state["CHAT_URL"])
        with steps.step("Demo shops Acme Outdoor and Globex") as step:
            for demo, prefix in ((ACME, "CHAT"), (GLOBEX, "CHAT_OTHER")):
                tenant_id = await seeder.tenant(demo)
                if state.get(f"{prefix}_TENANT_ID") != tenant_id:
                    state[f"{prefix}_TENANT_ID"] = tenant_id
                    state[f"{prefix}_TENANT_KEY"] = await seeder.key(tenant_id)
                channels = await seeder.channels(tenant_id, demo)
                state[f"{prefix}_WIDGET_KEY"] = channels["webchat"]["external_id"]
                if demo is ACME:
                    state["CHAT_WHATSAPP_PHONE_NUMBER_ID"] = channels["whatsapp"]["external_id"]
                    state["CHAT_MESSENGER_PAGE_ID"] = channels["messenger"]["external_id"]
                folder.write(folder.state, state)
            step.result = "with WhatsApp, Messenger and web chat"
        with steps.step("Documents") as step:
            for demo, prefix in ((ACME, "CHAT"), (GLOBEX, "CHAT_OTHER")):
                tenant_id = state[f"{prefix}_TENANT_ID"]
                ids = await seeder.documents(tenant_id, demo)
                await seeder.wait_searchable(tenant_id, ids, step.count)
            step.result = "searchable"
    await show_demo_page(platform, str(state["CHAT_WIDGET_KEY"]))


async def show_demo_page(platform: Platform, widget_key: str) -> None:
    """Tell the gateway which widget its demo page shows; it is started anew when that changed."""
    folder = platform.folder
    planned = platform.planned(widget_key)
    if planned == load_plan(folder):
        return
    gateway = next(process for process in planned if process.name == "gateway")
    before = gateway.record(folder)
    save_plan(folder, planned)
    if before is not None:
        await asyncio.to_thread(before.wait, READY_SECONDS)
    await wait_ready(folder, [gateway], READY_SECONDS)


async def ask_once(platform: Platform, console: Console, question: str) -> None:
    """Ask one question as a visitor of the demo page would, and print what comes back."""
    state = platform.folder.read(platform.folder.state)
    client = WidgetClient(state["CHAT_URL"], state["CHAT_WIDGET_KEY"])
    await print_answer(console, client, question)
