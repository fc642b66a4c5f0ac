"""The whole platform under a test's control: own servers, seven processes, two simulators.

What `chatctl up` starts, without its supervisor: a process that a test kills stays dead until the
test starts it again. What the outside saw is read from the simulators, never from our databases.
"""

import asyncio
import hashlib
import hmac
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from chatctl.addresses import Addresses
from chatctl.environment import Environment, ground
from chatctl.gateway_api import GatewayApi
from chatctl.generated_secrets import Secrets, names
from chatctl.provisioning import migrate_all, provide_broker, provide_databases
from chatctl.run_folder import RunFolder
from chatctl.services import SERVICES
from embedded import ServerSet, ServerUrls
from embedded.ports import kept_port
from testkit import ProcessHarness, ServiceProcess, eventually

READY_SECONDS = 90.0
GRAPH_PATH = "/v23.0"


class WholePlatform:
    """Servers, services and simulators in one folder."""

    def __init__(self, folder: Path, *, durable: bool = False, **settings: str) -> None:
        self.folder = RunFolder(folder)
        self.servers = ServerSet(self.folder.servers, durable=durable)
        self.secrets = Secrets(self.folder)
        self.addresses = Addresses(self.folder)
        # Not the usual port: a platform of `make up` may run beside the tests.
        kept_port(self.folder.path / "ports" / "gateway.port")
        self.processes = ProcessHarness(self.folder.logs)
        self.settings = settings
        self._urls: ServerUrls | None = None
        self._simulators: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        """The gateway."""
        return self.addresses.url("gateway")

    @property
    def meta_url(self) -> str:
        """The Meta simulator."""
        return self.addresses.url("meta-simulator")

    @property
    def providers_url(self) -> str:
        """The model providers' simulator."""
        return self.addresses.url("provider-simulator")

    @property
    def admin_key(self) -> str:
        """The platform's admin key."""
        return self.secrets["admin-key"]

    def start(self) -> "WholePlatform":
        """Start everything and wait until each process is ready."""
        self._urls = self.servers.start()
        asyncio.run(provide_databases(self._urls, self.secrets))
        provide_broker(self._urls, self.secrets)
        for name in names():
            self.secrets[name]
        self.environment = Environment(self.folder, self._urls, self.secrets, self.addresses)
        migrate_all(self.environment)
        self._start_simulators()
        for service in SERVICES:
            self.start_service(service.name)
        self.processes.wait_ready(READY_SECONDS)
        return self

    def start_service(self, name: str, *, as_name: str = "", **extra: str) -> ServiceProcess:
        """Start one service's process; a second of the same kind needs `as_name`."""
        service = next(service for service in SERVICES if service.name == name)
        environment = {**self.environment.of(service), **self.settings}
        return self.processes.spawn(service.module, environment, name=as_name, **extra)

    def service(self, name: str) -> ServiceProcess:
        """A running service."""
        return self.processes[name.replace("-", "_")]

    def revive(self, name: str, **extra: str) -> ServiceProcess:
        """Start a service that is dead (or kill and start it), and wait until it is ready."""
        return self.service(name).restart(**extra)

    def stop(self) -> None:
        """End every process and server, and delete the servers' data."""
        self.processes.close()
        for process in self._simulators:
            process.terminate()
            process.wait(10)
        self.servers.forget()

    def _start_simulators(self) -> None:
        webhooks = f"{self.url}/webhooks"
        commands = (
            [
                "meta",
                "--listen", self.addresses.listen("meta-simulator"),
                "--webhook-url", f"{webhooks}/whatsapp",
                "--messenger-webhook-url", f"{webhooks}/messenger",
                "--app-secret", self.secrets["whatsapp-secret"],
                "--messenger-app-secret", self.secrets["messenger-secret"],
            ],
            ["providers", "--listen", self.addresses.listen("provider-simulator")],
        )  # fmt: skip
        self.folder.logs.mkdir(parents=True, exist_ok=True)
        for command in commands:
            with (self.folder.logs / f"{command[0]}.log").open("ab") as log:
                self._simulators.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "simulators", *command],
                        env=ground(),
                        stdout=log,
                        stderr=log,
                    )
                )
        for url in (self.meta_url, self.providers_url):
            eventually(lambda url=url: answers(f"{url}/_sim/health"), f"{url} up")

    # What a test does and sees from outside.

    def api(self, key: str = "") -> GatewayApi:
        """The REST API, as admin unless a key is given."""
        return GatewayApi(self.url, key or self.admin_key)

    def shop(self, documents: dict[str, str] | None = None, **settings: Any) -> "Shop":
        """Make a tenant with a WhatsApp number, a page, a widget, and searchable documents."""
        return asyncio.run(_make_shop(self, documents or {}, settings))

    def post_webhook(
        self, body: bytes, *, platform: str = "whatsapp", timeout_seconds: float = 15.0
    ) -> int:
        """POST a signed body as Meta does; the status, or 0 when no answer was read."""
        secret = self.secrets[f"{platform}-secret"].encode()
        signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
        request = urllib.request.Request(
            f"{self.url}/webhooks/{platform}",
            data=body,
            headers={
                "Content-Type": "application/json",
                "X-Hub-Signature-256": f"sha256={signature}",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout_seconds) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return int(error.code)
        except OSError:
            return 0

    def sends(self) -> list[dict[str, Any]]:
        """Every send that the Meta simulator accepted, oldest first."""
        found: list[dict[str, Any]] = self.simulator(self.meta_url, "sends")["sends"]
        return found

    def simulator(self, url: str, what: str, body: Any = None) -> Any:
        """GET or POST a control address of a simulator."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{url}/_sim/{what}", data=data)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"{}")


class Shop:
    """A tenant of a test, and what its customers do."""

    def __init__(
        self, platform: WholePlatform, tenant_id: str, key: str, channels: dict[str, Any]
    ) -> None:
        self.platform = platform
        self.tenant_id = tenant_id
        self.key = key
        self.channels = channels

    @property
    def phone_number_id(self) -> str:
        """Its WhatsApp number."""
        return str(self.channels["whatsapp"]["external_id"])

    @property
    def api(self) -> GatewayApi:
        """The REST API under its own key."""
        return self.platform.api(self.key)

    def body(self, *messages: dict[str, Any]) -> bytes:
        """A WhatsApp webhook body with these messages."""
        value = {
            "messaging_product": "whatsapp",
            "metadata": {
                "display_phone_number": "385910000000",
                "phone_number_id": self.phone_number_id,
            },
            "contacts": [
                {"profile": {"name": "Test"}, "wa_id": sender}
                for sender in dict.fromkeys(message["from"] for message in messages)
            ],
            "messages": list(messages),
        }
        change = {"field": "messages", "value": value}
        entry = {"id": "102290129340398", "changes": [change]}
        return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()

    def say(self, customer: str, text: str, *, wamid: str = "") -> tuple[str, int]:
        """A customer writes; answers with the message's id and the webhook's status."""
        message = text_message(customer, text, wamid)
        return message["id"], self.platform.post_webhook(self.body(message))

    def replies_to(self, customer: str) -> list[str]:
        """Texts that this customer received, oldest first."""
        return [
            send["text"]
            for send in self.platform.sends()
            if send["recipient"] == customer and send.get("sender") == self.phone_number_id
        ]

    def wait_reply(self, customer: str, count: int = 1, timeout_seconds: float = 30.0) -> list[str]:
        """Wait until the customer received `count` texts."""

        def enough() -> list[str]:
            found = self.replies_to(customer)
            return found if len(found) >= count else []

        return eventually(enough, f"{count} replies to {customer}", timeout_seconds)

    async def upload(self, file_name: str, data: bytes, content_type: str) -> dict[str, Any]:
        """Upload a document and wait until it is ready or failed."""
        path = f"/api/tenants/{self.tenant_id}/documents"
        async with self.api as api:
            made = await api.upload(path, file_name, data, content_type)
            deadline = time.monotonic() + 60
            while made["stage"] not in {"ready", "failed"}:
                assert time.monotonic() < deadline, made
                await asyncio.sleep(0.1)
                made = await api.get(f"{path}/{made['document_id']}")
        return dict(made)


def text_message(customer: str, text: str, wamid: str = "") -> dict[str, Any]:
    """One text of a WhatsApp body."""
    return {
        "from": customer,
        "id": wamid or f"wamid.{uuid4().hex}",
        "timestamp": str(int(time.time())),
        "type": "text",
        "text": {"body": text},
    }


def customer_number() -> str:
    """A phone number nobody else in the run has."""
    return f"3859{uuid4().int % 10**9:09d}"


def answers(url: str) -> bool:
    """Whether a GET is answered 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


async def _make_shop(
    platform: WholePlatform, documents: dict[str, str], settings: dict[str, Any]
) -> Shop:
    mark = uuid4().hex[:10]
    # Whoever tests bursts says so: elsewhere nothing is waited for.
    settings = {"coalesce_milliseconds": 0, **settings}
    async with platform.api() as api:
        tenant = await api.post(
            "/api/tenants",
            {"slug": f"shop-{mark}", "name": f"Shop {mark}", "settings": settings},
        )
        tenant_id = tenant["tenant_id"]
        key = (await api.post(f"/api/tenants/{tenant_id}/keys", {"name": "test"}))["key"]
        channels = {}
        for body in _channels(mark):
            made = await api.post(f"/api/tenants/{tenant_id}/channels", body)
            channels[made["channel_type"]] = made
    shop = Shop(platform, tenant_id, key, channels)
    for file_name, text in documents.items():
        document = await shop.upload(file_name, text.encode(), "text/markdown")
        assert document["stage"] == "ready", document
    return shop


def _channels(mark: str) -> Iterator[dict[str, Any]]:
    token = {"access_token": "simulated-access-token"}
    number = str(int(mark, 16))
    yield {
        "channel_type": "whatsapp",
        "name": "WhatsApp",
        "external_id": f"1{number}",
        "credentials": token,
    }
    yield {
        "channel_type": "messenger",
        "name": "Messenger",
        "external_id": f"2{number}",
        "credentials": token,
    }
    yield {
        "channel_type": "webchat",
        "name": "Website",
        "settings": {"title": "Test", "allowed_origins": ["http://127.0.0.1"]},
    }


@contextmanager
def whole_platform(folder: Path, **settings: str) -> Iterator[WholePlatform]:
    """A running platform for as long as the block lasts."""
    platform = WholePlatform(folder, **settings)
    try:
        yield platform.start()
    finally:
        platform.stop()
