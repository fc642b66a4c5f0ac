"""Which words are a rating: what is none wakes the conversation as usual."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.v1.shapes import MessageContent
from orchestrator.ratings import Rating, is_awaited, may_be_asked, question_choices, rating_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def said(text: str | None, kind: str = "text", data: str | None = None) -> Rating | None:
    return rating_of(MessageContent(kind=kind, text=text, media=None, data=data))


@pytest.mark.parametrize(
    ("text", "score", "comment"),
    [
        ("5", 5, None),
        (" 1 ", 1, None),
        ("4/5", 4, None),
        ("4 / 5 very helpful", 4, "very helpful"),
        ("4, thanks", 4, "thanks"),
        ("3 - could be faster", 3, "could be faster"),
        ("5! Super", 5, "Super"),
        ("2\nYou took a week.", 2, "You took a week."),
        ("5 stars", 5, None),
        ("5 Sterne, gern wieder", 5, "gern wieder"),
        ("⭐⭐⭐", 3, None),
        ("★★★★☆", 4, None),
        ("⭐⭐⭐⭐⭐ great", 5, "great"),
        ("5️⃣", 5, None),
        ("4 ⭐", 4, None),
        ("٣", 3, None),
        ("５", 5, None),
    ],
)
def test_ratings(text, score, comment):
    assert said(text) == Rating(score, comment)


@pytest.mark.parametrize(
    "text",
    ["", "Thanks!", "0", "6", "10", "45", "3 days ago I ordered a lamp", "2 lamps please", "1.5",
     "5, but where is my lamp?", "4-5 days", "I give 5", "⭐⭐⭐⭐⭐⭐", "☆☆☆", "5th floor", "1st",
     "3:30 pm", "2-3 weeks is too long"],
)  # fmt: skip
def test_other_words_are_none(text):
    assert said(text) is None


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("button_reply", '{"payload": "rating:2", "title": "⭐⭐"}'),
        ("list_reply", '{"id": "rating:2", "title": "⭐⭐"}'),
        ("postback", '{"payload": "rating:2"}'),
    ],
)
def test_a_tapped_choice_is_one_whatever_its_words(kind, data):
    assert said("⭐⭐⭐⭐⭐", kind, data) == Rating(2, None)


def test_what_is_tapped_comes_from_the_question():
    extras = question_choices()
    payloads = [choice.payload for choice in extras.choices.sections[0].choices]
    assert payloads == [f"rating:{score}" for score in (5, 4, 3, 2, 1)]


def test_pictures_and_broken_data_are_none():
    assert said("5", "image") is None
    assert said(None, "button_reply", "{broken") is None
    assert said(None, "button_reply", '["rating:5"]') is None
    assert said("Yes", "button_reply", '{"payload": "rating:9"}') is None


def test_only_the_next_message_within_a_day_is_awaited():
    asked = NOW - timedelta(hours=23)
    assert is_awaited(7, asked, 7, NOW)
    assert not is_awaited(7, asked, 8, NOW)
    assert not is_awaited(7, NOW - timedelta(hours=24), 7, NOW)
    assert not is_awaited(None, None, 0, NOW)


def test_nobody_is_asked_when_the_window_is_closed():
    yesterday = NOW - timedelta(hours=23, minutes=56)
    assert may_be_asked("webchat", NOW - timedelta(days=30), NOW)
    assert not may_be_asked("whatsapp", yesterday, NOW)
    assert may_be_asked("messenger", NOW - timedelta(hours=23), NOW)
