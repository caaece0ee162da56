"""`dalbt status`: what is there, what was answered, what cannot be used."""

from collections import Counter
from collections.abc import Sequence

from dalbt_ray.data.prepare.gathering import listed
from dalbt_ray.query.image_blocks import Seen
from dalbt_ray.query.replies import OURS_NOT, UNUSABLE, Reply
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
    ]
    return "\n".join(lines)


def _files(session: Session, files: Sequence[Seen]) -> str:
    latest = {seen.place.path: seen for seen in files}
    places = session.pool.places()
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
        f"{labeled:,} labels ({named or 'no class yet'}), {counts[OURS_NOT]} not ours, "
        f"{counts[UNUSABLE]} cannot be used"
    )


def _batches(session: Session, replies: Sequence[Reply]) -> list[str]:
    answered = {reply.id for reply in replies}
    return [
        f"batch {batch['number']} ({batch['strategy']['name']}, {batch['created_utc']}): "
        f"{sum(id_ in answered for id_ in batch['ids'])} of {len(batch['ids'])} answered, {batch['out']}"
        for batch in session.state.batches()
    ]
