# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your own sweep, with your own strategy
#
# A sweep is one Python file with a list of trials. A strategy is one frozen class; it needs no registry to be compared.

# %%
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich import print as show

from dalbt_ray.report.build import build_report
from dalbt_ray.report.checks import run_checks
from dalbt_ray.report.compare import compare
from dalbt_ray.report.picks import acquired_by_trial
from dalbt_ray.report.plots import curve_figure
from dalbt_ray.report.study import read_study
from dalbt_ray.report.tables import summary_table

# %matplotlib inline

# %% [markdown]
# ## The file
#
# It compares a strategy of its own, which acquires the images whose two most likely classes are closest in log
# probability, with random sampling.

# %%
SWEEP = '''"""Is the log ratio of the two best classes a better ranking than chance?"""

import sys
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray import (
    PoolView,
    Ranked,
    SplitSettings,
    Supervised,
    Training,
    Trial,
    get_strategy,
    sweep,
    with_seeds,
)


@dataclass(frozen=True, kw_only=True)
class LogRatio(Ranked):
    """The images whose two most likely classes have the closest log probabilities."""

    name: ClassVar[str] = "log_ratio"

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """Minus the gap; the highest are acquired."""
        logs = np.sort(np.log(np.maximum(pool.probabilities, 1e-12)), axis=1)
        return -(logs[:, -1] - logs[:, -2])


def my_sweep() -> list[Trial]:
    """Two strategies, two seeds."""
    setting = Trial(
        dataset="fashion_mini",
        objective=Supervised(),
        budget=50,
        rounds=2,
        splits=SplitSettings(train_limit=None, initial_size=50, validation_size=500),
        training=Training(epochs=5, min_steps=40),
    )
    strategies = (LogRatio(), get_strategy("random"))
    return with_seeds([replace(setting, strategy=strategy) for strategy in strategies], (0, 1))


if __name__ == "__main__":
    sys.exit(sweep({"my_sweep": my_sweep}, __doc__))
'''
folder = Path(os.environ.get("DALBT_WORK", tempfile.mkdtemp()))
sweep_file, results = folder / "my_sweep.py", folder / "results"
sweep_file.write_text(SWEEP)

# %% [markdown]
# ## Run it
#
# `--in-process` runs one trial after the other without Ray; without it, Ray runs as many at once as the machine can.
# The same command again continues what was interrupted.

# %%
command = [sys.executable, str(sweep_file), "--results", str(results), "--in-process"]
done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
print(done.stdout)

# %% [markdown]
# ## Look at it

# %%
study = read_study(results)
show(summary_table(study))

# %%
curve_figure(study)

# %%
for check in run_checks(study, acquired_by_trial(study.selections, study.rounds)):
    print(f"{check.state:15} {check.title}: {check.sentence}")

# %%
build_report(results)

# %% [markdown]
# ## Did a change change anything?
#
# Two results folders, cell by cell and round by round: here a folder against itself.

# %%
print(compare(results, results))
