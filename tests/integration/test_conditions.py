"""A trial that goes on on another kind of machine says so: its bits may not be those of either."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dalbt_ray.results import Record, ResultsStore, load_manifests, load_results
from dalbt_ray.trial.conditions import conditions, other_conditions
from dalbt_ray.trial.machine import instructions, processor
from dalbt_ray.trial.rounds import run_trial
from tests.results_records import records
from tests.small_trials import small_image_set, small_trial


def elsewhere(record: Record) -> Record:
    """The same round, computed on another CPU."""
    return replace(record, timing=replace(record.timing, cpu="Other CPU", instructions="AVX512"))


def test_rounds_of_equal_conditions_are_one_entry() -> None:
    """Each with the first round that had them."""
    one, two, three = records(3)
    found = conditions([one, elsewhere(two), elsewhere(three)])
    assert [(each["first_round"], each["cpu"]) for each in found] == [(0, None), (1, "Other CPU")]


def test_older_rounds_do_not_tell_their_cpu() -> None:
    """Nothing can be said of them then."""
    assert other_conditions([], torch.device("cpu")) == ""
    threads = torch.get_num_threads()
    old = replace(records(1)[0], timing=replace(records(1)[0].timing, threads=threads))
    assert other_conditions([old], torch.device("cpu")) == ""


def test_a_resume_on_another_cpu_is_told_and_recorded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning when it begins; in the manifest, which rounds were computed on which CPU; in `timings`, each round."""
    trial, images = small_trial(rounds=1), small_image_set()
    store = ResultsStore(tmp_path / "resumed")
    whole = ResultsStore(tmp_path / "whole")
    for each in (store, whole):
        each.create_or_open({})
    run_trial(trial, images, whole)
    trial_id = trial.trial_id(images.data_hash)
    assert len(load_manifests(whole.location)[trial_id]["conditions"]) == 1
    assert not caplog.records
    whole.reopen(trial_id)
    store.journal(trial_id).commit(0, elsewhere(whole.journal(trial_id).rounds()[0]))
    run_trial(trial, images, store)
    assert f"cpu Other CPU -> {processor()}" in caplog.text
    found = load_manifests(store.location)[trial_id]["conditions"]
    assert [(each["first_round"], each["cpu"]) for each in found] == [(0, "Other CPU"), (1, processor())]
    assert load_results(store.location).timings["instructions"].tolist() == ["AVX512", instructions()]
