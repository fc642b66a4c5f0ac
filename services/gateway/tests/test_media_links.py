"""Links to files: nobody makes one, nobody stretches one."""

from uuid import uuid4

import pytest

from gateway import media_links
from gateway.media_links import LINK_SECONDS, MediaLinks, StoredMedia

LINKS = MediaLinks(b"secret", "https://chat.example/")
MEDIA = StoredMedia(uuid4(), "a" * 64, "image/png", "naïve \U0001f600.png")


def token_of(links: MediaLinks = LINKS) -> str:
    return links.path(MEDIA).removeprefix("/media/")


def test_a_link_opens_what_it_was_made_for() -> None:
    assert LINKS.read(token_of()) == MEDIA
    assert LINKS.url(MEDIA).startswith("https://chat.example/media/")


def test_a_link_ends_after_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr(media_links.time, "time", lambda: now[0])
    token = token_of()
    now[0] += LINK_SECONDS - 1
    assert LINKS.read(token) == MEDIA
    now[0] += 1
    assert LINKS.read(token) is None


def test_a_changed_or_foreign_link_opens_nothing() -> None:
    token = token_of()
    assert LINKS.read(token_of(MediaLinks(b"other", "https://chat.example"))) is None
    for place in range(0, len(token) - 1, 7):
        swapped = "A" if token[place] != "A" else "B"
        assert LINKS.read(token[:place] + swapped + token[place + 1 :]) is None
    for wrong in ("", "x", "ä", "=" * 9, token[:-4], token + "AAAA", "A" * 5_000):
        assert LINKS.read(wrong) is None
