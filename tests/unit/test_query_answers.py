"""Answers are taken in whole or not at all."""

import json
from pathlib import Path

import pytest

from dalbt_ray.errors import InputError
from dalbt_ray.query.image_blocks import Seen
from dalbt_ray.query.ingesting import ingest
from dalbt_ray.query.pool_places import Place
from dalbt_ray.query.replies import NOT_OURS, Reply
from dalbt_ray.query.state_folder import State

FILES = [
    Seen(Place("a/1.png", 1, 1), "1" * 16, ""),
    Seen(Place("a/2.png", 1, 1), "2" * 16, ""),
    Seen(Place("b/2.png", 1, 1), "3" * 16, ""),
    Seen(Place("b/copy of 1.png", 1, 1), "1" * 16, ""),
    Seen(Place("b/broken.png", 1, 1), "", "has no bytes"),
]


@pytest.fixture
def state(tmp_path: Path) -> State:
    """Of a pool in which image 1 is a cat; classes cat and dog."""
    made = State.at(tmp_path / "state", str(tmp_path / "pool"))
    with made.lease():
        made.set_classes(["cat", "dog"])
        made.write_replies([Reply("1" * 16, "cat", "first.csv")])
    return made


def sheet(tmp_path: Path, answers: object, version: int = 1) -> Path:
    """A file as the contact sheet saves it."""
    file = tmp_path / "answers.json"
    file.write_text(json.dumps({"format": "dalbt-answers", "version": version, "answers": answers}))
    return file


def table(tmp_path: Path, *lines: str) -> Path:
    """A CSV file."""
    file = tmp_path / "labels.csv"
    file.write_text("\n".join(("path,label", *lines)))
    return file


def test_answers_of_a_sheet_and_of_a_table_arrive(state: State, tmp_path: Path) -> None:
    """By id, by path, by a bare name that only one file has; an answer that is known changes nothing."""
    taken = ingest(state, FILES, sheet(tmp_path, {"1" * 16: "cat", "2" * 16: NOT_OURS}))
    assert (taken.new, taken.same, taken.changed) == (1, 1, 0)
    ingest(state, FILES, table(tmp_path, "b/2.png,dog", "1.png,cat", "a/2.png,"))
    labels = {reply.id[0]: reply.label for reply in state.replies()}
    assert labels == {"1": "cat", "2": NOT_OURS, "3": "dog"}


def test_a_path_is_the_pools_before_it_is_the_working_folders(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`batch.csv` has paths of the pool: in a folder below it they were taken for others of the same name."""
    (tmp_path / "pool" / "a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "pool" / "a")
    files = [*FILES, Seen(Place("2.png", 1, 1), "4" * 16, "")]
    table(tmp_path, "2.png,dog").rename(tmp_path / "LABELS.CSV")
    ingest(state, files, tmp_path / "LABELS.CSV")
    assert [reply.id[0] for reply in state.replies() if reply.label == "dog"] == ["4"]
    ingest(state, FILES, table(tmp_path, "2.png,dog"))
    assert [reply.id[0] for reply in state.replies() if reply.label == "dog"] == ["4", "2"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("a/2.png,cow",), "'cow', which is none of cat, dog"),
        (("2.png,dog",), "fits 2 files"),
        (("c/9.png,dog",), "is no image of this pool"),
        (("b/broken.png,dog",), "has no bytes"),
        (("a/2.png,dog", "a/2.png,cat"), "the same picture is 'dog' in line 3"),
        (("a/2.png,dog", "b/copy of 1.png,dog"), "was 'cat' in first.csv"),
        (("a/2.png,__other__",), "__other__"),
    ],
)
def test_one_wrong_answer_and_nothing_is_taken_in(
    state: State, tmp_path: Path, lines: tuple[str, ...], said: str
) -> None:
    """The message names it, and good answers beside it wait too."""
    with pytest.raises(InputError, match="nothing was taken in") as refused:
        ingest(state, FILES, table(tmp_path, "b/2.png,dog", *lines))
    assert said in str(refused.value)
    assert state.replies() == [Reply("1" * 16, "cat", "first.csv")]
    assert state.classes == ("cat", "dog")


def test_what_the_user_insists_on(state: State, tmp_path: Path) -> None:
    """New classes join behind the known ones; a correction replaces."""
    ingest(state, FILES, table(tmp_path, "a/2.png,cow"), add_classes=True)
    taken = ingest(state, FILES, table(tmp_path, "a/1.png,dog"), replace=True)
    assert state.classes == ("cat", "dog", "cow")
    assert taken.changed == 1
    assert {reply.id[0]: reply.label for reply in state.replies()} == {"1": "dog", "2": "cow"}


@pytest.mark.parametrize(
    "content", ["", "[1]", "{}", '{"format": "dalbt-answers", "version": 2, "answers": {}}']
)
def test_another_file_is_refused(state: State, tmp_path: Path, content: str) -> None:
    """With the forms that are known."""
    file = tmp_path / "x.json"
    file.write_text(content)
    with pytest.raises(InputError, match=r"answers\.json"):
        ingest(state, FILES, file)
