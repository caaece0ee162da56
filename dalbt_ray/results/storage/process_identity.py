"""Which process holds a lease, so that another one can tell for certain whether it has ended."""

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ProcessIdentity:
    """One process among all machines, boots and containers.

    Containers on the host's network share its name and count their processes from 1, and a machine that was started
    again counts anew: a host's name and a pid do not tell one process from another.

    Attributes:
        host: the machine's name.
        boot: the kernel's id of this boot; empty where there is none.
        namespace: the PID namespace, which `pid` counts in; empty where there is none.
        pid: the process.
        started: clock ticks from boot to its start, since pids are used again; 0 where that is unknown.
    """

    host: str
    boot: str
    namespace: str
    pid: int
    started: int

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "ProcessIdentity | None":
        """The process that a lease names; None if it names none that this version understands."""
        kinds = {"host": str, "boot": str, "namespace": str, "pid": int, "started": int}
        if not all(isinstance(content.get(name), kind) for name, kind in kinds.items()):
            return None
        return cls(**{name: content[name] for name in kinds})

    @property
    def ended(self) -> bool:
        """Whether it has certainly ended. False where this process cannot know: on another machine, in a container."""
        here = this_process()
        if (self.host, self.boot, self.namespace) != (here.host, here.boot, here.namespace):
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False  # another user's
        except OverflowError:
            return True
        state, started = _state(self.pid)
        return state in ("Z", "X") or (0 not in (started, self.started) and started != self.started)

    def __str__(self) -> str:
        here = this_process()
        apart = self.host == here.host and (self.boot, self.namespace) != (here.boot, here.namespace)
        return f"host {self.host}{' (another container or boot)' if apart else ''}, pid {self.pid}"


def this_process() -> ProcessIdentity:
    """The process that asks; a forked child is another one."""
    boot, namespace = _kernel()
    pid = os.getpid()
    return ProcessIdentity(socket.gethostname(), boot, namespace, pid, _state(pid)[1])


@cache
def _kernel() -> tuple[str, str]:
    boot = namespace = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = str(Path("/proc/self/ns/pid").readlink())
    return boot, namespace


def _state(pid: int) -> tuple[str, int]:
    """State letter and start of a process; ("", 0) where the system does not tell."""
    try:
        # The name, in parentheses, may hold spaces and parentheses itself.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return fields[0], int(fields[19])
    except (OSError, IndexError, ValueError):
        return "", 0
