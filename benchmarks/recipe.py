"""What a hundred MNIST labels are worth under the sound recipe, under both objectives and after pretraining.

Five seeds of the paper's splits, LeNet, one round on the 100 initial labels, test accuracy:

- supervised and joint, and their difference, paired on seeds with a 95 % t interval;
- supervised with twice the steps: a network that is trained to the end does not change;
- how many predicted classes DALBT's first 100 picks come from, under both objectives (the fewest over seeds);
- Barlow Twins on the 45,000 images of the pool with views for digits, then a linear head; its CPU seconds.

Nothing here chooses anything: the recipe's numbers come from sweeps/recipe.py. Seconds are CPU seconds on one thread,
those of a pretraining with an empty cache. Takes about 10 minutes of one core.

    python benchmarks/recipe.py --data-root DIR
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from dalbt_ray import DigitViews, Joint, Supervised, Trial, get_strategy, paper_splits, sound
from dalbt_ray.data.image_set import ImageSet, load_image_set
from dalbt_ray.metrics.accuracy import accuracy
from dalbt_ray.pretraining.twins_on_pool import TwinsOnPool
from dalbt_ray.report.paired import paired_t_test
from dalbt_ray.trial.networks import Run, score_pool, score_test, score_validation, train_networks
from dalbt_ray.trial.oracle import Oracle
from dalbt_ray.trial.round_rows import replay
from dalbt_ray.trial.rounds import acquire
from dalbt_ray.workers.world import World

SEEDS = range(5)
SETTING = sound(
    Trial(
        dataset="mnist", strategy=get_strategy("dalbt"), objective=Supervised(), splits=paper_splits("mnist")
    )
)


def main() -> None:
    """Train, print what was seen, and one line per bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data-root", type=Path, required=True, help="folder with MNIST")
    image_set = load_image_set("mnist", "", parser.parse_args().data_root)
    torch.set_num_threads(1)
    doubled = replace(
        SETTING.training, epochs=2 * SETTING.training.epochs, min_steps=2 * SETTING.training.min_steps
    )
    supervised, classes = under(SETTING, image_set)
    joint, joint_classes = under(replace(SETTING, objective=Joint()), image_set)
    twice, _ = under(replace(SETTING, training=doubled), image_set, picks=False)
    for name, found in (("supervised", supervised), ("joint", joint)):
        bar(f"{name}_at_100_labels", 100 * found.mean(), 80, "%")
    tested = paired_t_test((joint - supervised)[:, None])
    low, high = float(tested.low[0]), float(tested.high[0])
    print(f"joint - supervised: {100 * low:+.1f} to {100 * high:+.1f} points")
    bar("joint_not_below_supervised_upper_end", 100 * high, 0, "points")
    bar("doubling_the_steps_changes", 100 * abs(float((twice - supervised).mean())), 1, "points", most=True)
    bar("predicted_classes_of_first_picks", min(*classes, *joint_classes), 6, "classes")
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        pretrained = replace(SETTING, pretraining=TwinsOnPool(), views=DigitViews())
        seconds = [pretraining_seconds(replace(pretrained, seed=seed), image_set, cache) for seed in SEEDS]
        head, _ = under(pretrained, image_set, picks=False, cache=cache)
        tune = replace(pretrained, pretraining=TwinsOnPool(then="fine_tune"))
        tuned, _ = under(tune, image_set, picks=False, cache=cache)
    print(
        f"fine-tuned after pretraining: {100 * tuned.mean():.1f} %, {100 * tuned.std(ddof=1):.1f} over seeds"
    )
    bar("pretrained_linear_head_at_100_labels", 100 * head.mean(), 88, "%")
    bar("pretraining_cpu_seconds", max(seconds), 120, "s", most=True)


def under(
    trial: Trial, image_set: ImageSet, *, picks: bool = True, cache: Path | None = None
) -> tuple[np.ndarray, list[int]]:
    """Test accuracy after round 0 and the predicted classes among the first picks, by seed."""
    accuracies, classes = [], []
    for seed in SEEDS:
        run = prepared(replace(trial, seed=seed), image_set, cache)
        state = replay(run.trial, run.oracle, [])
        trained = train_networks(run, state, 0, [])
        test = score_test(run, trained.networks).probabilities
        accuracies.append(accuracy(test, image_set.test_labels))
        if picks:
            pool = score_pool(run, trained, 0)
            chosen = acquire(run, state, pool, score_validation(run, trained.networks), 0)
            rows = [each.row for each in chosen.acquired]
            classes.append(len(set(pool.probabilities[rows].argmax(axis=1))))
    named = (trial.objective.name, trial.pretraining.name, trial.training.min_steps)
    print(*named, [f"{100 * each:.1f}" for each in accuracies], classes, flush=True)
    return np.array(accuracies), classes


def pretraining_seconds(trial: Trial, image_set: ImageSet, cache: Path) -> float:
    """CPU seconds of a pretraining; it stays in the cache."""
    run, began = prepared(trial, image_set, cache), time.process_time()
    assert run.pretrained
    return time.process_time() - began


def prepared(trial: Trial, image_set: ImageSet, cache: Path | None = None) -> Run:
    """The trial in this process, on the CPU."""
    return Run(
        trial=trial,
        image_set=image_set,
        oracle=Oracle.prepare(trial, image_set),
        world=World(),
        device=torch.device("cpu"),
        stop=lambda: False,
        own_code={},
        cache=cache,
    )


def bar(name: str, measured: float, wanted: float, unit: str, *, most: bool = False) -> None:
    """One line per bar."""
    met = measured <= wanted if most else measured >= wanted
    sign = "<=" if most else ">="
    print(f"BAR {name} {measured:.3g} {unit} {sign} {wanted:g} {'met' if met else 'short'}", flush=True)


if __name__ == "__main__":
    main()
