"""`chatctl up`: from nothing to a cited answer."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from chatctl.answers import print_answer
from chatctl.compose_mode import MODE, ComposePlatform
from chatctl.gateway_api import GatewayApi
from chatctl.local_platform import Platform
from chatctl.overview import print_overview
from chatctl.plan import PlannedProcess, load_plan, save_plan
from chatctl.provisioning import migrate_all, provide_broker, provide_databases
from chatctl.readiness import wait_ready
from chatctl.run_folder import RunFolder
from chatctl.seed_corpus import ACME, GLOBEX, QUESTION, DemoTenant
from chatctl.seeding import Seeder
from chatctl.steps import Steps
from chatctl.widget_build import build_widget, widget_is_current
from chatctl.widget_client import WidgetClient

READY_SECONDS = 90.0
SHOPS = ((ACME, "CHAT"), (GLOBEX, "CHAT_OTHER"))
# Set when the demo documents were loaded once: what somebody deletes later stays deleted.
LOADED = "CHAT_DEMO_LOADED"


@dataclass(frozen=True)
class Wishes:
    """What `up` was asked to do beside starting."""

    demo: bool = True
    question: str = QUESTION
    widget: bool = True


def bring_up(console: Console, wishes: Wishes) -> None:
    """Start everything in the run folder; each step can be done again without harm."""
    folder = RunFolder.default()
    folder.make()
    platform = Platform(folder)
    steps = Steps(console)
    start_platform(platform, steps, widget=wishes.widget)
    if wishes.demo:
        widget_key = asyncio.run(seed(folder, steps))
        asyncio.run(show_demo_page(platform, widget_key))
        asyncio.run(ask_once(folder, console, wishes.question))
    print_overview(console, folder, steps.total_seconds())


def bring_up_containers(console: Console, wishes: Wishes) -> None:
    """Do the same with compose: the images bring the widget and migrate by themselves."""
    folder = RunFolder.default()
    folder.make()
    platform = ComposePlatform(folder)
    steps = Steps(console)
    state = folder.read(folder.state)
    console.print("Containers: servers, seven services and the simulators")
    platform.start(str(state.get("CHAT_WIDGET_KEY", "")))
    folder.write(
        folder.state, {**state, **platform.environment().outside_view(), "CHAT_MODE": MODE}
    )
    if wishes.demo:
        widget_key = asyncio.run(seed(folder, steps))
        if widget_key != state.get("CHAT_WIDGET_KEY"):
            platform.start(widget_key)
        asyncio.run(ask_once(folder, console, wishes.question))
    print_overview(console, folder, steps.total_seconds())


def start_platform(platform: Platform, steps: Steps, *, widget: bool = True) -> None:
    """Start servers, databases, broker, migrations and processes, and wait for all of them."""
    folder = platform.folder
    with ThreadPoolExecutor(1) as beside:  # npm mostly waits for the network
        building = widget and not widget_is_current(folder)
        built = beside.submit(build_widget, folder) if building else None
        _start_servers(platform, steps)
        if built is not None:
            with steps.step("Chat widget, built by npm"):
                built.result()
    state = folder.read(folder.state)
    with steps.step("Seven services and the simulators") as step:
        planned = platform.planned(str(state.get("CHAT_WIDGET_KEY", "")))
        run_plan(platform, planned)
        asyncio.run(wait_ready(folder, planned, READY_SECONDS, step.count))
        step.result = f"{len(planned)} processes ready"
    folder.write(folder.state, {**state, **platform.environment().outside_view()})


def _start_servers(platform: Platform, steps: Steps) -> None:
    with steps.step("PostgreSQL, RabbitMQ and Redis") as step:
        urls = platform.start_servers()
        step.result = "embedded, on loopback ports"
    with steps.step("Databases, roles, queues and rights"):
        asyncio.run(provide_databases(urls, platform.secrets))
        provide_broker(urls, platform.secrets)
    with steps.step("Migrations") as step:
        done = migrate_all(platform.environment())
        step.result = ", ".join(done) or "nothing new"


def run_plan(platform: Platform, planned: list[PlannedProcess]) -> None:
    """Give the supervisor this plan; what runs under another one is started anew."""
    save_plan(platform.folder, planned)
    platform.start_supervisor()


async def seed(folder: RunFolder, steps: Steps) -> str:
    """Load both demo shops, keep their ids and keys for `status`, return the first's widget key."""
    state = folder.read(folder.state)
    async with GatewayApi(state["CHAT_URL"], state["CHAT_ADMIN_KEY"]) as api:
        seeder = Seeder(api, state["CHAT_URL"])
        with steps.step("Demo shops Acme Outdoor and Globex") as step:
            for demo, prefix in SHOPS:
                await _seed_tenant(seeder, demo, prefix, state)
                folder.write(folder.state, state)
            step.result = "with WhatsApp, Messenger and web chat"
        if not state.get(LOADED):
            with steps.step("Documents") as step:
                for demo, prefix in SHOPS:
                    tenant_id = state[f"{prefix}_TENANT_ID"]
                    ids = await seeder.documents(tenant_id, demo)
                    await seeder.wait_searchable(tenant_id, ids, step.count)
                step.result = "read, embedded and searchable"
            state[LOADED] = True
            folder.write(folder.state, state)
    return str(state["CHAT_WIDGET_KEY"])


async def _seed_tenant(
    seeder: Seeder, demo: DemoTenant, prefix: str, state: dict[str, Any]
) -> None:
    """Create one shop with its key and channels where they are missing, and note them."""
    tenant_id = await seeder.tenant(demo)
    if state.get(f"{prefix}_TENANT_ID") != tenant_id:
        state[f"{prefix}_TENANT_ID"] = tenant_id
        state[f"{prefix}_TENANT_KEY"] = await seeder.key(tenant_id)
        state.pop(LOADED, None)
    channels = await seeder.channels(tenant_id, demo)
    state[f"{prefix}_WIDGET_KEY"] = channels["webchat"]["external_id"]
    if demo is ACME:
        state["CHAT_WHATSAPP_PHONE_NUMBER_ID"] = channels["whatsapp"]["external_id"]
        state["CHAT_MESSENGER_PAGE_ID"] = channels["messenger"]["external_id"]


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


async def ask_once(folder: RunFolder, console: Console, question: str) -> None:
    """Ask one question as a visitor of the demo page would, and print what comes back."""
    state = folder.read(folder.state)
    client = WidgetClient(state["CHAT_URL"], state["CHAT_WIDGET_KEY"])
    await print_answer(console, client, question)
