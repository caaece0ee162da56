"""`dalbt status`: what is there, what was answered, how good it is, what the next batch may bring."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from dalbt_ray.data.prepare.gathering import listed
from dalbt_ray.query.accuracy_estimate import estimates, together
from dalbt_ray.query.image_blocks import ImageBlocks, Seen
from dalbt_ray.query.known_images import known_images
from dalbt_ray.query.looking import look
from dalbt_ray.query.next_gain import agreements, expected_gain, stop_hint
from dalbt_ray.query.pool_places import storable
from dalbt_ray.query.replies import NOT_OURS, UNUSABLE, Reply
from dalbt_ray.query.session import Session


def status(session: Session) -> str:
    """The state of a pool, human-readable; reads no image and embeds nothing."""
    session.require_state()
    files, replies = session.files(), session.state.replies()
    lines = [
        f"pool {session.pool.location}, state {session.state.storage.location}",
        _files(session, files),
        _answers(session.state.classes, replies),
        *_batches(session, replies),
        *_worth(session, replies),
    ]
    return "\n".join(lines)


def _worth(session: Session, replies: Sequence[Reply]) -> list[str]:
    """How good the head is, and what the next batch may bring."""
    batches = session.state.batches()
    if not batches or not any(reply.is_class for reply in replies):
        return []
    found = estimates(batches, replies)
    lines = [f"estimated accuracy: {each}" for each in found]
    if len(found) > 1 and (mean := together(found)) is not None:
        lines.append(f"estimated accuracy, mean of these heads: {mean}")
    if not found:
        lines.append("estimated accuracy: unknown until a batch that was chosen with labels has answers")
    blocks = ImageBlocks(session.state.storage, batches[-1]["model"])
    images = known_images(blocks, look(session.pool, blocks))
    answers = session.answered(images)
    gain = expected_gain(images, answers, len(batches[-1]["ids"]), np.random.default_rng(0))
    lines += [str(gain)] if gain is not None else []
    return [*lines, stop_hint(agreements(images, answers))]


def _files(session: Session, files: Sequence[Seen]) -> str:
    latest = {seen.place.path: seen for seen in files}
    places = list(map(storable, session.pool.places()))
    read = [
        latest[place.path] for place in places if place.path in latest and latest[place.path].place == place
    ]
    usable = [seen for seen in read if not seen.problem]
    problems = [f"{seen.place.path} {seen.problem}" for seen in read if seen.problem]
    different = len({seen.id for seen in usable})
    line = f"{len(places):,} files: {different:,} images, {len(usable) - different:,} exact copies"
    if len(read) < len(places):
        line += f", {len(places) - len(read):,} not read yet"
    if problems:
        line += f", {len(problems):,} that cannot be used:" + listed(problems, "\n  ")
    return line


def _answers(classes: Sequence[str], replies: Sequence[Reply]) -> str:
    counts = Counter(reply.label for reply in replies)
    named = ", ".join(f"{name} {counts[name]}" for name in classes)
    labeled = sum(reply.is_class for reply in replies)
    return (
        f"{labeled:,} labels ({named or 'no class yet'}), {counts[NOT_OURS]} not ours, "
        f"{counts[UNUSABLE]} cannot be used"
    )


def _batches(session: Session, replies: Sequence[Reply]) -> list[str]:
    answered = {reply.id for reply in replies}
    return [
        f"batch {batch['number']} ({batch['strategy']['name']}, {batch['created_utc']}): "
        f"{sum(id_ in answered for id_ in batch['ids'])} of {len(batch['ids'])} answered, {batch['out']}"
        for batch in session.state.batches()
    ]
