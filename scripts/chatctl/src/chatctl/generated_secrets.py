"""Secrets that nobody has to think of: made at the first start, kept in the run folder."""

from __future__ import annotations

import base64
import secrets
import threading

from chatctl.run_folder import RunFolder
from contracts.naming import SERVICES


class Secrets:
    """`secrets["admin-key"]`; a name that is new gets a value that is kept from then on."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._held: dict[str, str] = {
            str(k): str(v) for k, v in folder.read(folder.secrets).items()
        }

    def __getitem__(self, name: str) -> str:
        with self._lock:  # migrations ask from several threads
            if name not in self._held:
                self._held[name] = _made(name)
                self._folder.write(self._folder.secrets, dict(self._held))
            return self._held[name]


def names() -> list[str]:
    """Return every secret that a running platform needs."""
    shared = ["admin-key", "key-pepper", "jwt-secret", "master-keys"]
    meta = [f"{app}-{what}" for app in ("whatsapp", "messenger") for what in ("secret", "verify")]
    roles = [f"{kind}:{name}" for kind in ("owner", "app", "broker") for name in SERVICES]
    servers = ["postgres-password", "rabbitmq-password"]  # administrators, in containers
    return [*shared, *servers, *meta, *roles]


def _made(name: str) -> str:
    if name == "master-keys":
        return f"dev1:{base64.b64encode(secrets.token_bytes(32)).decode()}"
    if name == "admin-key":
        return f"chat_admin_{secrets.token_urlsafe(32)}"
    if name.endswith("-secret") and name != "jwt-secret":
        return secrets.token_hex(16)  # the form of a Meta app secret
    return secrets.token_urlsafe(32)
