"""What every command of ours does: how it ends, and where it looks for data sets."""

import atexit
import gc
import os
import select
import sys
from collections.abc import Callable
from pathlib import Path

from dalbt_ray.errors import InputError, printable
from dalbt_ray.trial.failures import Stalled, machine_failure, path_problem


def run_command(command: Callable[[], int]) -> int:
    """The exit status of `command`: 2 and one line for wrong input, 130 for Ctrl+C, 1 for a sweep that stalled.

    Wrong input is also a path that cannot be one, wherever it was met: too long, a loop of links, closed to this user.

    And 1 with one line for what the machine refuses, such as a full disk; a fault of the program keeps its traceback.
    """
    atexit.register(gc.freeze)  # else Python looks for garbage among all that was imported, for a second
    try:
        return command()
    except Stalled as error:
        print(f"error: {error}; what is committed is kept, the same command goes on", file=sys.stderr)
        return 1
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    except Exception as error:
        wrong = path_problem(error)
        if wrong:
            print(printable(f"error: {wrong}"), file=sys.stderr)
            return 2
        refused = machine_failure(error)
        if not refused:
            raise
        print(f"error: {refused}; what is committed is kept, the same command goes on", file=sys.stderr)
        return 1


DATA_ROOT = "folder of data sets (default: $DALBT_DATA, else ~/.cache/dalbt-ray)"
"""What `--help` says of `--data-root`: `data_root_argument`."""


def output_is_closed() -> bool:
    """Whether nobody reads the output any more, as behind `| head`; what is still written goes nowhere then."""
    poller = select.poll()
    poller.register(1, 0)
    if not any(told & (select.POLLERR | select.POLLHUP) for _, told in poller.poll(0)):
        return False
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    return True


def data_root_argument(given: str | None) -> Path:
    """The folder of data sets: `--data-root`, else $DALBT_DATA, else a cache folder.

    Raises:
        InputError: a folder that was named but does not exist.
    """
    from dalbt_ray.data.sources import data_root_from

    if given is None:
        return data_root_from(os.environ)
    root = user_path("data-root", given)
    if not root.is_dir():
        raise InputError(
            "data-root", given, "is not a folder", remedy="name the folder that holds the data sets"
        )
    return root.absolute()


def user_path(option: str, given: str) -> Path:
    """A path as a user types it, `~` included.

    Raises:
        InputError: `~name` of a user that there is not.
    """
    try:
        return Path(given).expanduser()
    except RuntimeError:
        raise InputError(option, given, "names no user's home", remedy="write the path out") from None
