"""Gives the broker its vhosts, topology, users and rights, from the catalogue in `contracts`.

Run as a one-shot job before the services; running it again changes nothing but passwords.

- CHAT_RABBITMQ_MANAGEMENT_URL: http://admin:password@host:15672
- CHAT_BROKER_<SERVICE>: password of each service's user, for example CHAT_BROKER_LLM_ROUTER
- CHAT_DEFINITIONS_PREFIX: put before every vhost and user, so that two platforms share a broker
"""

import base64
import copy
import hashlib
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from contracts.definitions import definitions

WAIT_SECONDS = 120.0
RETRY_SECONDS = 1.0
REQUEST_SECONDS = 30.0


def password_hash(password: str, salt: bytes) -> str:
    """Return the password in the form RabbitMQ keeps: salt and salted SHA-256, in base64."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def with_passwords(plain: Mapping[str, Any], passwords: Mapping[str, str]) -> dict[str, Any]:
    """Return the definitions with a password for every user; KeyError names a missing one."""
    full: dict[str, Any] = copy.deepcopy(dict(plain))
    for user in full["users"]:
        variable = "CHAT_BROKER_" + user["name"].replace("-", "_").upper()
        if not passwords.get(variable):
            raise KeyError(variable)
        user["password_hash"] = password_hash(passwords[variable], secrets.token_bytes(4))
        user["hashing_algorithm"] = "rabbit_password_hashing_sha256"
    return full


def with_prefix(full: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return the definitions with `prefix` before the name of every vhost and user."""
    named: dict[str, Any] = copy.deepcopy(dict(full))
    for entry in [*named["vhosts"], *named["users"]]:
        entry["name"] = prefix + entry["name"]
    for kind in ("permissions", "topic_permissions", "exchanges", "queues", "bindings"):
        for entry in named[kind]:
            entry["vhost"] = prefix + entry["vhost"]
            if "user" in entry:
                entry["user"] = prefix + entry["user"]
    return named


def send(management_url: str, wanted: Mapping[str, Any]) -> None:
    """Import the definitions, once the management address answers."""
    parts = urlsplit(management_url)
    account = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    host = parts.netloc.rpartition("@")[2]
    request = urllib.request.Request(  # noqa: S310 - the address is our own broker's
        urlunsplit((parts.scheme, host, "/api/definitions", "", "")),
        data=json.dumps(wanted).encode(),
        method="POST",
        headers={
            "content-type": "application/json",
            "authorization": "Basic " + base64.b64encode(account.encode()).decode(),
        },
    )
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            urllib.request.urlopen(request, timeout=REQUEST_SECONDS).close()  # noqa: S310
        except urllib.error.HTTPError as refusal:
            raise SystemExit(f"refused: {refusal.code} {refusal.read().decode()}") from None
        except OSError as error:
            if time.monotonic() > deadline:
                raise SystemExit(f"no answer: {error}") from None
            time.sleep(RETRY_SECONDS)
        else:
            return


def main() -> int:
    """Import what the environment describes."""
    try:
        full = with_passwords(definitions(), os.environ)
    except KeyError as missing:
        raise SystemExit(
            f"{missing.args[0]}: the password of this broker user is missing"
        ) from None
    named = with_prefix(full, os.environ.get("CHAT_DEFINITIONS_PREFIX", ""))
    send(os.environ["CHAT_RABBITMQ_MANAGEMENT_URL"], named)
    sys.stdout.write(f"{len(named['users'])} users, {len(named['queues'])} queues\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
