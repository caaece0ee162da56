"""A sweep on Ray gives, bit for bit, what the same trials give without it, whatever is killed on the way."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import psutil
import pytest

from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.data.image_set import ImageSetFiles, load_image_set
from dalbt_ray.errors import InputError
from dalbt_ray.launch.in_process import run_in_process
from dalbt_ray.launch.progress import Progress
from dalbt_ray.results import ResultsStore, load_results
from tests.integration.sweeps import (
    REPOSITORY,
    STARTS_RAY,
    command,
    committed_rounds,
    hashes,
    run_on_ray,
    small_trials,
)
from tests.integration.waiting import wait_for

pytestmark = STARTS_RAY


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Hashes of the small trials, run in this process without Ray."""
    root = tmp_path_factory.mktemp("undisturbed")
    ResultsStore(root).create_or_open({"sweep": "test"})
    trials = small_trials()
    with Progress(len(trials)) as progress:
        outcome = run_in_process(trials, str(root), None, progress)
    assert (outcome.done, outcome.failed) == (4, 0)
    return hashes(root)


def test_ray_and_this_process_give_the_same_bits(
    tmp_path: Path, undisturbed: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Four trials hold both CPUs, so nothing of Ray Data may ask for one; the console stays quiet."""
    root = tmp_path / "ünder a folder"
    outcome = run_on_ray(small_trials(), root)
    assert (outcome.done, outcome.failed, outcome.interrupted) == (4, 0, False)
    assert hashes(root) == undisturbed
    printed = "".join(capfd.readouterr())
    assert len(printed.splitlines()) <= 40
    assert "ray" not in printed.lower()


def test_a_killed_worker_changes_nothing(
    tmp_path: Path, undisturbed: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    """SIGKILL to the process of a trial in the middle: Tune starts it again, from its last committed round."""

    def kill_one() -> None:
        wait_for(lambda: committed_rounds(tmp_path) >= 1, seconds=120)
        workers = [
            p for p in psutil.Process().children(recursive=True) if p.name().startswith("ray::Implicit")
        ]
        os.kill(workers[0].pid, signal.SIGKILL)

    killer = Thread(target=kill_one)
    killer.start()
    outcome = run_on_ray(small_trials(), tmp_path)
    killer.join()
    assert (outcome.done, outcome.failed) == (4, 0)
    assert hashes(tmp_path) == undisturbed
    assert "WorkerLost: The actor died unexpectedly" in "".join(capfd.readouterr())


def test_a_killed_driver_is_resumed_by_the_same_command(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    """SIGKILL to the driver after the first round: its Ray goes with it, and the next run completes the tables."""
    driver = subprocess.Popen(
        command(tmp_path), cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    wait_for(lambda: committed_rounds(tmp_path) >= 1, seconds=120)
    family = psutil.Process(driver.pid).children(recursive=True)
    driver.kill()
    driver.wait()
    _, alive = psutil.wait_procs(family, timeout=120)  # Ray's agents try for a minute to reach the head first
    assert not alive
    assert subprocess.run(command(tmp_path), cwd=REPOSITORY, check=False).returncode == 0
    assert hashes(tmp_path) == undisturbed


def test_a_trial_that_fails_leaves_the_others_alone(tmp_path: Path) -> None:
    """A trial that no data set can serve fails for good, with a file that says why; the other is published."""
    good, bad = small_trials(seeds=1, rounds=0)
    bad = replace(bad, splits=replace(bad.splits, initial_size=20_000))
    outcome = run_on_ray([good, bad], tmp_path)
    assert (outcome.done, outcome.failed, outcome.exit_status) == (1, 1, 1)
    (error,) = ResultsStore(tmp_path).errors().values()
    assert error["type"] == "InputError"


def test_a_trial_beyond_its_time_is_given_up(tmp_path: Path) -> None:
    """The time limit ends one trial between two steps; its committed rounds stay for the next run."""
    trials = small_trials(seeds=1, rounds=0, epochs=100_000)[:1]
    outcome = run_on_ray(trials, tmp_path, ClusterOptions(own_cpus=1, trial_timeout_s=1.0))
    assert (outcome.done, outcome.failed) == (0, 1)
    (error,) = ResultsStore(tmp_path).errors().values()
    assert error["type"] == "TrialTimeout"


def test_two_workers_train_one_trial(tmp_path: Path) -> None:
    """A worker group under DDP acquires what one process acquires; sums differ in the last bits only."""
    trials = small_trials(seeds=1, rounds=1)[:1]
    outcome = run_on_ray(trials, tmp_path / "two", ClusterOptions(own_cpus=2, workers_per_trial=2))
    assert (outcome.done, outcome.failed) == (1, 0)
    ResultsStore(tmp_path / "one").create_or_open({"sweep": "test"})
    with Progress(1) as progress:
        run_in_process(trials, str(tmp_path / "one"), None, progress)
    one, two = load_results(tmp_path / "one"), load_results(tmp_path / "two")
    assert one.selections["row"].tolist() == two.selections["row"].tolist()
    np.testing.assert_allclose(one.rounds["train_loss"], two.rounds["train_loss"], rtol=1e-4)


def test_what_cannot_fit_is_refused_before_anything_runs(tmp_path: Path) -> None:
    """Nine GPUs on a machine with none."""
    with pytest.raises(InputError, match="gpus_per_trial"):
        run_on_ray(small_trials(), tmp_path, ClusterOptions(own_cpus=2, own_gpus=0, gpus_per_trial=9))


@pytest.mark.parametrize("reader", ["Ray Data", "driver"])
def test_shared_images_are_those_of_the_image_set(reader: str) -> None:
    """What is in shared memory are the images of `load_image_set` in its order, however they are asked for."""
    from dalbt_ray.cluster.connection import connected
    from dalbt_ray.cluster.read_ahead import ReadAhead
    from dalbt_ray.cluster.shared_images import materialize_image_set

    plain = load_image_set("fashion_mini", "kmnist_mini")
    ahead = ReadAhead([("fashion_mini", "kmnist_mini", None)], None)
    with connected(ClusterOptions(own_cpus=2)):
        shared = ahead.next_shared()
        if reader == "Ray Data":
            shared = materialize_image_set(ImageSetFiles.find("fashion_mini", "kmnist_mini", None))
        assert shared is not None
        assert len(shared.images) == len(plain.images)
        assert shared.images.shape == plain.images.shape
        for size in (1_000, 777):
            for (first, images), (row, wanted) in zip(
                shared.images.batches(size), plain.images.batches(size), strict=True
            ):
                assert first == row
                np.testing.assert_array_equal(images, wanted)
        rows = np.random.default_rng(0).integers(0, len(plain.images), 500)
        np.testing.assert_array_equal(shared.images.take(rows), plain.images.take(rows))
        assert shared.images.take(rows[:0]).shape == plain.images.take(rows[:0]).shape
        np.testing.assert_array_equal(shared.labels, plain.labels)
        assert shared.data_hash == plain.data_hash


def test_a_trial_is_given_a_process_that_was_started_ahead() -> None:
    """Ray's Train for torch, which the function does not import, is there when Tune runs it."""
    from ray import tune

    from dalbt_ray.cluster.connection import connected
    from dalbt_ray.cluster.started_ahead import usable_by_tune

    def imported(_config: dict[str, Any]) -> None:
        tune.report({"imported": "ray.train.torch" in sys.modules})

    with connected(ClusterOptions(own_cpus=1), trials=1) as connection, usable_by_tune(own=True):
        storage = tune.RunConfig(name="tune", storage_path=str(connection.folder), verbose=0)
        assert tune.Tuner(imported, run_config=storage).fit()[0].metrics["imported"]
