from patchbay.world.stretches import LONGEST, PAST_STEP, STEP, passing, past
from patchbay.world.times import MINUTE, SECOND
from tests.world.conftest import SetClock

START = 1_790_000_000_000_123


def test_real_time_passes_in_stretches_of_five_seconds_each_given_once_it_is_over() -> None:
    clock = SetClock(START)
    for place, (since, until) in enumerate(passing(clock, START, 20)):
        assert (since, until) == (START + place * STEP, START + (place + 1) * STEP)
        assert clock.now() == until
    assert clock.now() == START + 20 * SECOND


def test_the_last_stretch_ends_when_the_time_is_over() -> None:
    assert [until - since for since, until in passing(SetClock(START), START, 12)] == [STEP, STEP, 2 * SECOND]


def test_without_an_end_time_goes_on() -> None:
    endless = passing(SetClock(START), START, None)
    assert [next(endless)[0] for _ in range(1000)][-1] == START + 999 * STEP


def test_what_a_pause_missed_is_caught_up_at_once_in_pieces_without_a_gap() -> None:
    clock, found = SetClock(START), []
    for since, until in passing(clock, START, 600):
        found.append((since, until))
        if len(found) == 2:
            clock.wait(300)
        caught_up = until == clock.now()
        assert caught_up or len(found) in range(2, 8)
        assert until <= clock.now()
    assert [since for since, _ in found] == [START, *(until for _, until in found[:-1])]
    assert max(until - since for since, until in found) == LONGEST
    assert found[-1][1] == START + 600 * SECOND


def test_a_clock_that_is_set_back_makes_no_stretch_of_nothing() -> None:
    clock = SetClock(START)
    clock.wait = lambda seconds: None  # type: ignore[method-assign]
    assert all(until - since == STEP for since, until in passing(clock, START, 60))


def test_the_past_is_a_row_of_half_minutes_up_to_its_very_end() -> None:
    found = list(past(START, START + 10 * MINUTE + 7))
    assert [since for since, _ in found] == [START, *(until for _, until in found[:-1])]
    assert {until - since for since, until in found[:-1]} == {PAST_STEP}
    assert found[-1][1] == START + 10 * MINUTE + 7
    assert list(past(START, START)) == []
