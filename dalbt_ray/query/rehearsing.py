"""The command `dalbt rehearse`: gather the labels, run the sweep, say and draw what came out."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dalbt_ray.errors import InputError
from dalbt_ray.models.frozen import Frozen
from dalbt_ray.query.looking import Say, look
from dalbt_ray.query.querying import strategy_of
from dalbt_ray.query.recommended import recommended
from dalbt_ray.query.rehearsal import Labeled, rehearse
from dalbt_ray.query.rehearsal_plot import draw
from dalbt_ray.query.session import Model, Session

SENTENCE = "rehearsal.txt"
_FILES = {SENTENCE, "rehearsal.png", "rehearsal.svg", "results"}
CAVEAT = "These labels are no random sample of the pool: rules chose most of them. What is not ours plays no part here."


@dataclass(frozen=True, kw_only=True)
class ToRehearse:
    """The command line of `dalbt rehearse`; fields as in `querying.Asked`."""

    pool: str
    strategy: str = ""
    options: tuple[str, ...] = ()
    out: str = "rehearsal"
    state: str | None = None
    model: str = "efficientnet_lite0"
    weights: str = ""
    side: int = 0


def run_rehearsal(asked: ToRehearse, say: Say) -> str:
    """Rehearse on the labels so far; the sentence.

    Raises:
        InputError: no state, an unknown strategy, or an output folder with something else in it.
    """
    session = Session.of(asked.pool, asked.state)
    session.require_state()
    model = Model.of(session, asked.model, asked.weights, asked.side)
    images = model.images(look(session.pool, model.blocks))
    answers = session.answered(images)
    rows = np.flatnonzero(answers.labeled)
    labeled = Labeled(images.features[rows], answers.labels[rows], answers.classes)
    if labeled.too_few:
        return f"{labeled.too_few}. Label the next batch first."
    name = asked.strategy or recommended(len(rows) // 2).strategy
    strategy = strategy_of(name, asked.options)
    out = Path(asked.out).expanduser().absolute()
    check_out(out)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / SENTENCE).touch()  # so that a rehearsal that was killed may be repeated
    encoder = Frozen(model=asked.model, weights=asked.weights, side=asked.side)
    done = rehearse(labeled, strategy, encoder, out / "results", say)
    draw(done, [out / "rehearsal.png", out / "rehearsal.svg"])
    said = f"{done}.\n{CAVEAT}"
    (out / SENTENCE).write_text(said + "\n", encoding="utf-8")
    return f"{said}\ncurves: {out / 'rehearsal.png'}; its trials: dalbt report {out / 'results'}"


def check_out(out: Path) -> None:
    """Refuse a folder with other files in it; an earlier rehearsal is replaced.

    Raises:
        InputError: names the folder.
    """
    held = {path.name for path in out.iterdir()} if out.is_dir() else set[str]()
    if (out.exists() and not out.is_dir()) or (held and not {SENTENCE} <= held <= _FILES):
        remedy = "name another folder (--out), or remove it"
        raise InputError("out", str(out), "exists and holds something else", remedy=remedy)
