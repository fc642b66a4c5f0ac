"""Every code of Meta's and what is done about it, row by row."""

from __future__ import annotations

import pytest

from channel_ingress.action_table import ACTIONS, SUBCODES
from channel_ingress.domain import Failed, Parked, Refused, Retry, decide_outcome

HUNDRED = 100

TRIED_AGAIN = [
    (131056, "pair_rate_limited", [1, 4, 16, 64, 256]),
    (130429, "rate_limited", [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]),
    (131057, "number_upgrading", [60] * 10),
    *((code, "provider_trouble", [2**n for n in range(10)]) for code in (1, 2, 1200)),
    *((code, "provider_trouble", [2**n for n in range(10)]) for code in (131000, 131016)),
    (131052, "media_failed", [1, 2, 4]),
    (131053, "media_failed", [1, 2, 4]),
]
FINAL = [
    (131047, "window_closed"),
    (131026, "undeliverable"),
    (551, "undeliverable"),
    (131049, "withheld"),
    (130472, "withheld"),
    (131050, "opted_out"),
    (131051, "type_unsupported"),
    (100, "bad_request"),
    (131008, "bad_request"),
    (131009, "bad_request"),
    *((code, "template_refused") for code in (132000, 132001, 132005, 132007, 132012)),
    *((code, "template_refused") for code in (132015, 132016)),
    (424242, "provider_refused"),
    (-404, "provider_refused"),
]
PARKED = [
    (0, "token_invalid", "channel", None),
    (190, "token_invalid", "channel", None),
    *((code, "needs_permission", "channel", None) for code in (3, 10, 200, 250, 299)),
    *((code, "account_blocked", "channel", None) for code in (131031, 368, 130497)),
    *((code, "number_not_registered", "channel", None) for code in (131045, 133010)),
    (131048, "spam_limited", "bots", 3600.0),
    (4, "rate_limited", "app", 60.0),
    (80007, "rate_limited", "account", 60.0),
    (613, "rate_limited", "channel", 60.0),
    (-429, "rate_limited", "channel", 60.0),
]
SAID_BY_SUBCODE = [
    *((10, subcode, "window_closed") for subcode in (2018065, 2018278, 1893063)),
    (200, 1545041, "undeliverable"),
    (551, 1545041, "undeliverable"),
    (100, 2018001, "undeliverable"),
]


@pytest.mark.parametrize(("code", "ours", "pauses"), TRIED_AGAIN)
def test_tried_again_with_pauses_then_failed(code: int, ours: str, pauses: list[float]) -> None:
    seen, attempt = [], 1
    while isinstance(outcome := decide_outcome(Refused(400, code, "why"), attempt), Retry):
        seen.append(outcome.pause_seconds)
        attempt += 1
        assert attempt < HUNDRED
    assert seen == pauses
    assert isinstance(outcome, Failed)
    assert (outcome.action.code, outcome.provider_code) == (ours, code)


@pytest.mark.parametrize(("code", "ours"), FINAL)
def test_final_at_once_with_metas_words_and_request(code: int, ours: str) -> None:
    refused = Refused(400, code, "why", request_id="Abc123")
    outcome = decide_outcome(refused, 1)
    assert isinstance(outcome, Failed)
    assert (outcome.action.code, outcome.provider_code) == (ours, code)
    assert "why; request Abc123" in outcome.detail
    assert outcome.action.opts_out is (code == 131050)


@pytest.mark.parametrize(("code", "ours", "scope", "seconds"), PARKED)
def test_parked_with_the_channel(code: int, ours: str, scope: str, seconds: float | None) -> None:
    outcome = decide_outcome(Refused(400, code, "why"), 7)
    assert isinstance(outcome, Parked)
    action = outcome.action
    assert (action.code, action.park, action.park_seconds) == (ours, scope, seconds)


@pytest.mark.parametrize(("code", "subcode", "ours"), SAID_BY_SUBCODE)
def test_a_subcode_says_it_better(code: int, subcode: int, ours: str) -> None:
    outcome = decide_outcome(Refused(400, code, "why", subcode), 1)
    assert isinstance(outcome, Failed)
    assert outcome.action.code == ours


@pytest.mark.parametrize(
    ("code", "attempt", "fallback"),
    [(131047, 1, "template"), (131051, 1, "text"), (131052, 4, "text"), (131053, 4, "text")],
)
def test_something_else_goes_out_instead_once(code: int, attempt: int, fallback: str) -> None:
    outcome = decide_outcome(Refused(400, code, "why"), attempt, {"template", "text"})
    assert isinstance(outcome, Retry)
    assert (outcome.fallback, outcome.pause_seconds) == (fallback, 0)
    assert isinstance(decide_outcome(Refused(400, code, "why"), attempt, ()), Failed)


def test_an_unknown_code_with_500_is_metas_trouble() -> None:
    assert isinstance(decide_outcome(Refused(500, 424242, "x"), 1), Retry)


def test_no_row_is_untested() -> None:
    tested = {row[0] for row in (*TRIED_AGAIN, *FINAL, *PARKED)}
    assert {code for code in ACTIONS if not 200 < code < 299} - tested == set()
    assert set(SUBCODES) <= {(code, subcode) for code, subcode, _ in SAID_BY_SUBCODE}


def test_every_action_has_a_code_and_a_sentence() -> None:
    for action in (*ACTIONS.values(), *SUBCODES.values()):
        assert action.code.replace("_", "").isalpha()
        assert action.sentence.endswith(".")
