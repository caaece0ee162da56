"""What a failure means to the person who reads it: the remedy, and whether a second try can help. Pure."""

import errno
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from sysconfig import get_path
from traceback import extract_tb, format_exception

from dalbt_ray.errors import InputError, shortened

_LIBRARY = get_path("stdlib")
_TRACE_LINE = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')


class TrialTimeout(RuntimeError):  # noqa: N818 - the name says it all
    """A trial took longer than `trial_timeout_s`."""


class CodeMismatch(RuntimeError):  # noqa: N818
    """A worker runs other code than the driver."""


class Stalled(RuntimeError):  # noqa: N818 - the field's word
    """No trial ran for too long; the message says what was wanted and what was there."""


class CalledExit(RuntimeError):  # noqa: N818
    """A strategy, an encoder or a library that they use wanted to end the whole process."""


class WorkerLost(RuntimeError):  # noqa: N818
    """The process of a trial ended without a word."""


FINAL = (InputError, TrialTimeout, CodeMismatch, CalledExit)
"""Failures that a second try would only repeat."""

_PATHS = {errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM}
_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ESTALE, errno.ENOMEM}

# The first row with a mark in the lower-case text of the error (its class included) gives the hint.
_HINTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("inputerror:",), "the input has to be fixed"),
    (("trialtimeout:",), "raise --trial-timeout; the next run continues after the last committed round"),
    (("codemismatch:",), "bring the package of every node up to date"),
    (
        ("cuda out of memory", "cuda error: out of memory", "cublas_status_alloc_failed"),
        "the GPU's memory is full: fewer trials per GPU (--gpus-per-trial) or a smaller batch",
    ),
    (
        ("out of memory", "outofmemory", "memoryerror", "cannot allocate memory", "can't allocate memory"),
        "memory is full: fewer trials at once (--max-concurrent)",
    ),
    (
        ("no space left on device", "disk quota exceeded"),
        "the disk is full: free some space, then run the same command again",
    ),
    (
        (
            "workerlost",
            "actordied",
            "actorunavailable",
            "workercrashed",
            "nodedied",
            "worker died",
            "sigkill",
        ),
        "its process was killed or its node lost, often for lack of memory: try --max-concurrent with fewer trials",
    ),
)


@contextmanager
def exit_fails_the_trial() -> Iterator[None]:
    """Inside, `sys.exit` is a failure of the trial, not the end of the sweep.

    Raises:
        CalledExit: somebody called it.
    """
    try:
        yield
    except SystemExit as error:
        raise CalledExit(f"sys.exit({error.code!r}) was called while the trial ran") from error


def as_told(error: BaseException, lines: int = 40) -> dict[str, str]:
    """A failure as text, to be sent to another process: its type, message, and the end of its trace."""
    trace = "".join(format_exception(error)).splitlines()[-lines:]
    return {"type": type(error).__name__, "message": str(error)[:10_000], "trace": "\n".join(trace)}


def from_told(told: Mapping[str, str]) -> BaseException:
    """An error of the type's name that says what `as_told` said; its cause carries the trace, as text."""
    error: BaseException = type(told["type"], (Exception,), {})(told["message"])
    error.__cause__ = RuntimeError(told["trace"])
    return error


def hint_for(error: BaseException) -> str:
    """One line that says what to do about `error`; empty if nothing is known about it."""
    text = f"{type(error).__name__}: {error}".lower()
    return next((hint for marks, hint in _HINTS if any(mark in text for mark in marks)), "")


def machine_failure(error: BaseException) -> str:
    """What the machine refused, in one line, if that is what stands behind `error`; else empty: a fault of the program.

    A full disk, a disk that fails, a lost mount, no memory: nothing that a traceback would help with.
    """
    seen: BaseException | None = error
    certain = True
    for _ in range(10):  # a chain may lead back to itself
        if seen is None:
            break
        if isinstance(seen, MemoryError) or _is_memory_kill(seen):
            return "memory is full"
        if isinstance(seen, OSError) and seen.errno is not None and (certain or seen.errno in _MACHINE):
            return str(seen)
        # What was being handled when a fault of the program showed need not be its reason.
        certain = certain and seen.__cause__ is not None
        seen = seen.__cause__ or seen.__context__
    full = next((line for line in str(error).splitlines() if "no space left on device" in line.lower()), "")
    return full.strip()


def _is_memory_kill(error: BaseException) -> bool:
    """Whether Ray ended a process because its node ran out of memory. Only `cluster` may import Ray's class."""
    kind = type(error)
    return (kind.__module__, kind.__name__) == ("ray.exceptions", "OutOfMemoryError")


def in_one_line(error: BaseException, limit: int = 200) -> str:
    """Type and first line of a failure, cut to `limit` characters, and the line of the user's code it comes from."""
    lines = str(error).strip().splitlines()
    line = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    line = line if len(line) <= limit else line[: limit - 3] + "..."
    place = users_line(error)
    return f"{line} [{place}]" if place else line


def users_line(error: BaseException) -> str:
    """`mine.py:23 in ranking`: the innermost line of a failure that is neither ours nor a library's; empty if none is.

    An error that comes from another process has no frames any more; its cause then carries the trace as text.
    """
    frames = [(frame.filename, frame.lineno, frame.name) for frame in extract_tb(error.__traceback__)]
    if error.__cause__ is not None:
        frames += [
            (file, int(number), name) for file, number, name in _TRACE_LINE.findall(str(error.__cause__))
        ]
    for file, number, name in reversed(frames):
        parts = Path(file).parts
        libraries = {"dalbt_ray", "site-packages", "dist-packages"} & set(parts)
        if not libraries and not file.startswith(("<", _LIBRARY)):
            return f"{parts[-1]}:{number} in {name}"
    return ""


def path_problem(error: BaseException) -> str:
    """`'/x': File name too long` for a path that no file can have or that this user may not use; else empty."""
    if isinstance(error, OSError) and error.errno in _PATHS and error.filename is not None:
        return f"{shortened(os.fsdecode(error.filename))}: {os.strerror(error.errno)}"
    return ""
