"""What a person sees before anything is known: that the command which they typed has begun."""

import os
import pty
import subprocess
import sys
from pathlib import Path

SWEEP = "from dalbt_ray import SplitSettings, Trial\n"


def test_a_terminal_hears_of_the_import_once_and_a_pipe_does_not(tmp_path: Path) -> None:
    """A sweep file's first line is such an import; logs and pipes keep what they had."""
    file = tmp_path / "mine.py"
    file.write_text(SWEEP)
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, str(file)], stderr=theirs, check=True)
    os.close(theirs)
    assert os.read(ours, 1_000) == b"importing torch\r\n"
    os.close(ours)
    piped = subprocess.run([sys.executable, str(file)], stderr=subprocess.PIPE, check=True)
    assert piped.stderr == b""
