"""`ray up`, `ray submit`, `ray rsync-down` and `ray down`, for real, with the repository's own cluster file.

Two hosts with SSH servers on loopback, in namespaces that this test makes: see ray_submit/cycle.sh.
"""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from dalbt_ray.results import load_results

ROOT = Path(__file__).parents[2]
CYCLE = Path(__file__).parent / "ray_submit" / "cycle.sh"
SCRIPT = "sweeps/paper_grid.py"
# Four trials of two rounds: enough for the second host to get one, should it be slow to start its first worker.
ARGUMENTS = "--preset quick --strategies random --objective supervised --seeds 0,1 --max-rounds 1"


def what_is_missing() -> str:
    """Why the cycle cannot run here, or nothing."""
    programs = [
        name
        for name in ("unshare", "ip", "sshd", "ssh", "rsync", "pgrep")
        if not shutil.which(name, path=PATH)
    ]
    modules = [name for name in ("hatchling", "editables") if find_spec(name) is None]
    needed = [*programs, *modules] + ([] if os.geteuid() == 0 else ["root"])
    return f"needs {', '.join(needed)}" if needed else ""


PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
NAMESPACES = ["unshare", "--net", "--pid", "--mount", "--uts", "--fork", "--mount-proc", "--kill-child"]


@pytest.mark.ray
@pytest.mark.timeout(900)
@pytest.mark.skipif(bool(what_is_missing()), reason=what_is_missing())
def test_a_sweep_goes_to_a_cluster_and_its_results_come_back(tmp_path: Path) -> None:
    """The real sweep, with arguments, runs its trials on both hosts, with the code that `ray up` brought there."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "PIP_"))}
    done = subprocess.run(
        [
            *NAMESPACES,
            "bash",
            str(CYCLE),
            sys.executable,
            str(ROOT),
            str(tmp_path),
            SCRIPT,
            *ARGUMENTS.split(),
        ],
        env=clean | {"PATH": PATH},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=840,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert "code: /srv/dalbt-ray/dalbt_ray/__init__.py" in done.stdout
    assert "token: 600" in done.stdout
    assert "'nonsense' is not a preset" in done.stdout

    fetched = tmp_path / "fetched"
    rounds = pd.read_parquet(fetched / "rounds")
    assert sorted(rounds.groupby(["ood", "seed"])["round"].apply(list)) == [[0, 1]] * 4
    assert set(rounds["strategy"]) == {"random"}
    assert load_results(str(fetched)).rounds.shape == rounds.shape
    hosts = set(load_results(str(fetched)).timings["host"])
    assert hosts == {"dalbt-head", "dalbt-worker"}, done.stdout[-5000:]
