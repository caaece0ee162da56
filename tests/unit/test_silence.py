"""A trial of which nothing is heard is announced, and given up after a time that follows from its cost."""

from dataclasses import replace

import pytest

from dalbt_ray.cluster.preflight import Share
from dalbt_ray.cluster.silence import ANNOUNCE_S, LEAST_S, UNKNOWN_S, Silence, silence_limit_s
from dalbt_ray.config import Trial
from dalbt_ray.models.timm_model import Timm
from dalbt_ray.trial.nominal import nominal_seconds

ONE = Share(1.0, 0.0)


def test_silence_is_announced_within_a_minute_and_ends_at_its_limit() -> None:
    """Said again whenever it has doubled; a word in between makes it begin anew."""
    silence = Silence(limit_s=900, since=100)
    verdicts = {second: silence.observe(100 + second) for second in range(901)}
    told = [second for second, verdict in verdicts.items() if verdict == "announce"]
    assert told == [45, 90, 180, 360, 720]
    assert told[0] == ANNOUNCE_S < 60 - 5  # what is promised, less what a word may be late
    assert verdicts[900] == "give_up"
    silence.heard(1_000)
    assert silence.observe(1_044) == "fine"
    assert silence.observe(1_045) == "announce"


def test_the_limit_follows_from_the_cost() -> None:
    """Three times what the whole trial takes on one core, a quarter of an hour at least."""
    long = Trial(rounds=100)
    nominal = nominal_seconds(long)
    assert nominal is not None
    assert silence_limit_s(long, ONE, 3_600) == pytest.approx(3 * nominal)
    assert silence_limit_s(replace(long, rounds=0), ONE, 3_600) == LEAST_S
    assert silence_limit_s(replace(long, encoder=Timm()), ONE, 3_600) == UNKNOWN_S
    assert silence_limit_s(replace(long, rounds=0), Share(1.0, 0.0, workers=2), 3_600) == LEAST_S + 3_600
