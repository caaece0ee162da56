"""Write docs/recipe.md from the committed results of sweeps/recipe.py: `make docs`. A test compares them."""

from math import ceil
from pathlib import Path

import pandas as pd

from dalbt_ray.launch.recipe import EPOCHS, LEAST_STEPS, SHIFT
from dalbt_ray.results import load_results
from sweeps.paper_grid import quick

DOCS = Path(__file__).parents[1] / "docs"
RESULTS, PAGE = DOCS / "studies" / "recipe", DOCS / "recipe.md"

TEXT = """# The sound recipe, and where its numbers come from

    python sweeps/recipe.py

`dalbt_ray.sound(trial)` trains {epochs} passes over the labeled images and at least {least:,} steps a round, on one
cycle of the learning rate, shifts the images by up to {shift:.3g} of the side, and normalizes the latent; the same for
every learner, objective and strategy. Images are mirrored in sets whose classes have no right way round. A LeNet with
dropout has it after its hidden layer alone.

The table is generated from the results in [`studies/recipe/`](studies/recipe): LeNet on `fashion_mini`, {seeds} seeds
that no study uses, validation accuracy of 2,000 images in %, mean (lowest to highest). "Fits" is the accuracy on the
labeled images themselves, without augmentation: a round counts as converged from 98 % on. The test set had no part.

{table}

## What was decided

{decisions}

## Where `quick` differs

`make quick` (`sweeps/paper_grid.py`) is this recipe with {quick_epochs} passes and at least {quick_least} steps a
round; augmentation, latent and schedule are the same. It must end within four minutes on two cores. The whole length
is {whole:,} steps a trial from {first:,} to {last:,} labels; {quick_steps:,} are enough for plain networks to fit them,
and the column `converged` tells of every round.
"""


def recipe_page() -> str:
    """docs/recipe.md."""
    found = load_results(RESULTS)
    columns = found.trials.drop(columns=["seed", "dataset", "budget", "ood"])
    rounds = found.rounds.drop(columns=["objective", "strategy"]).merge(
        columns, left_on="trial_id", right_index=True
    )
    return TEXT.format(
        epochs=EPOCHS,
        least=LEAST_STEPS,
        shift=SHIFT,
        seeds=rounds["seed"].nunique(),
        table=_table(rounds),
        decisions=DECISIONS,
        **_quick(),
    )


def _quick() -> dict[str, int]:
    """Passes and steps of `quick`, and the steps that the whole recipe would take on its labels."""
    trial = quick()[0]
    labels = [trial.splits.initial_size + trial.budget * n for n in range(trial.rounds + 1)]
    epochs, least = trial.training.epochs, trial.training.min_steps

    def steps(epochs: int, least: int) -> int:
        return sum(max(epochs * ceil(count / trial.training.batch_size), least) for count in labels)

    return {
        "quick_epochs": epochs,
        "quick_least": least,
        "quick_steps": steps(epochs, least),
        "whole": steps(EPOCHS, LEAST_STEPS),
        "first": labels[0],
        "last": labels[-1],
    }


def _table(rounds: pd.DataFrame) -> str:
    labels = sorted(rounds["n_labeled"].unique())
    heads = " | ".join(f"at {each:,} | fits | steps" for each in labels)
    lines = [f"| learner | objective | recipe | {heads} |", "|---|---|---|" + "---|---|---|" * len(labels)]
    shift, flip = (rounds[f"augmentation.{name}"].astype(float).fillna(0.0) for name in ("shift", "flip"))
    drops = rounds["learner.name"] == "dropout"
    dropout = " " + rounds["learner.probability"].astype(str) + " " + rounds["encoder.dropout_at"].map(PLACES)
    keys = pd.DataFrame(
        {
            "learner": rounds["learner.name"] + dropout.where(drops, ""),
            "objective": rounds["objective.name"],
            "epochs": rounds["training.epochs"].astype(int),
            "least": rounds["training.min_steps"].astype(int),
            "shift": shift,
            "flip": flip,
            "norm": rounds["network.latent_norm"],
        }
    )
    for (learner, objective, epochs, least, moved, mirrored, norm), part in rounds.groupby(
        [keys[name] for name in keys]
    ):
        recipe = f"{epochs} epochs, {least} steps, "
        recipe += f"shift {moved:g}, flip {mirrored:g}" if moved else "not augmented"
        recipe += ", latent normalized" if norm == "batch" else ", latent as it is"
        cells = []
        for count in labels:
            one = part[part["n_labeled"] == count]
            accuracy, fits = 100 * one["validation_accuracy"], 100 * one["train_accuracy"].mean()
            spread = f"{accuracy.mean():.1f} ({accuracy.min():.1f} to {accuracy.max():.1f})"
            cells += [spread, f"{fits:.1f}", f"{int(one['steps'].max()):,}"] if len(one) else ["", "", ""]
        lines.append(f"| {learner} | {objective} | {recipe} | {' | '.join(cells)} |")
    return "\n".join(lines)


PLACES = {"every_layer": "at every layer", "hidden_layer": "at the hidden layer"}
DECISIONS = """- **Length.** With 60 passes and at least 600 steps, networks with dropout do not fit 100 labels, nor do
  plain ones 1,000. With twice as many both do; validation accuracy rises with dropout and is the same without. Hence
  120 and 1,200.
- **Augmentation.** At 100 labels, shifts of one pixel (0.036 of 28) are no worse than none, and those of two and more
  are worse. At 1,000 labels, augmented networks are ahead of bare ones. Hence one pixel. Mirroring changes nothing at
  100 labels; it is kept where the data allow it.
- **Latent.** Normalized is ahead at 100 labels.
- **Dropout.** With half of everything dropped, after both convolution blocks and the hidden layer, LeNet does not fit
  1,000 labels in these steps, and is behind the plain network there; with a quarter dropped it nearly does. With half
  of the hidden layer dropped and nothing else, it fits them and is behind at neither number of labels. Hence the hidden
  layer, in this recipe: the paper's presets drop at every layer.

Two seeds and 2,000 images cannot tell differences below about two points, and numbers were changed one at a time. So
the length is decided by what is fitted, and shifts of 0.125 are too large by more than chance; two pixels, augmentation
at 1,000 labels and the latent's norm are choices between rows that are closer than that. The chosen recipe was tried
last; no row is ahead of it by more. What it gives on MNIST,
`python benchmarks/recipe.py` measures."""

if __name__ == "__main__":
    PAGE.write_text(recipe_page(), encoding="utf-8")
