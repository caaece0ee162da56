"""What the layout promises: rooms, names, one face, and nothing that switches on the name of a value."""

import ast
from collections import Counter
from pathlib import Path

import pytest

import dalbt_ray
from dalbt_ray.config import Trial, known_classes
from dalbt_ray.metrics import METRICS, Metric
from dalbt_ray.models import Encoder
from dalbt_ray.objectives import Objective
from dalbt_ray.options.describe import options_page

ROOT = Path(dalbt_ray.__file__).parents[1]
PACKAGE = ROOT / "dalbt_ray"
MODULES = [path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]

FACE = [
    "Adversarial", "AsNeeded", "Augmentation", "Backbone", "ByolViews", "ConsistentDropout", "DigitViews",
    "Encoder", "Ensemble", "Frozen", "InputError", "Joint", "LeNet", "Learner", "Method", "Metric", "Needs",
    "NetworkSettings", "NormalizedLatent", "NotPretrained", "Objective", "Plain", "PoolView", "Pretraining", "Ranked",
    "ResNet18", "ShiftAndFlip", "SplitSettings", "Supervised", "Timm", "Training", "Trial", "TwinsOnPool",
    "Unaugmented", "VGG16", "Variational", "Vicreg", "Views", "WithDropout", "compare", "get_strategy",
    "load_results", "own_objective", "paper_splits", "sound", "sweep", "with_seeds",
]  # fmt: skip
"""What a sweep file may import from `dalbt_ray`. A name that goes breaks users; one that joins is a promise."""


def test_the_face_is_what_a_sweep_file_needs_and_nothing_else() -> None:
    """Every public name resolves, and the list is the one that is documented."""
    assert sorted(dalbt_ray.__all__) == sorted(FACE)
    assert all(getattr(dalbt_ray, name) is not None for name in FACE)
    with pytest.raises(AttributeError, match="no attribute 'nonesuch'"):
        dalbt_ray.nonesuch  # noqa: B018


def test_shipped_sweep_files_import_from_the_face_and_from_each_other_only() -> None:
    """A reader of one learns one import; an option's own vocabulary (`Policy`) is the exception."""
    for path in (ROOT / "sweeps").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            named = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            named += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            for module in named:
                inside = module.startswith("dalbt_ray.") and not module.startswith("dalbt_ray.strategies.")
                assert not inside, f"{path.name}: {module}"


def test_at_most_six_loose_modules() -> None:
    """A newcomer sees rooms."""
    assert len([path for path in PACKAGE.glob("*.py") if path.name != "__init__.py"]) <= 6


def test_nothing_is_unpickled() -> None:
    """Whoever can write to a folder that is read would run code."""
    assert [str(path) for path in PACKAGE.rglob("*.py") if _unpickles(path.read_text())] == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "def f():\n    from cloudpickle import loads",
        "torch.load(file)",
        "torch.load(file, weights_only=False)",
        "np.load(file, allow_pickle=True)",
        "pd.read_pickle(file)",
    ],
)
def test_what_unpickles_is_seen(code: str) -> None:
    """So that the test above can fail."""
    assert _unpickles(code)
    assert not _unpickles("torch.load(file, weights_only=True)\nnp.load(file)")


def _unpickles(code: str) -> bool:
    """Whether a module is imported that unpickles, or a function called that does."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            if names & {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}:
                return True
        if isinstance(node, ast.Call):
            called, call = ast.unparse(node.func), ast.unparse(node)
            weights = called == "torch.load" and "weights_only=True" not in call
            if weights or called.endswith("read_pickle") or "allow_pickle=True" in call:
                return True
    return False


def test_parquet_is_read_in_the_thread_that_asks() -> None:
    """A thread of Arrow's that holds the last reference to Python's bytes aborts a process that ends."""
    assert [str(file) for file in MODULES if "pq.read_table(" in file.read_text()] == []


def test_no_two_modules_share_a_name() -> None:
    """So that a name in a trace, a review or a search means one file."""
    counts = Counter(path.stem for path in MODULES)
    assert [name for name, count in counts.items() if count > 1] == []


def test_no_file_is_longer_than_three_hundred_lines() -> None:
    """One idea a file."""
    assert [path.name for path in MODULES if len(path.read_text().splitlines()) > 300] == []


def _names_of_values() -> set[str]:
    classes = known_classes()
    names = {name for base in (Objective, Encoder) for name in classes[base]}
    return names | {metric.column for metric in METRICS} | {metric.name for metric in METRICS}


def test_nothing_switches_on_the_name_of_an_encoder_objective_or_metric() -> None:
    """No module but a value's own compares with its name or looks something up by it.

    Columns of the results' contract may be *read* by name (`frame["test_accuracy"]`); a decision that depends on which
    encoder, objective or metric it is belongs into the value.
    """
    names = _names_of_values()
    homes = {Path(__import__(cls.__module__, fromlist=["_"]).__file__) for cls in _classes()}
    offenders = []
    for path in MODULES:
        if path in homes:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            values: list[ast.expr] = []
            if isinstance(node, ast.Compare):
                values = [node.left, *node.comparators]
            elif isinstance(node, ast.MatchValue):
                values = [node.value]
            elif isinstance(node, ast.Dict):
                values = [key for key in node.keys if key is not None] if len(node.keys) > 1 else []
                if not _only_names(node, names):
                    values = []
            offenders += [
                f"{path.name}:{value.lineno} {value.value!r}"
                for value in values
                if isinstance(value, ast.Constant) and value.value in names
            ]
    assert offenders == []


def _only_names(node: ast.Dict, names: set[str]) -> bool:
    keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
    return bool(keys) and sum(key in names for key in keys) > len(keys) / 2


def _classes() -> set[type]:
    classes = known_classes()
    return {cls for base in (Objective, Encoder, Metric) for cls in classes[base].values()}


def test_the_page_of_options_is_generated() -> None:
    """docs/options.md says what the classes say: `make docs` writes it."""
    assert (ROOT / "docs" / "options.md").read_text() == options_page(Trial, known_classes())


def test_every_option_has_a_meaning() -> None:
    """A field without a word in its class's docstring is a hole in the page."""
    rows = [line for line in options_page(Trial, known_classes()).splitlines() if line.startswith("| `")]
    assert len(rows) > 60
    assert [row.split("|")[1] for row in rows if not row.rstrip("| ").rpartition("|")[2].strip()] == []
