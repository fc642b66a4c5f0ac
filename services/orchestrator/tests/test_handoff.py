"""Words that bring a person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.handoff import HandoffWords


@pytest.mark.parametrize(
    ("language", "keyword", "text"),
    [
        ("en", "human", "Can I talk to a HUMAN?"),
        ("en", "human", "human"),
        ("en", "real person", "give me a real\n  person, please"),
        ("en", "don't bot me", "Don\u2019t bot me!"),
        ("hr", "čovjek", "Želim ČOVJEK!"),
        ("de", "straße", "STRASSE"),
        ("tr", "insan", "İNSAN istiyorum"),
        ("ru", "оператор", "Позовите ОПЕРАТОР."),
        ("zh", "人工客服", "我要人工客服谢谢"),
        ("en", "human", "hu\u00adman"),
        ("en", "#agent", "please #agent"),
        ("en", "🙋", "hello🙋"),
    ],
)
def test_found(language, keyword, text):
    assert HandoffWords([keyword], language).found_in(text) == keyword


@pytest.mark.parametrize(
    ("language", "keyword", "text"),
    [
        ("en", "human", "inhuman conditions"),
        ("en", "human", "humanity"),
        ("en", "agent", "my agent_id is 7"),
        ("hi", "मदद", "मददा"),
        ("en", "", "anything"),
        ("en", "  ", "anything at all"),
        ("en", "human", ""),
    ],
)
def test_not_found(language, keyword, text):
    assert HandoffWords([keyword], language).found_in(text) is None


def test_a_later_place_counts_when_an_earlier_one_is_inside_a_word():
    assert HandoffWords(["human"], "en").found_in("inhuman, send a human") == "human"


@given(st.text(max_size=200), st.lists(st.text(max_size=20), max_size=5))
def test_any_text_is_survived(text, keywords):
    found = HandoffWords(keywords, "en").found_in(text)
    assert found is None or found in keywords


@given(st.from_regex(r"[a-z]{1,12}", fullmatch=True), st.text(max_size=50))
def test_a_keyword_between_spaces_is_always_found(keyword, text):
    assert HandoffWords([keyword], "en").found_in(f"{text} {keyword.upper()} {text}") == keyword
