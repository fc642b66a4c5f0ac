"""Other people's libraries accept our signatures."""

import base64
import json
import os
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from sealing import ContextMismatch, KeyRing
from webhook_dispatcher.signing import (
    hint_of,
    new_secret,
    seal_secret,
    signed_headers,
    unseal_secret,
)

BODY = json.dumps({"text": "grüße 🎉 / \\u0041"}, ensure_ascii=False)


def now() -> datetime:
    return datetime.now(UTC)


def test_standard_webhooks_verifies() -> None:
    secret, event_id = new_secret(), uuid4()
    headers = signed_headers([secret], event_id, BODY, now())
    assert headers["webhook-id"] == str(event_id)
    assert Webhook(secret).verify(BODY.encode(), headers) == json.loads(BODY)


def test_the_fixed_vector_of_the_specification() -> None:
    headers = signed_headers(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        uuid4(),
        '{"test": 2432232314}',
        datetime.fromtimestamp(1614265330, UTC),
    )
    signed = f"{headers['webhook-id']}.1614265330." + '{"test": 2432232314}'
    import hashlib
    import hmac

    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    expected = base64.b64encode(hmac.new(key, signed.encode(), hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_both_secrets_verify_during_a_rotation() -> None:
    old, new = new_secret(), new_secret()
    headers = signed_headers([new, old], uuid4(), BODY, now())
    Webhook(old).verify(BODY, headers)
    Webhook(new).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, headers)


@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp"])
def test_a_changed_header_or_body_is_noticed(header: str) -> None:
    secret = new_secret()
    headers = signed_headers([secret], uuid4(), BODY, now())
    changed = {**headers, header: str(int(now().timestamp()) - 1)}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, changed)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + " ", headers)


def test_an_old_timestamp_is_refused_by_the_receiver() -> None:
    secret = new_secret()
    headers = signed_headers([secret], uuid4(), BODY, now() - timedelta(minutes=6))
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers)


def test_secrets_are_long_distinct_and_hinted() -> None:
    secret = new_secret()
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert secret != new_secret()
    assert len(hint_of(secret)) == 4
    assert hint_of(secret) in secret


def test_a_sealed_secret_belongs_to_its_endpoint() -> None:
    ring = KeyRing({"k1": os.urandom(32)})
    tenant_id, endpoint_id = uuid4(), uuid4()
    sealed = seal_secret(ring, "whsec_x", tenant_id, endpoint_id)
    assert unseal_secret(ring, sealed, tenant_id, endpoint_id) == "whsec_x"
    with pytest.raises(ContextMismatch):
        unseal_secret(ring, sealed, tenant_id, uuid4())
