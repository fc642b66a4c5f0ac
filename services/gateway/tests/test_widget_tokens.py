import time
from uuid import uuid4

import jwt
import pytest

from gateway.widget import visitors
from gateway.widget.identity import Identity
from gateway.widget.tokens import InvalidToken, KnownVisitor, WidgetSession, WidgetTokens

TOKENS = WidgetTokens(b"secret", "https://chat.example")
TENANT, CHANNEL = uuid4(), uuid4()


def test_a_session_is_read_as_it_was_signed() -> None:
    session = TOKENS.read_session(TOKENS.session(TENANT, CHANNEL, "v", "https://a.example"))
    assert (session.tenant_id, session.channel_id) == (TENANT, CHANNEL)
    assert (session.visitor_id, session.origin) == ("v", "https://a.example")
    assert 890 < session.expires_at - time.time() <= 900


def test_a_visitor_stays_who_they_were_on_their_channel_only() -> None:
    token = TOKENS.visitor(CHANNEL, KnownVisitor("v"))
    assert TOKENS.read_visitor(CHANNEL, token) == KnownVisitor("v")
    with pytest.raises(InvalidToken):
        TOKENS.read_visitor(uuid4(), token)


def test_the_longest_identity_fits() -> None:
    identity = Identity("😀" * 200, "選" * 200, "😀" * 200)
    token = TOKENS.session(TENANT, CHANNEL, str(uuid4()), "https://" + "a" * 250, identity)
    assert TOKENS.read_session(token).identity == identity
    visitor = KnownVisitor(str(uuid4()), identity, "…abcd")
    assert TOKENS.read_visitor(CHANNEL, TOKENS.visitor(CHANNEL, visitor)) == visitor


def test_one_kind_of_token_never_passes_for_the_other() -> None:
    with pytest.raises(InvalidToken):
        TOKENS.read_session(TOKENS.visitor(CHANNEL, KnownVisitor("v")))
    with pytest.raises(InvalidToken):
        TOKENS.read_visitor(CHANNEL, TOKENS.session(TENANT, CHANNEL, "v", ""))


def changed(**claims: object) -> str:
    good = TOKENS.session(TENANT, CHANNEL, "v", "")
    payload = jwt.decode(good, options={"verify_signature": False}) | claims
    payload = {key: value for key, value in payload.items() if value is not None}
    return jwt.encode(payload, TOKENS._keys["widget"], "HS256")


def test_claims_that_are_wrong_or_missing() -> None:
    TOKENS.read_session(changed())
    for wrong in (
        {"exp": int(time.time()) - 1},
        {"exp": None},
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "visitor"},
        {"aud": None},
        {"tenant": "x"},
        {"channel": None},
        {"sub": None},
    ):
        with pytest.raises(InvalidToken):
            TOKENS.read_session(changed(**wrong))


@pytest.mark.parametrize("token", [None, 1, b"x", "", "a.b.c", "x" * 5000, {"token": "x"}])
def test_what_is_no_token(token: object) -> None:
    with pytest.raises(InvalidToken):
        TOKENS.read_session(token)


def test_another_algorithm_or_key_is_refused() -> None:
    good = TOKENS.session(TENANT, CHANNEL, "v", "")
    payload = jwt.decode(good, options={"verify_signature": False})
    key = TOKENS._keys["widget"]
    for forged in (
        jwt.encode(payload, None, algorithm="none"),
        jwt.encode(payload, key * 2, algorithm="HS512"),
        jwt.encode(payload, b"another key of thirty-two bytes!", algorithm="HS256"),
    ):
        with pytest.raises(InvalidToken):
            TOKENS.read_session(forged)


def test_a_signed_in_visitor_is_known_for_a_day() -> None:
    ana = KnownVisitor("v", Identity("4711", None, "Ana"), "…abcd")
    token = TOKENS.visitor(CHANNEL, ana)
    assert TOKENS.read_visitor(CHANNEL, token) == ana
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 24 * 3600
    session = TOKENS.read_session(TOKENS.session(TENANT, CHANNEL, "v", "", ana.identity))
    assert session.identity == ana.identity


def test_a_socket_speaks_at_its_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(visitors.time, "monotonic", lambda: now[0])
    session = WidgetSession(TENANT, CHANNEL, "v", "", 0)
    words, signs = (visitors.Bucket(filled_at=now[0]) for _ in range(2))
    socket = visitors.OpenSocket(session, words=words, signs=signs)
    assert [socket.may(socket.words) for _ in range(21)] == [True] * 20 + [False]
    assert socket.may(socket.signs)
    now[0] += 1
    assert [socket.may(socket.words) for _ in range(6)] == [True] * 5 + [False]
    for _ in range(50):
        assert not socket.may(socket.words)
    assert socket.is_abusive
