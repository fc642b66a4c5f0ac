"""RabbitMQ's management API: vhosts, users, permissions and definitions."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, unquote, urlsplit

TIMEOUT_SECONDS = 20.0
READY_SECONDS = 60.0


class BrokerAdministrationError(RuntimeError):
    """The management API refused something; the message holds its answer."""


class BrokerAdministration:
    """A client of one broker's management API; `url` carries user and password."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.hostname}:{parts.port or 15672}"
        self.user = unquote(parts.username or "guest")
        pair = f"{self.user}:{unquote(parts.password or 'guest')}"
        self._authorization = "Basic " + base64.b64encode(pair.encode()).decode()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and return the decoded answer, None when it has no body."""
        request = urllib.request.Request(  # noqa: S310 - the address is our own server's
            f"{self._origin}/api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": self._authorization, "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                text = answer.read()
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")[:500]
            raise BrokerAdministrationError(f"{method} {path}: {error.code} {said}") from error
        except OSError as error:
            raise BrokerAdministrationError(f"{method} {path}: {error}") from error
        return json.loads(text) if text else None

    def wait_ready(self) -> None:
        """Wait until the API answers; it opens a moment after AMQP does."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                self.call("GET", "whoami")
            except BrokerAdministrationError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def create_vhost(self, vhost: str) -> None:
        """Create a vhost and give ourselves everything in it."""
        self.call("PUT", f"vhosts/{quote(vhost, safe='')}", {"default_queue_type": "quorum"})
        self.permit(vhost, self.user)

    def delete_vhost(self, vhost: str) -> None:
        """Delete a vhost with all that is in it."""
        self.call("DELETE", f"vhosts/{quote(vhost, safe='')}")

    def create_user(self, name: str, password: str, tags: str = "") -> None:
        """Create a user, or give an existing one this password and these tags."""
        self.call("PUT", f"users/{quote(name, safe='')}", {"password": password, "tags": tags})

    def permit(
        self, vhost: str, user: str, configure: str = ".*", write: str = ".*", read: str = ".*"
    ) -> None:
        """Set what a user may declare, publish to and consume from, as regular expressions."""
        self.call(
            "PUT",
            f"permissions/{quote(vhost, safe='')}/{quote(user, safe='')}",
            {"configure": configure, "write": write, "read": read},
        )

    def permit_topic(self, vhost: str, user: str, right: dict[str, str]) -> None:
        """Set under which routing keys a user may publish (`exchange`, `write`, `read`)."""
        place = f"topic-permissions/{quote(vhost, safe='')}/{quote(user, safe='')}"
        self.call("PUT", place, right)

    def import_definitions(self, definitions: dict[str, Any], vhost: str | None = None) -> None:
        """Apply a definitions file: to one vhost, or to the whole broker."""
        place = "definitions" if vhost is None else f"definitions/{quote(vhost, safe='')}"
        self.call("POST", place, definitions)

    def queues(self, vhost: str) -> list[dict[str, Any]]:
        """Return the vhost's queues; message counts lag by some seconds."""
        found: list[dict[str, Any]] = self.call("GET", f"queues/{quote(vhost, safe='')}")
        return found
