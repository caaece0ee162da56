"""A process that dies at a chosen system call; nothing but the disk outlives it."""

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass

REAL = {
    name: getattr(os, name)
    for name in ("open", "write", "fsync", "replace", "link", "unlink", "mkdir", "rmdir")
}


def forked(work: Callable[[], None]) -> str:
    """Run `work` in a child; its traceback, or nothing."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            REAL["write"](writing, traceback.format_exc().encode()[-4000:])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        message = pipe.read().decode()
    os.waitpid(child, 0)
    return message


@dataclass
class Crasher:
    """Stands before the system calls and ends the process at step `at`; a write is cut in the middle."""

    at: int
    step: int = 0

    def install(self) -> None:
        """Replace the calls."""
        for name in REAL:
            setattr(os, name, self.wrap(name))

    def wrap(self, name: str) -> Callable[..., object]:
        """One call."""

        def call(*arguments: object, **options: object) -> object:
            if name == "open" and not int(arguments[1]) & os.O_CREAT:  # type: ignore[call-overload]
                return REAL[name](*arguments, **options)
            if self.step == self.at:
                if name == "write":
                    REAL["write"](arguments[0], bytes(arguments[1])[: len(bytes(arguments[1])) // 2])  # type: ignore[arg-type]
                os._exit(9)
            self.step += 1
            return REAL[name](*arguments, **options)

        return call
