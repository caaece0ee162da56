"""What a round is computed on: the CPU's model and instruction set, and the state of the code."""

import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import torch


@cache
def processor() -> str:
    """The CPU's model: oneDNN and BLAS choose their kernels by it, and with them the last bits."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())


def instructions() -> str:
    """The instruction set that torch's kernels use here, as `AVX2`."""
    return str(torch.backends.cpu.get_cpu_capability())


@cache
def code() -> dict[str, Any]:
    """Git commit and whether the work tree differed from it; None where there is no repository.

    Asked once in a process: what it runs was read when it began, and asking costs as much as a round of a short trial.
    """
    folder = Path(__file__).parent

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(  # noqa: S603 - fixed arguments
                ["git", *arguments],  # noqa: S607
                cwd=folder,
                capture_output=True,
                text=True,
                check=True,
                timeout=10,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    commit = git("rev-parse", "HEAD")
    status = git("status", "--porcelain", "--", ".")
    return {"commit": commit, "dirty": None if status is None else bool(status)}


@cache
def code_state() -> str | None:
    """The same in one word: the commit, with a `+` where the work tree differed; None without a repository."""
    state = code()
    return None if state["commit"] is None else f"{state['commit']}{'+' if state['dirty'] else ''}"
