"""Every notebook runs from top to bottom on real results of the embedded images."""

from dataclasses import replace
from pathlib import Path

import pytest

from dalbt_ray.config import Training, Trial
from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.objectives.supervised import Supervised
from dalbt_ray.results import ResultsStore
from dalbt_ray.strategies import get_strategy
from dalbt_ray.trial.rounds import run_trial

jupytext = pytest.importorskip("jupytext", reason="the extra `notebooks` is not installed")
nbclient = pytest.importorskip("nbclient", reason="the extra `notebooks` is not installed")

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "analysis" / "notebooks").glob("*.py"))

pytestmark = [pytest.mark.end_to_end, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quick sweep in small: a single pool, a mixed one, a class split; two methods, two seeds, two queries."""
    root = tmp_path_factory.mktemp("sweep") / "small"
    store = ResultsStore(root)
    store.create_or_open({"sweep": "notebooks"})
    trial = Trial(
        dataset="fashion_mini",
        objective=Supervised(),
        budget=20,
        rounds=2,
        splits=SplitSettings(train_limit=2000, initial_size=50, validation_size=500),
        training=Training(epochs=1, min_steps=20),
    )
    for ood, ood_count, known_classes in (("", 0, None), ("kmnist_mini", 500, None), ("", 0, 6)):
        image_set = load_image_set("fashion_mini", ood)
        splits = replace(trial.splits, ood_count=ood_count, known_classes=known_classes)
        for name in ("random", "margin"):
            for seed in (0, 1):
                run_trial(
                    replace(trial, ood=ood, splits=splits, strategy=get_strategy(name), seed=seed),
                    image_set,
                    store,
                )
    return root


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cell raises, cells that draw have a picture, and images are drawn of every setting."""
    monkeypatch.setenv("DALBT_RESULTS", str(results))
    monkeypatch.setenv("DALBT_WORK", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = jupytext.read(path)
    client = nbclient.NotebookClient(notebook, timeout=280, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert outputs
    assert bool(pictures) == ("%matplotlib inline" in path.read_text())
    assert path.stem != "04_what_was_selected" or len(pictures) == 3


def test_notebooks_are_scripts_without_outputs() -> None:
    """Percent scripts only: diffs stay readable, and no picture is committed."""
    names = [path.name for path in (ROOT / "analysis" / "notebooks").iterdir() if path.is_file()]
    assert len(NOTEBOOKS) == 5
    assert all(name.endswith(".py") for name in names)
    assert all("# %%" in path.read_text() for path in NOTEBOOKS)
