"""Settings, methods and baselines, from configuration columns alone."""

import pandas as pd
import pytest

from dalbt_ray.report.baselines import NEARNESS
from dalbt_ray.report.cells import Method, Setting, find_cells
from tests.analysis_frames import METHODS, Sweep, make_frames, make_study, study_of

MNIST = [("mnist", "", 100)]
RANDOM = ("random", "supervised", 0.0)


def methods(*made: tuple) -> dict[str, Method]:
    """The methods of a study of these, two seeds each."""
    return make_study(Sweep(MNIST, list(made), seeds=2, last_round=1)).methods


def test_what_tells_two_methods_apart_is_in_their_names():
    """Typed values first, names last; a method that nothing is like needs no option."""
    policies = [
        ("dalbt", "joint", 0.0, {"strategy.policy": policy}) for policy in ("inlier_band", "most_outlying")
    ]
    found = methods(*policies, RANDOM, ("random", "supervised", 0.0, {"training.min_steps": 200}))
    assert found == {
        "dalbt (joint, policy=inlier_band)": Method("dalbt", "joint", (("strategy.policy", "inlier_band"),)),
        "dalbt (joint, policy=most_outlying)": Method(
            "dalbt", "joint", (("strategy.policy", "most_outlying"),)
        ),
        "random (supervised, min_steps=0)": Method("random", "supervised", (("training.min_steps", 0),)),
        "random (supervised, min_steps=200)": Method("random", "supervised", (("training.min_steps", 200),)),
    }
    assert list(methods(*METHODS[:3])) == ["dalbt (joint)", "random (joint)", "random (supervised)"]


def test_two_policies_are_never_averaged():
    """Each has its own two seeds, and no check complains of two trials in a cell."""
    policies = [
        ("dalbt", "joint", gain, {"strategy.policy": policy}) for policy, gain in (("a", 0.0), ("b", 0.3))
    ]
    rounds = make_study(Sweep(MNIST, policies, seeds=2, last_round=1)).rounds
    assert (rounds.groupby(["method", "round"])["trial_id"].nunique() == 2).all()
    assert rounds["method"].nunique() == 2


def test_seed_rounds_and_metrics_make_no_method():
    """Trials that differ in these alone are seeds of one another."""
    frames = make_frames(Sweep(MNIST, [RANDOM], seeds=3, last_round=1))
    trials = frames.trials.assign(rounds=[1, 5, 20], rounds_done=[1, 1, 1], metrics=[None, "a", "b"])
    assert list(find_cells(trials).methods) == ["random"]


def test_an_option_that_goes_with_the_setting_names_no_method():
    """MNIST's network is not CIFAR's: a method is the same on both, and can be ranked over settings."""
    frames = make_frames(
        Sweep([("mnist", "", 100), ("cifar10", "", 100)], METHODS[:2], seeds=2, last_round=1)
    )
    cifar = frames.trials["dataset"] == "cifar10"
    trials = frames.trials.copy()
    trials.loc[cifar, ["encoder.name", "encoder.latent_dim", "training.epochs"]] = ["vgg16", 512, 150]
    assert list(find_cells(trials).methods) == ["dalbt", "random"]


def test_options_of_a_part_follow_its_name():
    """Two encoders with their own latents differ in the encoder; two latents of one encoder in the latent."""
    options = {"encoder.name": "resnet18", "encoder.latent_dim": 512}
    assert list(methods(RANDOM, (*RANDOM, options))) == [
        "random (encoder=lenet)",
        "random (encoder=resnet18)",
    ]
    third = (*RANDOM, {"encoder.latent_dim": 30})
    assert "random (encoder=lenet, latent_dim=30)" in methods(RANDOM, (*RANDOM, options), third)


def test_equal_last_words_are_told_apart_by_their_paths():
    """`strategy.temperature` and `training.temperature`."""
    made = [
        ("dalbt", "joint", 0.0, {"strategy.temperature": s, "training.temperature": t})
        for s in (1.0, 2.5)
        for t in (1, 2)
    ]
    assert "dalbt (strategy.temperature=2.5, training.temperature=1)" in methods(*made)


def test_settings_are_told_apart_too():
    """By what is asked: data set, OOD set, budget, and where these are equal, the splits and the policy."""
    frames = make_frames(
        Sweep([("mnist", "", 100), ("mnist", "kmnist", 100)], [RANDOM], seeds=2, last_round=1)
    )
    assert list(find_cells(frames.trials).settings) == ["mnist + kmnist, b=100", "mnist, b=100"]
    trials = frames.trials.assign(**{"splits.initial_size": [20, 100, 100, 100]})
    assert find_cells(trials).settings == {
        "mnist + kmnist, b=100": Setting("mnist", "kmnist", 100),
        "mnist, b=100, initial_size=20": Setting("mnist", "", 100, (("splits.initial_size", 20),)),
        "mnist, b=100, initial_size=100": Setting("mnist", "", 100, (("splits.initial_size", 100),)),
    }


def test_names_that_coincide_are_numbered():
    """The text "1" and the number 1 are two options with one look."""
    made = [("dalbt", "joint", 0.0, {"strategy.policy": policy}) for policy in (1, "1")]
    assert sorted(methods(*made)) == ["dalbt (policy=1)", "dalbt (policy=1) #2"]


@pytest.mark.parametrize("name", ["my (v2)", "random (joint)", "a, b", "dalbt"])
def test_a_strategy_may_be_called_anything(name: str):
    """Its baseline is found by columns: the random under its own objective."""
    study = make_study(
        Sweep(MNIST, [(name, "supervised", 0.0), RANDOM, ("random", "joint", 0.0)], seeds=2, last_round=1)
    )
    method = next(key for key, value in study.methods.items() if value.strategy == name)
    assert study.baseline("mnist, b=100", method) == "random (supervised)"


def test_the_nearest_random_is_found_in_the_stated_order():
    """No random equals dalbt: the one with its objective comes before the one with its training; then the fewest."""
    assert NEARNESS.index("objective") < NEARNESS.index("training")
    made = [
        ("dalbt", "joint", 0.0, {"training.epochs": 50, "strategy.policy": "a"}),
        ("random", "supervised", 0.0, {"training.epochs": 50}),
        ("random", "joint", 0.0, {"training.epochs": 20}),
        ("random", "joint", 0.0, {"training.epochs": 20, "training.min_steps": 7}),
    ]
    study = make_study(Sweep(MNIST, made, seeds=2, last_round=1))
    assert study.baseline("mnist, b=100", "dalbt (joint)") == "random (joint, min_steps=0)"
    shown = {
        pair.baseline: pair.shows for pair in study.pairs("mnist, b=100") if pair.method == "dalbt (joint)"
    }
    assert shown == {
        "random (joint, min_steps=0)": "selection + epochs",
        "random (supervised)": "selection + objective",
    }


def test_a_strategy_that_brings_its_own_network_is_told():
    """Its configuration equals random's, the network that is trained does not: the difference shows both."""
    frames = make_frames(Sweep(MNIST, [("dbal", "supervised", 0.0), RANDOM], seeds=2, last_round=1))
    rounds = frames.rounds.copy()
    rounds.loc[rounds["strategy"] == "dbal", "network_id"] = "with dropout"
    (pair,) = study_of(frames, rounds=rounds).pairs("mnist, b=100")
    assert (pair.baseline, pair.shows) == ("random", "selection + learner")


def test_a_random_that_trains_the_same_network_is_nearest():
    """A control with dropout for a strategy that brings dropout, though their configurations differ."""
    control = (*RANDOM, {"network.dropout": 0.5})
    frames = make_frames(Sweep(MNIST, [("dbal", "supervised", 0.0), RANDOM, control], seeds=2, last_round=1))
    rounds = frames.rounds.copy()
    rounds.loc[rounds["strategy"] == "dbal", "network_id"] = rounds["network_id"].iloc[-1]
    study = study_of(frames, rounds=rounds)
    assert study.baseline("mnist, b=100", "dbal") == "random (dropout=0.5)"


def test_no_trial_at_all():
    """A sweep whose trials fail before their first round has no methods."""
    empty = pd.DataFrame(columns=["dataset", "ood", "budget", "strategy.name", "objective.name"])
    assert find_cells(empty).methods == {}


def test_a_class_split_is_a_mixed_pool_by_name() -> None:
    """The configuration names no OOD set, so the classes that are not learned stand for one."""
    trials = pd.DataFrame(
        {
            "dataset": "cifar10", "ood": "", "budget": 100, "strategy.name": "margin", "objective.name": "supervised",
            "splits.known_classes": [4.0, None, None], "splits.known_names": ["[]", "[]", '["cat", "dog"]'],
        },
        index=["a", "b", "c"],
    )  # fmt: skip
    named = find_cells(trials).trials["setting"].tolist()
    assert named[0].startswith("cifar10 + other classes, b=100")
    assert named[1] == "cifar10, b=100"
    assert named[2].startswith("cifar10 + other classes, b=100")
