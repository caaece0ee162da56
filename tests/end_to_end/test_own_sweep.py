"""A method author's first hour: a sweep file of their own, its mistakes, its edits, more rounds and fewer."""

import subprocess
import sys
from pathlib import Path

import pytest

from dalbt_ray.results import load_manifests, load_results, verify

ROOT = Path(__file__).parents[2]

SWEEP = '''
"""Mine."""
import sys
from dataclasses import dataclass, replace
from dalbt_ray import Ranked, SplitSettings, Supervised, Training, Trial, get_strategy, sweep, with_seeds

SIGN = 1.0

def sharpened(p, power):
    return p.max(axis=1) ** power

@dataclass(frozen=True, kw_only=True)
class Mine(Ranked):
    """Least confident first."""
    name = "my (v2)"
    power: float = 1.0
    def ranking(self, pool):
        return -SIGN * sharpened(pool.probabilities, self.power)  # here

def trials():
    setting = Trial(dataset="fashion_mini", objective=Supervised(), budget=10, rounds=2, training=Training(epochs=2),
                    splits=SplitSettings(train_limit=None, initial_size=40, validation_size=50, pool_size=200))
    return with_seeds([replace(setting, strategy=s) for s in (Mine(), get_strategy("random"))], (0, 1))

if __name__ == "__main__":
    sys.exit(sweep({"mine": trials}, __doc__))
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder: their sweep file, and an `analysis.py` and a `report.py` of their own next to it."""
    (tmp_path / "mine.py").write_text(SWEEP)
    for name in ("analysis.py", "report.py", "metrics.py"):
        (tmp_path / name).write_text("raise RuntimeError('a module of the user, not ours')\n")
    return tmp_path


def run(folder: Path, *arguments: str, status: int = 0) -> str:
    """What the sweep file prints, in process."""
    done = subprocess.run(
        [sys.executable, "mine.py", "--in-process", *arguments],
        cwd=folder,
        env={
            "PYTHONPATH": str(ROOT),
            "PATH": "",
            "OMP_NUM_THREADS": "1",
            "HOME": str(folder),
            "COLUMNS": "160",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_more_rounds_continue_and_fewer_are_shown(folder: Path) -> None:
    """Two queries, then four: two more trainings a trial, the first rounds the same to the bit; then one again."""
    run(folder, "--max-rounds", "1")
    before = load_results(folder / "results/mine")
    text = run(folder, "--set", "rounds=3", "--plan")
    assert "4 of them finished ones that are asked for more rounds" in text
    run(folder, "--set", "rounds=3")
    after = load_results(folder / "results/mine")
    assert len(after.rounds) == 4 * 4
    assert len(after.timings) == 4 * 4
    first = after.rounds[after.rounds["round"] <= 1].reset_index(drop=True)
    assert first.equals(before.rounds)
    kept = after.timings[after.timings["round"] <= 1].reset_index(drop=True)
    assert kept.equals(before.timings)  # the clocks of the first run: they were not trained again
    whole = run(folder.parent / folder.name, "--set", "rounds=3")
    assert "nothing to do" in whole
    shorter = run(folder, "--max-rounds", "1")
    assert "nothing to do" in shorter
    assert " 70 " in whole
    assert " 50 " in shorter  # labels: 40 at first and one query of 10
    assert not verify(folder / "results/mine").damaged


def test_a_rule_of_ones_own_is_selected_compared_and_swept(folder: Path) -> None:
    """By its name in --strategies, against the right random, with its own option on the command line."""
    text = run(folder, "--strategies", "my (v2),random", "--seeds", "0", "--grid", "strategy.power=1,2")
    assert "my (v2) (power=1)" in text
    assert "my (v2) (power=2)" in text
    page = (folder / "results/mine/report/index.html").read_text()
    assert '<td class="text">random</td>' in page


def test_an_edited_rule_is_pointed_out_and_run_again_when_asked(folder: Path) -> None:
    """Not when something else in the file changes; also when a function or constant that it uses does."""
    run(folder, "--seeds", "0")
    original = (folder / "mine.py").read_text()
    (folder / "mine.py").write_text(original.replace('"""Mine."""', '"""Mine, with another title."""'))
    assert "another source" not in run(folder, "--seeds", "0")
    for old, new in (("** power", "** (power + 1)"), ("SIGN = 1.0", "SIGN = 2.0"), ("# here", "# there")):
        (folder / "mine.py").write_text(original.replace(old, new))
        text = run(folder, "--seeds", "0")
        assert "1 finished trials were run with another source of: strategy my (v2)" in text, old
        assert "--redo-changed" in text
    assert "set aside" in run(folder, "--seeds", "0", "--redo-changed")
    assert "another source" not in run(folder, "--seeds", "0")
    assert len(load_manifests(folder / "results/mine")) == 2
    assert list((folder / "results/mine/quarantine").rglob("*.json"))


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("raise KeyError('no such thing')", ["KeyError", "mine.py:18 in ranking"]),
        ("return sharpened(pool.probabilities, 'two')", ["mine.py:10 in sharpened"]),
        ("return pool.probabilities.max(axis=1) * float('nan')", ["NaN for 200 of 200 candidates"]),
    ],
)
def test_a_sweep_whose_trials_all_fail_says_where(folder: Path, line: str, wanted: list[str]) -> None:
    """Type, message, file and line of the user's code, on the console and in the report; exit status 1."""
    source = (folder / "mine.py").read_text()
    body = "return -SIGN * sharpened(pool.probabilities, self.power)  # here"
    (folder / "mine.py").write_text(source.replace(body, line).replace(', get_strategy("random"))', ",)"))
    text = run(folder, "--seeds", "0", status=1)
    for words in wanted:
        assert words in text
    assert "Traceback" not in text
    assert wanted[0].split(":")[0] in (folder / "results/mine/report/index.html").read_text()


def test_the_readmes_example_runs_as_it_is_written(folder: Path) -> None:
    """The first thing a reader copies; with the option that the text under it sweeps."""
    code = (ROOT / "README.md").read_text().split("```python\n")[1].split("```")[0]
    assert len([line for line in code.splitlines() if line.strip()]) <= 17
    (folder / "mine.py").write_text(code)
    text = run(
        folder,
        "--max-rounds",
        "1",
        "--seeds",
        "0",
        "--grid",
        "strategy.power=0.5,1",
        "--set",
        "training.epochs=2",
    )
    assert "doubt (power=0.5)" in text
    assert "  margin " in text


EVERY_AXIS = '''
import sys
from dataclasses import dataclass
from torch import nn
from torch.nn import functional
from dalbt_ray import Backbone, Encoder, Metric, Objective, SplitSettings, Training, Trial, get_strategy, sweep

class Layers(Backbone):
    features = 9
    def __init__(self, channels):
        super().__init__()
        self.convolution = nn.Conv2d(channels, 9, 5, stride=3)
    def forward(self, x):
        return functional.relu(self.convolution(x)).mean(dim=(2, 3))

@dataclass(frozen=True, kw_only=True)
class Tiny(Encoder):
    """One convolution."""
    name = "tiny"
    latent_dim: int = 0
    def build(self, image_shape, dropout):
        return Layers(image_shape[2])

@dataclass(frozen=True, kw_only=True)
class Smoothed(Objective):
    """Cross-entropy with smoothed labels."""
    name = "smoothed"
    share: float = 0.1
    def loss(self, logits, labels, projections):
        return functional.cross_entropy(logits.float(), labels, label_smoothing=self.share)

@dataclass(frozen=True)
class Worst(Metric):
    """Recall of the worst class."""
    name = "worst"
    title = "recall of the worst class"
    unit = "percent"
    def measure(self, probabilities, labels):
        right = probabilities.argmax(axis=1) == labels
        return min(float(right[labels == k].mean()) for k in range(probabilities.shape[1]))

def trials():
    return [Trial(dataset="fashion_mini", strategy=get_strategy("margin"), encoder=Tiny(),
                  objective=Smoothed(share=0.2), metrics=(Worst(),), budget=10, rounds=1, training=Training(epochs=2),
                  splits=SplitSettings(initial_size=40, validation_size=50, pool_size=200))]

if __name__ == "__main__":
    sys.exit(sweep(trials))
'''


def test_an_encoder_an_objective_and_a_metric_of_ones_own(folder: Path) -> None:
    """From the sweep file alone: run, recorded by name, reported with its title, set by --set, and repeated."""
    (folder / "mine.py").write_text(EVERY_AXIS)
    run(folder, "--results", "r", "--set", "objective.share=0.1", "--set", "encoder.latent_dim=5")
    results = load_results(folder / "r")
    assert results.rounds["test_worst"].between(0, 1).all()
    (trial,) = results.trials.to_dict("records")
    assert (trial["encoder.name"], trial["encoder.latent_dim"]) == ("tiny", 5)
    assert (trial["objective.name"], trial["objective.share"]) == ("smoothed", 0.1)
    assert "recall of the worst class" in (folder / "r/report/index.html").read_text()
    (trial_id,) = load_manifests(folder / "r")
    command = [sys.executable, "-m", "dalbt_ray.cli", "rerun", "r", trial_id]
    for extra, status, words in (
        ((), 2, "--sweep-file mine.py"),
        (("--sweep-file", "mine.py"), 0, "all 2 rounds repeated, identical to the last bit"),
    ):
        done = subprocess.run(
            [*command, *extra],
            cwd=folder,
            env={"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1", "HOME": str(folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=250,
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert words in done.stdout + done.stderr
