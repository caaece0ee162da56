"""How long to train, how much to augment, which scale for the latent? Asked once, for `dalbt_ray.sound`.

    python sweeps/recipe.py

LeNet on the Fashion-MNIST images that come with the package, at 100 and at 1,000 labels drawn at random, with seeds of
1,000 and more, which no study uses. Nothing is selected, so there is one round. One recipe in the middle, and from
there one number at a time; then the recipe that came out of it, without dropout and with it.
What is read is the validation accuracy, and whether the labeled images are fitted (docs/recipe.md): the test set
chooses nothing.
"""

import sys
from dataclasses import dataclass, replace

from dalbt_ray import (
    Learner,
    LeNet,
    NetworkSettings,
    Objective,
    Plain,
    ShiftAndFlip,
    SplitSettings,
    Supervised,
    Training,
    Trial,
    Unaugmented,
    WithDropout,
    get_strategy,
    sweep,
    with_seeds,
)

SEEDS = (1000, 1001)


@dataclass(frozen=True)
class Recipe:
    """The numbers that are asked for."""

    epochs: int = 60
    min_steps: int = 600
    shift: float = 0.07
    flip: float = 0.5
    latent_norm: str = "batch"
    dropout_at: str = "every_layer"

    def on(self, trial: Trial) -> Trial:
        """The trial under this recipe."""
        mild = ShiftAndFlip(shift=self.shift, flip=self.flip)
        return replace(
            trial,
            encoder=LeNet(dropout_at=self.dropout_at),  # type: ignore[arg-type]
            training=Training(epochs=self.epochs, min_steps=self.min_steps, schedule="one_cycle"),
            augmentation=mild if self.shift else Unaugmented(),
            network=NetworkSettings(latent_norm=self.latent_norm),  # type: ignore[arg-type]
        )


MIDDLE = Recipe()
STEPS = [MIDDLE, replace(MIDDLE, epochs=30, min_steps=200), replace(MIDDLE, epochs=120, min_steps=1_200)]
BARE = replace(MIDDLE, shift=0.0)
IMAGES = [replace(MIDDLE, flip=0.0), replace(MIDDLE, shift=0.036, flip=0.0), replace(MIDDLE, shift=0.125)]
LATENT = replace(MIDDLE, latent_norm="none")
LONG = replace(MIDDLE, epochs=120, min_steps=1_200, shift=0.036)
CHOSEN = replace(LONG, dropout_at="hidden_layer")

QUESTIONS: list[tuple[int, Learner, Objective, list[Recipe]]] = [
    (100, Plain(), Supervised(), [*STEPS, BARE, *IMAGES, LATENT]),
    (1_000, Plain(), Supervised(), [*STEPS, BARE]),
    (100, WithDropout(), Supervised(), STEPS),
    *(
        (labels, learner, Supervised(), recipes)
        for labels in (100, 1_000)
        for learner, recipes in (
            (Plain(), [LONG]),
            (WithDropout(), [LONG, CHOSEN]),
            (WithDropout(probability=0.25), [LONG]),
        )
    ),
]
"""Labels, learner, objective, recipes."""


def recipe() -> list[Trial]:
    """Every question under the recipes that it is asked of."""
    setting = Trial(dataset="fashion_mini", strategy=get_strategy("random"), rounds=0)
    trials = [
        each.on(
            replace(
                setting,
                learner=learner,
                objective=objective,
                splits=SplitSettings(train_limit=None, initial_size=labels, validation_size=2_000),
            )
        )
        for labels, learner, objective, recipes in QUESTIONS
        for each in recipes
    ]
    return with_seeds(trials, SEEDS)


if __name__ == "__main__":
    sys.exit(sweep({"recipe": recipe}, __doc__))
