"""Which of the paper's claims hold under its own recipe, and which under one that trains every arm long enough?

    python sweeps/two_recipes.py --preset paper --data-root DIR
    python sweeps/two_recipes.py --preset sound --data-root DIR
    python sweeps/two_recipes.py --preset sound_core --data-root DIR

MNIST and Fashion-MNIST, LeNet, 100 labels at first and 100 a round to 1,000, 10 seeds: every method of the paper, and
entropy, margin and BADGE. dalbt, random and margin run under both objectives. Random runs under every learner that a
method brings (dropout, a variational bottleneck, a critic), so that what a method gains by its selection is told from
what its network gains.

`paper`: 20 epochs a round on MNIST and 150 on Fashion-MNIST, no augmentation, plain Weibull fits, and no step more for
the learners whose own networks would ask for it. `sound`: `dalbt_ray.sound`, everybody augmented and trained longer,
and this project's defaults for every method. `sound_core` is a part of `sound` that two cores do in
some two hours: MNIST, the plain network, dalbt and random under both objectives, margin and BADGE. Its trials are those
of `sound`, which goes on from them where both have one `--results`.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

from dalbt_ray import (
    Adversarial,
    Learner,
    Method,
    Plain,
    Supervised,
    Trial,
    Variational,
    WithDropout,
    compare,
    get_strategy,
    sound,
    sweep,
    with_seeds,
)
from sweeps.paper_grid import PAPER_STRATEGIES, lenet

METHODS = [*(name for name in PAPER_STRATEGIES if name != "random"), "entropy", "margin", "badge"]
BOTH_OBJECTIVES = ("dalbt", "random", "margin")
CORE = {
    ("random", "joint"),
    ("dalbt", "joint"),
    ("random", "supervised"),
    ("dalbt", "supervised"),
    ("margin", "supervised"),
    ("badge", "supervised"),
}
DATASETS = ("mnist", "fashion_mnist")
SEEDS = range(10)


def paper() -> list[Trial]:
    """The paper's recipe: all classifiers of a data set train the same number of steps."""
    decoder = replace(Variational().auxiliary, pool_epochs=0.0)
    critic = replace(Adversarial().auxiliary, pool_epochs=0.0)
    options: dict[str, dict[str, object]] = {
        "dalbt": {"tails": "plain"},
        "dal_osr": {"auxiliary": decoder},
        "waal": {"auxiliary": critic},
    }
    methods = [get_strategy(name, **options.get(name, {})) for name in METHODS]
    learners = (WithDropout(), Variational(auxiliary=decoder), Adversarial(auxiliary=critic))
    return _study([setting(dataset) for dataset in DATASETS], methods, learners)


def sound_recipe() -> list[Trial]:
    """The sound recipe; decoder and critic train as many steps as the pool asks for, their random's too."""
    methods = [get_strategy(name) for name in METHODS]
    settings = [sound(setting(dataset)) for dataset in DATASETS]
    return _study(settings, methods, (WithDropout(), Variational(), Adversarial()))


def sound_core() -> list[Trial]:
    """Of the sound recipe what tells on MNIST whether DALBT is ahead of random, and by its loss or its selection."""
    return [
        trial
        for trial in sound_recipe()
        if trial.dataset == "mnist"
        and trial.learner == Plain()
        and (trial.strategy.name, trial.objective.name) in CORE
    ]


def setting(dataset: str) -> Trial:
    """100 labels at first, 9 queries of 100."""
    return replace(lenet(dataset, 100), rounds=9)


def _study(settings: list[Trial], methods: Sequence[Method], learners: Sequence[Learner]) -> list[Trial]:
    random = get_strategy("random")
    cells = [
        trial
        for each in settings
        for trial in [
            *map(_named, compare(each, [*methods, random], both=BOTH_OBJECTIVES)),
            *(
                replace(each, strategy=random, objective=Supervised(), learner=learner)
                for learner in learners
            ),
        ]
    ]
    return with_seeds(cells, SEEDS)


def _named(trial: Trial) -> Trial:
    """The plain learner by its name, as the randoms have theirs: else a report took "as needed" for another one."""
    plain = trial.makeup.is_plain and trial.makeup.members == 1
    return replace(trial, learner=Plain()) if plain else trial


PRESETS = {"paper": paper, "sound": sound_recipe, "sound_core": sound_core}

if __name__ == "__main__":
    sys.exit(sweep(PRESETS, __doc__, results="results/two_recipes"))
