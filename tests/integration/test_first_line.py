"""The first line of a command and what is behind it: that it has begun, and that a reader may leave."""

import os
import pty
import subprocess
import sys
from pathlib import Path
from signal import SIGPIPE

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


def test_a_reader_that_leaves_ends_a_command_in_silence() -> None:
    """`dalbt data list | head -0`: no error, and the status of any other program."""
    ours, theirs = os.pipe()
    os.close(ours)
    command = [sys.executable, "-m", "dalbt_ray.cli", "data", "list"]
    done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, check=False)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (128 + SIGPIPE, b"")
