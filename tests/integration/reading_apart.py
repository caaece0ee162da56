"""`verify` and `load_results` of a folder in a process of their own, and how much memory that took."""

import subprocess
import sys
from pathlib import Path

from tests.integration.sweeps import REPOSITORY

_SCRIPT = """
import sys
from pathlib import Path
from dalbt_ray.results import load_results, verify
print(verify(sys.argv[1]))
try:
    load_results(sys.argv[1])
except ValueError as error:
    print(error)
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""
# Not `ru_maxrss`: a process inherits that from the one that started it.


def read_apart(root: Path) -> tuple[list[str], int]:
    """The lines that they print, refusals among them, and the peak of memory in bytes, imports included."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(root)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    *said, peak = done.stdout.splitlines()
    return said, int(peak) * 1024
