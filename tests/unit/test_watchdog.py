"""When a sweep in which nothing runs speaks, and when it stops."""

from dalbt_ray.cluster.watchdog import START_AT_MOST_S, Watchdog


def verdicts(dog: Watchdog, until: int, *, running: int = 0, has_room: bool) -> list[str]:
    """What the watchdog says at each second."""
    return [dog.observe(second, running=running, has_room=has_room) for second in range(until)]


def test_room_without_a_trial_for_a_minute_is_a_stall() -> None:
    """Sixty seconds of free capacity and nothing that runs."""
    said = verdicts(Watchdog(stall_after_s=60, wait_at_most_s=900), 61, has_room=True)
    assert said[:60] == ["fine"] * 60
    assert said[60] == "stalled"


def test_others_holding_the_room_is_announced_each_minute_and_bounded() -> None:
    """A busy cluster is waited for, not in silence and not for ever."""
    said = verdicts(Watchdog(stall_after_s=60, wait_at_most_s=200), 201, has_room=False)
    assert [second for second, verdict in enumerate(said) if verdict == "announce"] == [60, 120, 180]
    assert said[200] == "waited_too_long"


def test_a_running_trial_resets_both_clocks() -> None:
    """A short gap between trials counts for nothing."""
    dog = Watchdog(stall_after_s=60, wait_at_most_s=900)
    verdicts(dog, 59, has_room=True)
    assert dog.observe(59, running=1, has_room=True) == "fine"
    assert dog.observe(60, running=0, has_room=True) == "fine"
    assert dog.observe(119, running=0, has_room=True) == "fine"
    assert dog.observe(120, running=0, has_room=True) == "stalled"


def test_room_that_comes_and_goes_is_no_stall() -> None:
    """Only a minute of room without a break is; a reservation under way takes it for a moment."""
    dog = Watchdog(stall_after_s=60, wait_at_most_s=10_000)
    said = [dog.observe(second, running=0, has_room=second % 50 != 0) for second in range(500)]
    assert "stalled" not in said


def test_processes_that_start_are_no_stall_for_a_quarter_of_an_hour() -> None:
    """On a busy machine they import for minutes. That is announced; what hangs there is a stall after all."""
    dog = Watchdog(stall_after_s=60, wait_at_most_s=3_600)
    said = [dog.observe(second, running=0, has_room=True, starting=True) for second in range(901)]
    assert [second for second, verdict in enumerate(said) if verdict == "announce"] == list(
        range(60, 900, 60)
    )
    assert said[900] == "stalled"
    assert START_AT_MOST_S == 900


def test_the_minute_of_room_begins_when_nothing_starts_any_more() -> None:
    """However long a process took to start: where none is left, a minute of room is a stall."""
    dog = Watchdog(stall_after_s=60, wait_at_most_s=3_600)
    for second in range(200):
        assert dog.observe(second, running=0, has_room=True, starting=True) != "stalled"
    said = [dog.observe(second, running=0, has_room=True) for second in range(200, 261)]
    assert "stalled" not in said[:60]
    assert said[60] == "stalled"
