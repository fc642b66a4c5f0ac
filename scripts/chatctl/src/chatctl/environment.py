"""Which environment variables each process gets: its own, and no secret it has no use for."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from urllib.parse import quote, urlsplit, urlunsplit

from chatctl.addresses import Addresses
from chatctl.generated_secrets import Secrets
from chatctl.run_folder import SOURCE_ROOT, RunFolder
from chatctl.services import SERVICES, Service
from contracts.definitions import INTERNAL, PUBLIC
from embedded import ServerUrls, url_for

GRAPH_VERSION = "v23.0"

# What may be given by the person who starts, for example CHAT_OPENAI_API_KEY.
FROM_OUTSIDE = (
    "CHAT_LOG_LEVEL", "CHAT_OTLP_ENDPOINT", "CHAT_TRACE_SAMPLE_RATIO", "CHAT_FAILPOINTS",
    "CHAT_META_GRAPH_URL", "CHAT_META_GRAPH_VERSION", "CHAT_WEBHOOK_ALLOW_PRIVATE_NETWORKS",
    "CHAT_WEB_ALLOW_PRIVATE_NETWORKS", "CHAT_TOOLS_ALLOW_PRIVATE_NETWORKS", "CHAT_MCP_COMMANDS",
    "CHAT_OPENAI_BASE_URL", "CHAT_ANTHROPIC_BASE_URL", "CHAT_OLLAMA_BASE_URL",
    "CHAT_OPENAI_API_KEY", "CHAT_ANTHROPIC_API_KEY",
    "CHAT_LLM_MODEL", "CHAT_LLM_FALLBACK_MODELS", "CHAT_EMBEDDING_MODEL",
    "CHAT_LLM_TRANSCRIPTION_MODEL",
)  # fmt: skip
USES = {
    "gateway": (
        "CHAT_PUBLIC_URL", "CHAT_REDIS_URL", "CHAT_ADMIN_KEY", "CHAT_KEY_PEPPER",
        "CHAT_JWT_SECRET", "CHAT_MASTER_KEYS", "CHAT_BLOB_URL", "CHAT_WHATSAPP_APP_SECRET",
        "CHAT_WHATSAPP_VERIFY_TOKEN", "CHAT_MESSENGER_APP_SECRET", "CHAT_MESSENGER_VERIFY_TOKEN",
        "CHAT_DEMO_CHANNEL_KEY",
    ),
    "channel-ingress": (
        "CHAT_META_GRAPH_URL", "CHAT_META_GRAPH_VERSION", "CHAT_MASTER_KEYS", "CHAT_BLOB_URL",
    ),
    "orchestrator": (
        "CHAT_MASTER_KEYS", "CHAT_EVENTS_AMQP_URL", "CHAT_TOOLS_ALLOW_PRIVATE_NETWORKS",
        "CHAT_MCP_COMMANDS",
    ),
    "rag-indexer": ("CHAT_BLOB_URL", "CHAT_WEB_ALLOW_PRIVATE_NETWORKS"),
    "retriever": (),
    "llm-router": (
        "CHAT_OPENAI_BASE_URL", "CHAT_ANTHROPIC_BASE_URL", "CHAT_OLLAMA_BASE_URL",
        "CHAT_OPENAI_API_KEY", "CHAT_ANTHROPIC_API_KEY", "CHAT_LLM_MODEL",
        "CHAT_LLM_FALLBACK_MODELS", "CHAT_EMBEDDING_MODEL", "CHAT_LLM_TRANSCRIPTION_MODEL",
        "CHAT_MASTER_KEYS", "CHAT_BLOB_URL",
    ),
    "webhook-dispatcher": (
        "CHAT_EVENTS_AMQP_URL", "CHAT_MASTER_KEYS", "CHAT_WEBHOOK_ALLOW_PRIVATE_NETWORKS",
    ),
}  # fmt: skip
# Every process of ours: one thread for numbers, no byte-code lost, no home page called.
ALWAYS = {"OMP_NUM_THREADS": "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONUNBUFFERED": "1"}
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")


def with_account(url: str, user: str, password: str, path: str) -> str:
    """Return the same server's address, as another user and with another path."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    account = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return urlunsplit((parts.scheme, f"{account}@{host}", f"/{path}", "", ""))


def on_path(url: str, path: str) -> str:
    """Return the same address with another path."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, f"/{path}", "", ""))


class Environment:
    """Builds the variables of every process from the servers, the secrets and the ports."""

    def __init__(
        self, folder: RunFolder, urls: ServerUrls, secrets: Secrets, addresses: Addresses
    ) -> None:
        self.folder = folder
        self.urls = urls
        self.secrets = secrets
        self.addresses = addresses

    def shared(self) -> dict[str, str]:
        """Return the variables that more than one process may use."""
        secrets = self.secrets
        simulated = self.addresses.url("provider-simulator")
        made = {
            "CHAT_PUBLIC_URL": self.addresses.url("gateway"),
            "CHAT_REDIS_URL": self.urls.redis,
            "CHAT_ADMIN_KEY": secrets["admin-key"],
            "CHAT_KEY_PEPPER": secrets["key-pepper"],
            "CHAT_JWT_SECRET": secrets["jwt-secret"],
            "CHAT_MASTER_KEYS": secrets["master-keys"],
            "CHAT_BLOB_URL": self.folder.blobs.as_uri(),
            "CHAT_WHATSAPP_APP_SECRET": secrets["whatsapp-secret"],
            "CHAT_WHATSAPP_VERIFY_TOKEN": secrets["whatsapp-verify"],
            "CHAT_MESSENGER_APP_SECRET": secrets["messenger-secret"],
            "CHAT_MESSENGER_VERIFY_TOKEN": secrets["messenger-verify"],
            "CHAT_META_GRAPH_URL": self.addresses.url("meta-simulator"),
            "CHAT_META_GRAPH_VERSION": GRAPH_VERSION,
            "CHAT_WEBHOOK_ALLOW_PRIVATE_NETWORKS": "true",
            "CHAT_WEB_ALLOW_PRIVATE_NETWORKS": "true",
            "CHAT_TOOLS_ALLOW_PRIVATE_NETWORKS": "true",
        }
        if not os.environ.get("CHAT_OPENAI_API_KEY"):
            made |= {"CHAT_OPENAI_BASE_URL": f"{simulated}/v1", "CHAT_OPENAI_API_KEY": "simulated"}
        if not os.environ.get("CHAT_ANTHROPIC_API_KEY"):
            made |= {"CHAT_ANTHROPIC_BASE_URL": simulated, "CHAT_ANTHROPIC_API_KEY": "simulated"}
        made["CHAT_OLLAMA_BASE_URL"] = simulated
        outside = {name: os.environ[name] for name in FROM_OUTSIDE if os.environ.get(name)}
        overrides = {k: str(v) for k, v in self.folder.read(self.folder.overrides).items()}
        return made | outside | overrides

    def of(self, service: Service) -> dict[str, str]:
        """Return what one service's process gets."""
        shared = self.shared()
        shared["CHAT_EVENTS_AMQP_URL"] = self.broker_url(service, PUBLIC)
        own = {
            f"{service.prefix}_DATABASE_URL": self.database_url(service),
            f"{service.prefix}_AMQP_URL": self.broker_url(service, INTERNAL),
            f"{service.prefix}_ADMIN_LISTEN": self.addresses.listen(f"{service.name}-admin"),
            "CHAT_BUILD": revision(),
        }
        if service.name == "gateway":
            own["CHAT_GATEWAY_LISTEN"] = self.addresses.listen("gateway")
        always = ("CHAT_LOG_LEVEL", "CHAT_OTLP_ENDPOINT", "CHAT_TRACE_SAMPLE_RATIO",
                  "CHAT_FAILPOINTS")  # fmt: skip
        used = {n: shared[n] for n in (*USES[service.name], *always) if n in shared}
        return {**ground(), **used, **own}

    def for_migration(self, service: Service) -> dict[str, str]:
        """Return the same, with the owner's role."""
        owner = url_for(
            self.urls.postgres,
            service.owner_role,
            self.secrets[f"owner:{service.name}"],
            service.database,
        )
        return {**self.of(service), f"{service.prefix}_OWNER_DATABASE_URL": owner}

    def database_url(self, service: Service) -> str:
        """Return its database's address as the app role."""
        password = self.secrets[f"app:{service.name}"]
        return url_for(self.urls.postgres, service.app_role, password, service.database)

    def broker_url(self, service: Service, vhost: str) -> str:
        """Return the broker's address as the service's own user."""
        password = self.secrets[f"broker:{service.name}"]
        return with_account(self.urls.amqp, service.name, password, vhost)

    def outside_view(self) -> dict[str, str]:
        """Return the addresses and secrets that scripts may use, without what seeding makes."""
        shared = self.shared()
        names = (
            "CHAT_ADMIN_KEY", "CHAT_WHATSAPP_APP_SECRET", "CHAT_WHATSAPP_VERIFY_TOKEN",
            "CHAT_MESSENGER_APP_SECRET", "CHAT_MESSENGER_VERIFY_TOKEN", "CHAT_META_GRAPH_URL",
            "CHAT_REDIS_URL",
        )  # fmt: skip
        view = {"CHAT_URL": self.addresses.url("gateway"), **{n: shared[n] for n in names}}
        view["CHAT_AMQP_URL"] = on_path(self.urls.amqp, INTERNAL)
        view["CHAT_EVENTS_AMQP_URL"] = on_path(self.urls.amqp, PUBLIC)
        view["CHAT_RABBITMQ_MANAGEMENT_URL"] = self.urls.management
        view["CHAT_PROVIDERS_URL"] = self.addresses.url("provider-simulator")
        for service in SERVICES:
            view[f"{service.prefix}_DATABASE_URL"] = self.database_url(service)
            view[f"{service.prefix}_ADMIN_URL"] = self.addresses.url(f"{service.name}-admin")
        return view


def ground() -> dict[str, str]:
    """Return what every process inherits from ours: little, so that a plan stays the same."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name in INHERITED or name.lower().endswith("_proxy")
    }
    return {**inherited, **ALWAYS}


@cache
def revision() -> str:
    """Return the commit of these sources, `-dirty` if more was changed; `unknown` without git."""
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=SOURCE_ROOT, capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return said.stdout.strip() or "unknown"
