"""How long to train, how much to augment, which scale for the latent? Asked once, for `dalbt_ray.sound`.

    python sweeps/recipe.py

LeNet on the Fashion-MNIST images that come with the package, at 100 and at 1,000 labels drawn at random, with seeds of
1,000 and more, which no study uses. Nothing is selected, so there is one round. One recipe in the middle, and from
there one number at a time, for a plain network; fewer of them for one with dropout and under the joint objective; the
learners with networks of their own in the middle only. What is read is the validation accuracy (docs/recipe.md): the
test set chooses nothing.
"""

import sys
from dataclasses import dataclass, replace

from dalbt_ray import (
    Adversarial,
    Joint,
    Learner,
    NetworkSettings,
    Objective,
    Plain,
    ShiftAndFlip,
    SplitSettings,
    Supervised,
    Training,
    Trial,
    Unaugmented,
    Variational,
    WithDropout,
    get_strategy,
    sweep,
    with_seeds,
)

SEEDS = (1000, 1001)
LABELS = (100, 1_000)


@dataclass(frozen=True)
class Recipe:
    """The numbers that are asked for."""

    epochs: int = 60
    min_steps: int = 600
    shift: float = 0.07
    latent_norm: str = "batch"

    def on(self, trial: Trial) -> Trial:
        """The trial under this recipe."""
        mild = ShiftAndFlip(shift=self.shift, flip=0.5)
        return replace(
            trial,
            training=Training(epochs=self.epochs, min_steps=self.min_steps, schedule="one_cycle"),
            augmentation=mild if self.shift else Unaugmented(),
            network=NetworkSettings(latent_norm=self.latent_norm),  # type: ignore[arg-type]
        )


MIDDLE = Recipe()
AROUND = [
    MIDDLE,
    replace(MIDDLE, epochs=30, min_steps=200),
    replace(MIDDLE, epochs=120, min_steps=1_200),
    replace(MIDDLE, shift=0.0),
    replace(MIDDLE, shift=0.125),
    replace(MIDDLE, latent_norm="none"),
]
ARMS: list[tuple[Learner, Objective, list[Recipe]]] = [
    (Plain(), Supervised(), AROUND),
    (WithDropout(), Supervised(), AROUND[:3]),
    (Plain(), Joint(), [MIDDLE, AROUND[-1]]),
    (Variational(), Supervised(), [MIDDLE]),
    (Adversarial(), Supervised(), [MIDDLE]),
]


def recipe() -> list[Trial]:
    """Every arm under the recipes that it is asked for."""
    setting = Trial(
        dataset="fashion_mini",
        strategy=get_strategy("random"),
        rounds=0,
        splits=SplitSettings(train_limit=None, validation_size=2_000),
    )
    trials = [
        each.on(
            replace(
                setting,
                learner=learner,
                objective=objective,
                splits=replace(setting.splits, initial_size=labels),
            )
        )
        for labels in LABELS
        for learner, objective, recipes in ARMS
        for each in recipes
    ]
    return with_seeds(trials, SEEDS)


if __name__ == "__main__":
    sys.exit(sweep({"recipe": recipe}, __doc__))
