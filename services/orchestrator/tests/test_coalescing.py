"""How long a burst is waited for: who has not finished longer, nobody for ever."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from orchestrator.coalescing import Burst, ceiling_seconds, wait_seconds


@pytest.fixture
def settings(tenant_settings):
    return tenant_settings.model_copy(update={"coalesce_milliseconds": 1_000})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("I have a question", 1.5),
        ("I have a question.", 1.0),
        ("Do you have lamps?", 0.5),
        ("lamp (red)?", 0.5),
        ("“Do you have lamps?”", 0.5),
        ("有灯吗？", 0.5),
        ("هل لديكم مصابيح؟", 0.5),
        ("thanks 👍", 1.0),
        ("thanks ❤️", 1.0),
        ("So…", 1.0),
        ("", 1.5),
        ("and, ", 1.5),
    ],
)
def test_words_tell_whether_somebody_has_finished(settings, text, seconds):
    assert wait_seconds(settings, Burst(text)) == pytest.approx(seconds)


def test_signs_of_more_lengthen_the_wait(settings):
    assert wait_seconds(settings, Burst("Hi.", typing=True)) == 3.5
    assert wait_seconds(settings, Burst("Hi.", media_pending=True)) == 6.0
    assert wait_seconds(
        settings, Burst("Hi.", gaps_seconds=[2.0, 90.0, 2.4, 2.2])
    ) == pytest.approx(3.3)
    assert wait_seconds(settings, Burst("Hi.", gaps_seconds=[600.0])) == 1.0


def test_the_ceiling_is_the_tenants_or_six_times_the_base(settings):
    assert ceiling_seconds(settings) == 6.0
    assert ceiling_seconds(settings.model_copy(update={"coalesce_milliseconds": 5_000})) == 10.0
    chosen = settings.model_copy(update={"coalesce_ceiling_milliseconds": 2_000})
    assert wait_seconds(chosen, Burst("and", waited_seconds=1.5)) == 0.5
    assert wait_seconds(chosen, Burst("and", waited_seconds=3.0)) == 0.0


bursts = st.builds(
    Burst,
    text=st.text(max_size=20),
    waited_seconds=st.floats(0, 100),
    gaps_seconds=st.lists(st.floats(0, 1_000), max_size=6),
    media_pending=st.booleans(),
    typing=st.booleans(),
)


@effort(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(burst=bursts, base=st.integers(0, 10_000), ceiling=st.none() | st.integers(0, 60_000))
def test_nobody_waits_longer_than_the_ceiling_and_nobody_who_need_not(
    tenant_settings, burst, base, ceiling
):
    settings = tenant_settings.model_copy(
        update={"coalesce_milliseconds": base, "coalesce_ceiling_milliseconds": ceiling}
    )
    seconds = wait_seconds(settings, burst)
    assert seconds >= 0
    if base == 0:
        assert seconds == 0
    else:
        assert (
            burst.waited_seconds + seconds
            <= max(ceiling_seconds(settings), burst.waited_seconds) + 1e-6
        )
