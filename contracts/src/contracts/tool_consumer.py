"""`python -m contracts.tool_consumer acme`: definitions for the server that answers acme's tools.

For `POST /api/definitions` of RabbitMQ's management; CHAT_TOOL_PASSWORD is the new user's password.
"""

import base64
import hashlib
import json
import os
import secrets
import sys

from contracts.definitions import tool_consumer


def main(slug: str, password: str) -> str:
    """Return the definitions as JSON, the password as RabbitMQ keeps it."""
    made = tool_consumer(slug)
    salt = secrets.token_bytes(4)
    digest = hashlib.sha256(salt + password.encode()).digest()
    for user in made["users"]:
        user["password_hash"] = base64.b64encode(salt + digest).decode()
        user["hashing_algorithm"] = "rabbit_password_hashing_sha256"
    return json.dumps(made, indent=2)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not os.environ.get("CHAT_TOOL_PASSWORD"):
        sys.exit("Give the tenant's slug, and the new user's password in CHAT_TOOL_PASSWORD.")
    sys.stdout.write(main(sys.argv[1], os.environ["CHAT_TOOL_PASSWORD"]) + "\n")
