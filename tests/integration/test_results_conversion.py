"""The script that brought the MNIST study of before the first release into today's form."""

import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dalbt_ray.results import ResultsStore, load_manifests, load_results, trial_id, verify
from dalbt_ray.results.load import open_results
from dalbt_ray.results.parquet_form import decode, encode
from dalbt_ray.results.storage.location import open_storage
from dalbt_ray.results.storage.sealed import seal
from tests.results_records import identity, run_trial

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
from convert_study import Identity, convert, new_config  # type: ignore[import-not-found]

OLD = {
    "dataset": "mnist",
    "objective": "joint",
    "rounds": 2,
    "strategy": {"name": "dalbt", "policy": "most_outlying"},
    "network": {
        "encoder": "lenet",
        "latent_dim": 60,
        "latent_norm": "none",
        "projector": [128, 128],
        "variational": False,
    },
    "views": {"flip": 0.5},
    "training": {
        "epochs": 20,
        "self_supervised_weight": 0.001,
        "redundancy_weight": 0.0051,
        "self_supervised_data": "labeled",
    },
}


def test_encoder_and_objective_become_values() -> None:
    """Their options move with them; options of an objective that was not used are dropped."""
    assert new_config(OLD) == {
        "dataset": "mnist",
        "rounds": 2,
        "encoder": {"name": "lenet", "latent_dim": 60},
        "network": {"latent_norm": "none", "projector": [128, 128]},
        "objective": {
            "name": "joint",
            "self_supervised_weight": 0.001,
            "redundancy_weight": 0.0051,
            "self_supervised_data": "labeled",
        },
        "training": {"epochs": 20},
        "strategy": {"name": "dalbt", "policy": "most_outlying", "tails": "plain"},
        "views": {"name": "byol", "flip": 0.5},
        "metrics": [],
    }
    assert new_config(OLD | {"objective": "supervised"})["objective"] == {"name": "supervised"}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Two trials as they were written then: the column `variant`, old words, no next query."""
    root = tmp_path / "old"
    store = ResultsStore(root)
    store.create_or_open({"sweep": "old"})
    for number in range(2):
        name = run_trial(store, number)
        file = root / "rounds" / f"{name}.parquet"
        rounds = decode("rounds", file.read_bytes())
        data = encode(rounds.append_column("variant", pa.array(["200 steps"] * 3)))
        file.write_bytes(data)
        manifest = store.manifest(name)
        del manifest["next_query"]
        manifest["files"]["rounds"] |= {"sha256": sha256(data).hexdigest(), "bytes": len(data)}
        manifest |= {
            "config": OLD | {"seed": number},
            "variant": "200 steps",
            "data_hash": "data",
            "data": {"foreign": 0, "foreign_in_own": 0, "pool": 90},
        }
        (root / "trials" / f"{name}.json").write_bytes(seal("trial", manifest))
    return root


def identify(config: dict[str, Any], data_hash: str) -> Identity:
    """Identity without today's `Trial`, which grows."""
    return Identity(trial_id(config, data_hash, 1), "12345678", f"seed {config['seed']}", config)


def test_an_old_folder_becomes_a_bundle(old: Path, tmp_path: Path) -> None:
    """What was measured stays; ids, words and configurations are today's; the old folder is only read."""
    before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    measured = load_results(old)
    ids = convert(open_results(old), open_storage(tmp_path / "new"), identify)
    assert {path: path.read_bytes() for path in old.rglob("*") if path.is_file()} == before
    assert sorted(ids) == sorted(identity(number) for number in range(2))
    found = load_results(tmp_path / "new")
    kept = [name for name in measured.rounds.columns if name not in ("trial_id", "variant", "network_id")]
    for name in ids:
        one = measured.rounds[measured.rounds["trial_id"] == name]
        other = found.rounds[found.rounds["trial_id"] == ids[name]]
        assert one[kept].reset_index(drop=True).equals(other[kept].reset_index(drop=True))
    assert set(found.rounds["network_id"]) == {"12345678"}
    assert "variant" not in found.rounds
    manifest = load_manifests(tmp_path / "new")[ids[identity(1)]]
    assert manifest["data"] == {"ood": 0, "ood_in_train": 0, "pool": 90}
    assert manifest["converted_from"] == identity(1)
    assert "variant" not in manifest
    report = verify(tmp_path / "new")
    assert (report.trials, report.damaged, report.refused) == (2, (), ())
    ResultsStore(tmp_path / "new").reopen(ids[identity(0)])
    assert ResultsStore(tmp_path / "new").unfinished() == {ids[identity(0)]: 2}
