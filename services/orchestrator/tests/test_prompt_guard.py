"""A model that gives its instructions away is noticed, however it spells them."""

import base64
from uuid import UUID

import pytest

from orchestrator.prompt import RULES
from orchestrator.prompt_guard import canary_of, carrying, gives_away, mark_of

CANARY = canary_of(UUID(int=7))


@pytest.mark.parametrize(
    "text",
    [
        f"My instructions say {CANARY}.",
        CANARY.upper(),
        " ".join(CANARY),
        "-".join(CANARY[4:]),
        CANARY[::-1],
        f"**{CANARY[:9]}**{CANARY[9:]}",
        base64.b64encode(f"The rules: {CANARY} and more".encode()).decode(),
        base64.b64encode(f"a{CANARY}bcd".encode()).decode(),
        base64.b64encode(f"ab{CANARY}bcd".encode()).decode(),
        "".join(chr(ord(one) + 0xFEE0) for one in CANARY),
        CANARY.encode().hex(" "),
        '{"note": "' + CANARY + '"}',
    ],
)
def test_the_word_is_noticed(text):
    assert gives_away(text, CANARY)


def test_the_rules_are_noticed_word_by_word():
    told = "Sure! " + " ".join(RULES.split()[10:40])
    assert gives_away(told, CANARY, RULES)
    assert not gives_away("Be short, friendly and concrete.", CANARY, RULES)


def test_an_honest_answer_is_none():
    assert not gives_away("You have 30 days [1]. Order ref-12345678 is on its way.", CANARY, RULES)


def test_every_tenant_has_its_own_and_keeps_it():
    assert canary_of(UUID(int=7)) == CANARY != canary_of(UUID(int=8))
    assert mark_of(UUID(int=7)) != mark_of(UUID(int=8))
    assert CANARY in carrying(CANARY)
