"""What a failure is said to mean."""

import errno
from pathlib import Path

import pytest

from dalbt_ray.errors import InputError
from dalbt_ray.launch.command_line import run_command
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


def refused() -> None:
    """What a library makes of a full disk."""
    raise RuntimeError("cannot save") from OSError(errno.ENOSPC, "No space left on device")


def handled() -> None:
    """A fault of the program that shows while a missing file is dealt with."""
    try:
        Path("/nowhere/at/all").read_text()
    except OSError:
        raise KeyError("a typo")  # noqa: B904


def test_what_the_machine_refuses_is_one_line_and_a_fault_keeps_its_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit status 1 for the one, the exception itself for the other."""
    assert run_command(refused) == 1  # type: ignore[arg-type]
    printed = capsys.readouterr().err
    assert "No space left on device" in printed
    assert printed.count("\n") == 1
    with pytest.raises(KeyError):
        run_command(handled)  # type: ignore[arg-type]
