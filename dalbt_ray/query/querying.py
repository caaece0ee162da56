"""`dalbt query`: embed what is new, choose, hand out a batch."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dalbt_ray.config import Trial, known_classes
from dalbt_ray.errors import InputError
from dalbt_ray.models.frozen import Frozen
from dalbt_ray.objectives.supervised import Supervised
from dalbt_ray.options.canonical import as_json, from_json
from dalbt_ray.query.answer_files import read_answers
from dalbt_ray.query.batch import Batch
from dalbt_ray.query.batch_folder import check_out, write_batch
from dalbt_ray.query.batch_rows import batch_rows
from dalbt_ray.query.choosing import Choice, Wish, choose
from dalbt_ray.query.ingesting import ingest
from dalbt_ray.query.looking import Say, embed_unread, plan
from dalbt_ray.query.near_copies import Likeness, likeness
from dalbt_ray.query.on_ray import runner
from dalbt_ray.query.recommended import recommended
from dalbt_ray.query.session import Model, Session, ingest_command, set_classes
from dalbt_ray.query.trained_head import train_head
from dalbt_ray.strategies import STRATEGIES, Method


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The command line of `dalbt query`.

    Attributes:
        pool: a folder, Parquet file or list.
        budget: images to choose.
        labels: a file of answers to take in first, or None.
        strategy: by name; empty for the recommended one.
        options: `name=value` of the strategy.
        out: folder of the batch; None for `batch_001` and so on in the working folder.
        explore: share of the batch that is drawn at random.
        state: the state folder; None for the pool's own.
        classes: in the order of their keys; empty to leave them.
        model, weights, side: see `Model.of`.
        address: of the Ray that embeds; None for this process. See `on_ray.runner`.
    """

    pool: str
    budget: int
    labels: str | None = None
    strategy: str = ""
    options: tuple[str, ...] = ()
    out: str | None = None
    explore: float = 0.1
    state: str | None = None
    classes: tuple[str, ...] = ()
    model: str = "efficientnet_lite0"
    weights: str = ""
    side: int = 0
    address: str | None = None


def planned(asked: Asked) -> str:
    """How long `query` would take; writes nothing."""
    session = Session.of(asked.pool, asked.state)
    model = Model.of(session, asked.model, asked.weights, asked.side)
    return plan(session.pool, model.blocks, model.embedding)


def query(asked: Asked, say: Say) -> str:
    """Hand out a batch; what was done, human-readable.

    Raises:
        InputError: anything in `asked` that cannot be used, before an image is embedded; labels that do not fit the
            pool; an empty pool.
    """
    if asked.budget < 1:
        raise InputError("budget", asked.budget, "must be at least 1")
    if not 0 <= asked.explore <= 1:
        raise InputError("explore", asked.explore, "must be a share from 0 to 1")
    session = Session.of(asked.pool, asked.state)
    named = strategy_of(asked.strategy, asked.options) if asked.strategy or asked.options else None
    model = Model.of(session, asked.model, asked.weights, asked.side)
    if asked.labels is not None:
        read_answers(
            Path(asked.labels)
        )  # a file of another form is refused before hours of embedding, not after
    with session.state.lease():
        number = max((batch["number"] for batch in session.state.batches()), default=0) + 1
        out = Path(asked.out or f"batch_{number:03d}").expanduser().absolute()
        check_out(out, number, session.pool)
        if asked.classes:
            set_classes(session.state, asked.classes)
        run = runner(asked.address, session.state.storage.location, say)
        found = embed_unread(session.pool, model.blocks, model.embedding, say, run)
        if asked.labels is not None:
            say(str(ingest(session.state, session.files(), Path(asked.labels))))
        images = model.images(found)
        if not images.present.any():
            problem = f"holds no image that can be used ({len(images.problems)} that cannot)"
            raise InputError("POOL", asked.pool, problem)
        answers = session.answered(images)
        side = model.embedding.preprocessing.side
        alike = likeness(
            session.state.storage, model.blocks.key, session.pool, images, side, model.embedding.build
        )
        head = train_head(images.features, answers)
        strategy, why, source = _strategy(named, int(answers.labeled.sum()))
        wish = Wish(strategy, asked.budget, asked.explore, alike.threshold, number)
        choice = choose(images, answers, head, wish)
        if not choice.picks:
            raise InputError(
                "POOL", asked.pool, "has no image left that was not asked and is no near copy of one"
            )
        rows = batch_rows(images, answers, choice, alike.threshold)
        seen = int(images.present.sum())
        write_batch(
            out, Batch(number, session.pool, session.state.classes, why, source, rows, seen, choice.note)
        )
        session.state.commit_batch(
            number,
            {
                "created_utc": datetime.now(UTC).isoformat(timespec="seconds"),
                "out": str(out),
                "strategy": as_json(strategy),
                "explore": asked.explore,
                "model": model.blocks.key,
                "labels": int(answers.labeled.sum()),
                "candidates": int((images.present & ~answers.asked).sum()),
                "ids": [row.id for row in rows],
                "random": [row.id for row in rows if row.pick.explored],
                "predicted": {row.id: row.pick.predicted for row in rows if row.pick.predicted},
            },
        )
    told = _summary(number, seen, choice, why, source, alike, len(images.problems))
    return f"{told}\nlabel in {out / 'index.html'}, then: {ingest_command(asked.pool, asked.state)}"


def strategy_of(name: str, options: Sequence[str]) -> Method:
    """The strategy that the user names, with its options, if frozen features are enough for it.

    Raises:
        InputError: an unknown strategy or option, or a strategy that needs more than features.
    """
    if not name:
        raise InputError("set", options[0], "is an option of no strategy", remedy="name one with --strategy")
    if name not in STRATEGIES:
        raise InputError("strategy", name, "is not a strategy", allowed=STRATEGIES)
    content: dict[str, object] = {"name": name, "version": STRATEGIES[name].version}
    for option in options:
        field, sign, text = option.partition("=")
        if not sign:
            raise InputError("set", option, "is not name=value", remedy="as in --set sample=8000")
        content[field.removeprefix("strategy.").strip()] = _value(text.strip())
    strategy = from_json(Method, content, known_classes())  # type: ignore[type-abstract]
    if strategy.control:
        problem = "is no method: it reads the hidden answers"
        raise InputError("strategy", name, problem, remedy="leave it to sweeps")
    frozen = Frozen()
    if not _works_on(frozen, strategy):
        problem = (
            "needs a network of its own, and here a head on a frozen model's features is all that is trained"
        )
        fitting = (
            each for each, kind in STRATEGIES.items() if not kind.control and _works_on(frozen, kind())
        )
        raise InputError("strategy", name, problem, allowed=fitting)
    return strategy


def _works_on(frozen: Frozen, strategy: Method) -> bool:
    """Whether features are enough for it: else a trial of it is refused."""
    try:
        Trial(strategy=strategy, encoder=frozen, objective=Supervised())
    except InputError:
        return False
    return True


def _strategy(named: Method | None, labels: int) -> tuple[Method, str, str]:
    """Who chooses, why in one sentence, and what that rests on."""
    if named is not None:
        return named, f"chosen by {named.name}, as asked.", ""
    rule = recommended(labels)
    return strategy_of(rule.strategy, ()), f"chosen by {rule.strategy}, {rule.because}.", rule.source


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None if text.lower() == "none" else text


def _summary(
    number: int, seen: int, choice: Choice, why: str, source: str, alike: Likeness, problems: int
) -> str:
    random = sum(pick.explored for pick in choice.picks)
    lines = [
        f"batch {number}: {len(choice.picks)} of {seen:,} images, {random} of them at random; {why}"
        + (f" [{source}]" if source else ""),
        str(alike) + f"; {choice.copies_left_out:,} passed over",
    ]
    if choice.foreign_left_out:
        lines.append(f"{choice.foreign_left_out:,} passed over that look like none of the classes")
    lines += [
        each for each in (choice.note, choice.remark and f"{choice.remark} (said by the strategy)") if each
    ]
    if problems:
        lines.append(f"{problems:,} files cannot be used: dalbt status says which and why")
    return "\n".join(lines)
