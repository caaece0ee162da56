"""The sound recipe, and the study that sets it against the paper's: what a report may conclude depends on its arms."""

from collections import Counter
from dataclasses import replace

import pytest

from dalbt_ray import Frozen, Supervised, Training, Trial, sound
from dalbt_ray.report.baselines import pairs
from dalbt_ray.report.cells import find_cells
from dalbt_ray.results import ResultsStore, load_manifests, verify
from dalbt_ray.results.trial_frame import trial_frame
from dalbt_ray.views.shift_and_flip import ShiftAndFlip
from dalbt_ray.views.unaugmented import Unaugmented
from scripts.make_recipe_page import PAGE, RESULTS, recipe_page
from sweeps.recipe import recipe
from sweeps.two_recipes import PRESETS


def test_sound_changes_the_recipe_and_nothing_else() -> None:
    """Data, splits, methods and the optimizer's options stay; twice is once."""
    trial = Trial(dataset="fashion_mnist", training=Training(learning_rate=0.01, batch_size=32), seed=3)
    made = sound(trial)
    back = replace(
        made,
        training=replace(
            made.training,
            epochs=trial.training.epochs,
            min_steps=trial.training.min_steps,
            schedule=trial.training.schedule,
        ),
        augmentation=trial.augmentation,
        encoder=trial.encoder,
        network=replace(made.network, latent_norm=trial.network.latent_norm),
    )
    assert back == trial
    assert sound(made) == made != trial


@pytest.mark.parametrize(
    ("dataset", "flip"),
    [("fashion_mini", 0.5), ("cifar10", 0.5), ("mnist", 0.0), ("svhn", 0.0), ("mine", 0.0)],
)
def test_only_what_may_be_mirrored_is(dataset: str, flip: float) -> None:
    """A digit has a right way round, and of a user's own images nobody knows."""
    augmentation = sound(Trial(dataset=dataset)).augmentation
    assert isinstance(augmentation, ShiftAndFlip)
    assert augmentation.flip == flip


def test_fixed_features_are_not_augmented() -> None:
    """The recipe of a solved head is no recipe: it stays valid, and its network what it was."""
    made = sound(Trial(objective=Supervised(), encoder=Frozen()))
    assert made.augmentation == Unaugmented()
    assert made.network == Trial().network


@pytest.mark.parametrize("preset", ["paper", "sound"])
def test_every_arm_of_the_study_has_a_random_that_trains_the_same(preset: str) -> None:
    """Else the page could not tell the selection from the network."""
    trials = PRESETS[preset]()
    assert Counter(trial.dataset for trial in trials) == {"mnist": 190, "fashion_mnist": 190}
    randoms = {
        (trial.dataset, trial.seed, trial.network_id) for trial in trials if trial.strategy.name == "random"
    }
    arms = [trial for trial in trials if trial.strategy.name != "random"]
    assert {(trial.dataset, trial.seed, trial.network_id) for trial in arms} == randoms
    twice = Counter(trial.strategy.name for trial in arms if trial.objective.name == "joint")
    assert twice == {"dalbt": 20, "margin": 20}


@pytest.mark.parametrize("preset", ["paper", "sound"])
def test_a_report_finds_no_other_learner_where_the_plain_network_is_trained(preset: str) -> None:
    """DALBT's loss makes another network than random's; that is the objective, and no learner."""
    trials = {f"{n}": trial for n, trial in enumerate(PRESETS[preset]()) if trial.dataset == "mnist"}
    cells = find_cells(trial_frame({name: (trial.as_json(), "ok", 10) for name, trial in trials.items()}))
    networks = {cells.trials.loc[name, "method"]: trial.network_id for name, trial in trials.items()}
    configs = cells.configs.loc["mnist, b=100"]
    configs = configs.assign(network_id=configs.index.map(networks))
    shown = {(pair.method, pair.baseline): pair.shows for pair in pairs(configs)}
    plain, dropout = "random (supervised, learner=plain)", "random (supervised, learner=dropout)"
    assert shown["dalbt (joint)", "random (joint)"] == shown["badge (supervised)", plain] == "selection"
    assert shown["dalbt (joint)", plain] == "selection + objective"
    assert shown["dbal (supervised)", dropout] == "selection"
    assert shown[dropout, plain] == "learner"


def test_the_core_of_the_sound_study_is_a_part_of_it() -> None:
    """MNIST alone, ten seeds, each rival of DALBT with the random of its own objective; nothing is run twice."""
    core = PRESETS["sound_core"]()
    assert {trial.trial_id("data") for trial in core} < {each.trial_id("data") for each in PRESETS["sound"]()}
    arms = Counter((trial.dataset, trial.strategy.name, trial.objective.name) for trial in core)
    both = ("joint", "supervised")
    assert arms == {
        **{("mnist", name, objective): 10 for name in ("random", "dalbt") for objective in both},
        **{("mnist", name, "supervised"): 10 for name in ("margin", "badge")},
    }


def test_under_the_papers_recipe_all_classifiers_train_as_long() -> None:
    """Decoder and critic ask for no step beyond the paper's epochs."""
    trials = PRESETS["paper"]()
    assert {trial.training.min_steps for trial in trials} == {0}
    joined = {trial.strategy.name: auxiliary for trial in trials if (auxiliary := trial.makeup.auxiliary)}
    assert {"dal_osr", "waal"} <= joined.keys()
    for name, auxiliary in joined.items():
        assert auxiliary.classifier_steps(40, unlabeled=44_900, batch_size=64) == 40, name


def test_the_page_is_what_the_results_say() -> None:
    """Every number on docs/recipe.md is computed from the bundle, which has every trial of the sweep file."""
    assert PAGE.read_text() == recipe_page()
    published = ResultsStore(RESULTS).published_rounds()
    data_hash = next(iter(load_manifests(RESULTS).values()))["data_hash"]
    assert {trial.trial_id(data_hash) for trial in recipe()} == set(published)
    assert not verify(RESULTS).damaged


def test_no_seed_of_a_study_chose_the_recipe() -> None:
    """Nor did a test set: validation accuracy is all that the page shows."""
    assert min(trial.seed for trial in recipe()) >= 1000
    assert "test" not in recipe_page().partition("| learner")[2].partition("## ")[0]
