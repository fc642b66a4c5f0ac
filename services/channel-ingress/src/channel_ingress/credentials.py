"""Opens channels' sealed credentials; they stay sealed at rest."""

from __future__ import annotations

from collections import OrderedDict
from uuid import UUID

import orjson

from channel_ingress.store import SendingChannel
from sealing import KeyRing, SealingError

KEPT = 1_000


class CredentialsUnreadable(Exception):
    """The channel has no credentials, or none that this process can open."""


class Credentials:
    """Access tokens of channels; the last ones opened stay in memory."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._tokens: OrderedDict[tuple[UUID, int], str] = OrderedDict()

    def access_token(self, channel: SendingChannel) -> str:
        """The channel's token; CredentialsUnreadable says why there is none."""
        key = (channel.channel_id, channel.revision)
        token = self._tokens.get(key)
        if token is None:
            token = self._open(channel)
            self._tokens[key] = token
            if len(self._tokens) > KEPT:
                self._tokens.popitem(last=False)
        return token

    def _open(self, channel: SendingChannel) -> str:
        if channel.sealed_credentials is None:
            raise CredentialsUnreadable("the channel has no credentials")
        context = f"channel:{channel.tenant_id}:{channel.channel_id}"
        try:
            opened = orjson.loads(self._ring.unseal(channel.sealed_credentials, context))
        except (SealingError, orjson.JSONDecodeError) as error:
            raise CredentialsUnreadable(type(error).__name__) from error
        token = opened.get("access_token") if isinstance(opened, dict) else None
        if not isinstance(token, str) or not token:
            raise CredentialsUnreadable("the credentials hold no access_token")
        return token
