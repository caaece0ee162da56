"""What `--plan` says of finished trials whose own class has another source by now."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dalbt_ray import PoolView, Ranked, SplitSettings, Trial, sweep
from dalbt_ray.data.image_set import ImageSetFiles
from tests.results_records import opened, records


@dataclass(frozen=True, kw_only=True)
class Mine(Ranked):
    """Row by row."""

    name = "mine"

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """The number of the row."""
        return np.arange(len(pool.labeled), dtype=np.float64)


def mine() -> list[Trial]:
    """Two seeds of it."""
    splits = SplitSettings(initial_size=10, validation_size=50)
    trial = Trial(dataset="fashion_mini", strategy=Mine(), budget=3, rounds=2, splits=splits)
    return [trial, replace(trial, seed=1)]


@pytest.mark.parametrize(("option", "to_do"), [([], 0), (["--redo-changed"], 2)])
def test_a_plan_tells_what_the_command_would_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: list[str], to_do: int
) -> None:
    """Without the option they stay, and that is said; with it they are to do, and cost."""
    store = opened(tmp_path)
    for trial in mine():
        trial_id = trial.trial_id(ImageSetFiles.find(trial.dataset, trial.ood, None).data_hash)
        manifest = {"status": "ok", "config": trial.as_json(), "own_code": {"strategy mine": "another"}}
        store.publish(trial_id, manifest, records(3))
    assert sweep(mine, argv=["--plan", "--in-process", "--results", str(tmp_path), *option]) == 0
    told = capsys.readouterr().out
    assert f"to do    {to_do}\n" in told
    assert ("2 finished trials were run with another source of: strategy mine" in told) == (not option)
