"""What a failure is said to mean."""

import pytest

from dalbt_ray.errors import InputError
from dalbt_ray.trial.failures import TrialTimeout, hint_for, in_one_line


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (MemoryError(), "memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), "memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "GPU"),
        (OSError(28, "No space left on device"), "disk"),
        (TrialTimeout("hung"), "--trial-timeout"),
        (InputError("budget", 0, "must be at least 1"), "input"),
        (RuntimeError("Worker exit detail: OOM killer, SIGKILL"), "killed"),
    ],
)
def test_known_failures_have_a_remedy(error: Exception, word: str) -> None:
    """Out of memory, disk full, killed, timed out, wrong input."""
    assert word in hint_for(error)


def test_unknown_failures_have_none() -> None:
    """No guess where nothing is known."""
    assert hint_for(ValueError("shapes do not match")) == ""


def test_one_line_is_one_line() -> None:
    """The first line of the message, cut, with the type in front."""
    assert in_one_line(ValueError("a\nb")) == "ValueError: a"
    assert in_one_line(KeyError()) == "KeyError"
    assert len(in_one_line(ValueError("x" * 500), limit=50)) == 50
