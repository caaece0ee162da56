"""Take answers in, all of a file or nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dalbt_ray.data.prepare.gathering import listed, ordered_class_names
from dalbt_ray.errors import InputError
from dalbt_ray.query.answer_files import Given, read_answers
from dalbt_ray.query.image_blocks import Seen
from dalbt_ray.query.remote_images import is_uri
from dalbt_ray.query.replies import NO_CLASS, NOT_OURS, UNUSABLE, Reply
from dalbt_ray.query.state_folder import State


@dataclass(frozen=True)
class Taken:
    """What a file changed.

    Attributes:
        file: its name.
        new: answers that were not there.
        changed: answers that replaced others.
        same: answers that were there already.
        labels: how many answers of which label the file holds.
    """

    file: str
    new: int
    changed: int
    same: int
    labels: Counter[str]

    def __str__(self) -> str:
        words = {NOT_OURS: "not ours", UNUSABLE: "cannot be used"}
        counts = ", ".join(
            f"{words.get(label, label)} {count}" for label, count in sorted(self.labels.items())
        )
        changed = f", {self.changed} replaced" if self.changed else ""
        same = f", {self.same} known already" if self.same else ""
        return f"{self.file}: {self.new} new answers{changed}{same} ({counts or 'no answer in it'})"


def ingest(
    state: State, files: Sequence[Seen], answers: Path, *, replace: bool = False, add_classes: bool = False
) -> Taken:
    """Take the answers of one file in; the caller holds the lease.

    Args:
        state: where they go.
        files: every file of the pool that was ever read.
        answers: the file.
        replace: answers that contradict earlier ones replace them.
        add_classes: labels that are no class yet become classes; always so while there is none.

    Raises:
        InputError: images that are not in the pool, unknown classes, or answers that contradict each other or
            earlier ones: how many, and the first ones. Nothing is taken in then.
    """
    given = read_answers(answers)
    classes = state.classes
    open_list = add_classes or not classes
    problems = _unknown_classes(given, classes, open_list=open_list)
    resolved, unknown = _resolved(given, files, state.pool)
    earlier = {reply.id: reply for reply in state.replies()}
    contradictions = _contradictions(resolved, {} if replace else earlier)
    problems = unknown + problems + contradictions
    if problems:
        count = f"{len(problems):,} answer{'s' if len(problems) > 1 else ''} that cannot be taken in"
        remedy = f"nothing was taken in:{listed(problems, chr(10) + '  ')}"
        raise InputError("ANSWERS", str(answers), f"has {count}", remedy=remedy)
    now = {id_: each.label for id_, each in resolved}
    fresh = ordered_class_names(
        str(answers), {label for label in now.values() if label not in NO_CLASS} - {*classes}
    )
    taken = Taken(
        answers.name,
        sum(id_ not in earlier for id_ in now),
        sum(id_ in earlier and earlier[id_].label != label for id_, label in now.items()),
        sum(id_ in earlier and earlier[id_].label == label for id_, label in now.items()),
        Counter(now.values()),
    )
    if fresh:
        state.set_classes((*classes, *fresh))  # first: a class without an answer harms nobody
    if taken.new or taken.changed:
        replies = earlier | {id_: Reply(id_, label, answers.name) for id_, label in now.items()}
        state.write_replies(list(replies.values()))
    return taken


def _unknown_classes(given: Sequence[Given], classes: Sequence[str], *, open_list: bool) -> list[str]:
    """Labels that are no class and may not become one; those with two underscores in front never may."""
    known = {*classes, *NO_CLASS}
    counts = Counter(each.label for each in given if each.label not in known)
    if open_list:
        reserved = [label for label in counts if label.startswith("__")]
        return [
            f"{counts[label]} times {label!r}; of such labels only {NOT_OURS} and {UNUSABLE} exist"
            for label in reserved
        ]
    return [
        f"{count} times {label!r}, which is none of {', '.join(classes)}; --add-classes makes it one"
        for label, count in counts.items()
    ]


def _resolved(
    given: Sequence[Given], files: Sequence[Seen], pool: str
) -> tuple[list[tuple[str, Given]], list[str]]:
    """The id that each answer is about, and what is wrong with the others."""
    by_path = {seen.place.path: seen for seen in files}
    ids = {seen.id for seen in files if not seen.problem}
    by_name: dict[str, set[str]] = {}
    for seen in files:
        by_name.setdefault(PurePosixPath(seen.place.path).name, set()).add(seen.place.path)
    found, problems = [], []
    for each in given:
        if each.key in ids:
            found.append((each.key, each))
            continue
        path = each.key if each.key in by_path else _below(each.key, pool)
        # A file that was moved has two paths, and one content.
        named = [path] if path in by_path else sorted(by_name.get(each.key, ()))
        fitting = {by_path[path].id or path: path for path in named}
        if len(fitting) != 1:
            fits = f"fits {len(fitting)} files; give its path" if fitting else "is no image of this pool"
            problems.append(f"{each.where}: {each.key!r} {fits}")
        elif (seen := by_path[next(iter(fitting.values()))]).problem:
            problems.append(f"{each.where}: {each.key!r} {seen.problem}")
        else:
            found.append((seen.id, each))
    return found, problems


def _below(path: str, pool: str) -> str:
    """A path as the pool has it: absolute ones, and those from the working folder, become relative to the pool."""
    if is_uri(path):
        return path
    for tried in (Path(path), Path.cwd() / path):
        if tried.is_absolute() and tried.is_relative_to(pool):
            return tried.relative_to(pool).as_posix()
    return str(PurePosixPath(path))


def _contradictions(resolved: Sequence[tuple[str, Given]], earlier: dict[str, Reply]) -> list[str]:
    seen: dict[str, Given] = {}
    problems = []
    for id_, each in resolved:
        before = seen.setdefault(id_, each)
        if before.label != each.label:
            problems.append(
                f"{each.where}: {each.key!r} is {each.label!r}, but the same picture is {before.label!r} "
                f"in {before.where}"
            )
        elif id_ in earlier and earlier[id_].label != each.label:
            known = earlier[id_]
            problems.append(
                f"{each.where}: {each.key!r} is {each.label!r}, but was {known.label!r} in {known.source}; "
                "--replace takes the new answer"
            )
    return problems
