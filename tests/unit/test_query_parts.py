"""The parts of a query against slow, obvious versions."""

import json
import re
import shlex
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from dalbt_ray.data.prepare.conversion import convert
from dalbt_ray.errors import InputError
from dalbt_ray.query.batch_folder import check_out
from dalbt_ray.query.image_blocks import ImageBlocks, Seen
from dalbt_ray.query.near_copies import measured, near, unit, without_copies
from dalbt_ray.query.pool_places import Place, open_pool
from dalbt_ray.query.querying import strategy_of
from dalbt_ray.query.recommended import RECOMMENDED, recommended
from dalbt_ray.query.replies import Reply
from dalbt_ray.query.session import Session, ingest_command
from dalbt_ray.query.state_folder import State
from dalbt_ray.results.storage.local_disk import LocalStorage
from dalbt_ray.strategies import STRATEGIES


def png(value: int) -> bytes:
    """A gray square."""
    file = BytesIO()
    Image.new("L", (16, 16), value).save(file, "PNG")
    return file.getvalue()


def test_near_is_what_all_pairs_say() -> None:
    """Blocked or not, each image's most similar one, if similar enough."""
    rng = np.random.default_rng(0)
    a, b = (unit(rng.normal(size=(n, 5)).astype(np.float32)) for n in (60, 7))
    expected = [max(range(7), key=lambda j: a[i] @ b[j]) for i in range(60)]
    expected = [j if a[i] @ b[j] >= 0.7 else -1 for i, j in enumerate(expected)]
    assert near(a, b, 0.7).tolist() == expected
    assert 0 < expected.count(-1) < 60


def test_of_copies_the_first_wanted_one_stays() -> None:
    """And each of the others is said to be near one that stayed."""
    angles = np.radians([0, 90, 2, 180, 91, 1])
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    kept, dropped = without_copies([3, 2, 1, 0, 5, 4], points, float(np.cos(np.radians(5))))
    assert kept == [3, 2, 1]
    assert dropped == {0: 2, 5: 2, 4: 1}


def test_the_threshold_rises_where_different_images_are_alike() -> None:
    """Copies at 0.9: with strangers far apart that is the threshold, with strangers as near it is not enough."""
    copies = np.full(100, 0.9, np.float32)
    assert measured(copies, np.eye(50, dtype=np.float32)).threshold == pytest.approx(0.9)
    close = unit(np.eye(50, dtype=np.float32) + 1.0)
    assert measured(copies, close).threshold == pytest.approx(float(close[0] @ close[1]), abs=1e-6)


def test_blocks_give_back_what_was_written_and_a_damaged_one_is_new_again(tmp_path: Path) -> None:
    """Equal files share features; a flipped bit removes a block and nothing else."""
    blocks = ImageBlocks(LocalStorage(tmp_path), "key")
    first = [Seen(Place(name, 1, 2), id_, "") for name, id_ in (("a", "1"), ("b", "2"), ("c", "1"))]
    blocks.append(first, {"1": np.array([1, 2], np.float32), "2": np.array([3, 4], np.float32)})
    blocks.append([Seen(Place("d", 0, 0), "", "is empty")], {})
    ids, features = blocks.features()
    assert ids == ["1", "2"]
    assert features.tolist() == [[1, 2], [3, 4]]
    assert [(seen.id, seen.problem, seen.embedded) for seen in blocks.files()] == [
        ("1", "", True), ("2", "", True), ("1", "", False), ("", "is empty", False),
    ]  # fmt: skip
    file = next(tmp_path.rglob("000000.parquet"))
    content = bytearray(file.read_bytes())
    content[content.index(b"PAR1") + 60] ^= 1
    file.write_bytes(content)
    assert [seen.place.path for seen in blocks.files()] == ["d"]


def test_a_pool_is_a_folder_a_table_or_a_list(tmp_path: Path) -> None:
    """Nested, hidden, foreign and missing files; what is read is the file."""
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    for number, name in enumerate(("x/y/b.PNG", "a.png", ".hidden/c.png", "x/.d.png", "notes.txt")):
        (tmp_path / name).write_bytes(png(number))
    folder = open_pool(str(tmp_path))
    assert [place.path for place in folder.places()] == ["a.png", "x/y/b.PNG"]
    assert folder.read("a.png") == png(1)

    rows = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"image": [{"bytes": png(value)} for value in range(5)]}), rows, row_group_size=2)
    table = open_pool(str(rows))
    assert [table.read(place.path) for place in table.places()] == [png(value) for value in range(5)]

    (tmp_path / "list.txt").write_text("a.png\nx/y/b.PNG\nnot here.png\na.png\n")
    named = open_pool(str(tmp_path / "list.txt"))
    assert [place.path for place in named.places()] == ["a.png", "not here.png", "x/y/b.PNG"]
    assert named.read("x/y/b.PNG") == png(0)
    with pytest.raises(InputError, match="does not exist"):
        open_pool(str(tmp_path / "nowhere"))


def test_a_state_folder_belongs_to_one_pool(tmp_path: Path) -> None:
    """Another pool's, and a folder with other files, are refused."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with Session.of(str(tmp_path / "one"), str(tmp_path / "state")).state.lease():
        pass
    with pytest.raises(InputError, match=r"belongs to the pool .*/one; name that pool, or another --state"):
        Session.of(str(tmp_path / "two"), str(tmp_path / "state"))
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").touch()
    with pytest.raises(InputError, match=r"dear\.txt"):
        State.at(tmp_path / "letters", "/one")


@pytest.mark.parametrize("kept", ["inside", "elsewhere"])
def test_a_pool_that_was_renamed_keeps_its_state(tmp_path: Path, kept: str) -> None:
    """Answers, and what was read; after the next command that writes, the state names the pool's new place."""
    old, new, other = (tmp_path / name for name in ("photos", "pictures", "other"))
    old.mkdir()
    other.mkdir()
    (old / "a.png").write_bytes(png(0))
    state = None if kept == "inside" else str(tmp_path / "state")
    session = Session.of(str(old), state)
    with session.state.lease():
        ImageBlocks(session.state.storage, "key").append([Seen(session.pool.places()[0], "1" * 16, "")], {})
        session.state.write_replies([Reply("1" * 16, "cat", "answers.json")])
    old.rename(new)
    if state:
        with pytest.raises(
            InputError, match=r"photos, which is gone and had no file .*: mv .*state .*/\.dalbt;"
        ):
            Session.of(str(other), state)
    session = Session.of(str(new), state)
    assert [reply.label for reply in session.state.replies()] == ["cat"]
    assert [seen.place for seen in session.files()] == session.pool.places()
    assert session.state.recorded_pool == str(old)
    with session.state.lease():
        assert session.state.recorded_pool == str(new)


def test_a_list_that_was_renamed_is_told_of_its_state(tmp_path: Path) -> None:
    """It lies beside the list under the old name: nothing begins anew unasked, and what is to be typed works."""
    old, new = tmp_path / "my list.txt", tmp_path / "new.txt"
    old.write_text("a.png\n")
    with Session.of(str(old), None).state.lease():
        pass
    old.rename(new)
    with pytest.raises(InputError, match="which is gone; if it is the same, renamed: mv") as refusal:
        Session.of(str(new), None)
    assert not Session.of(str(new), f"{new}.dalbt").state.exists
    move = str(refusal.value).partition("renamed: ")[2].partition("; else")[0]
    _, source, target = shlex.split(move)
    Path(source).rename(target)
    assert Session.of(str(new), None).state.exists


def test_a_second_command_is_told_of_the_first(tmp_path: Path) -> None:
    """In the words of a pool, not of a sweep's results."""
    first, second = (State.at(tmp_path / ".dalbt", "photos") for _ in range(2))
    with (
        first.lease(),
        pytest.raises(InputError, match=r"state: .* is in use by another command: host") as refusal,
        second.lease(),
    ):
        pass
    assert "driver" not in str(refusal.value)


def test_a_large_jpeg_may_come_shrunk_and_shows_the_same() -> None:
    """Both sides keep what was asked; the picture is the full one's, as far as JPEG's own shrinking keeps it."""
    ramp = np.linspace(0, 255, 640, dtype=np.uint8)
    picture = np.stack([np.tile(ramp, (480, 1))] * 3, axis=2)
    file = BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=95)
    shrunk = convert(file.getvalue(), at_least=100).pixels
    assert shrunk.shape == (120, 160, 3)
    full = np.asarray(Image.fromarray(convert(file.getvalue()).pixels).reduce(4))
    assert np.abs(shrunk.astype(int) - full).max() <= 4


def test_every_number_of_labels_has_a_rule_that_exists() -> None:
    """And each says what it rests on; a study that is named is in the repository."""
    root = Path(__file__).parents[2]
    assert recommended(0) == RECOMMENDED[0]
    assert recommended(10**6) == RECOMMENDED[-1]
    for each in RECOMMENDED:
        assert each.strategy in STRATEGIES
        assert each.source.startswith("docs/") <= (root / each.source).is_file()


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("batch_bald", (), "all that is trained; allowed: random, dalbt, "),
        ("margin", ("clusters=5",), "margin has no options"),
        ("oracle_purity", (), "reads the hidden answers"),
        ("marginn", (), "did you mean 'margin'"),
        ("typiclust", ("clusters=0",), "must be at least 1"),
        ("typiclust", ("clusters",), "is not name=value"),
        ("", ("clusters=5",), "--strategy"),
    ],
)
def test_a_strategy_that_cannot_choose_here_is_refused(
    name: str, options: tuple[str, ...], said: str
) -> None:
    """Before anything is embedded, with what to do instead."""
    pytest.importorskip("timm", reason="needs the extra backbones")
    with pytest.raises(InputError, match=re.escape(said)):
        strategy_of(name, options)


def test_a_batch_is_not_written_over_other_files(tmp_path: Path) -> None:
    """What a killed query left is replaced; a folder that holds answers, or another batch, is not."""
    pool = open_pool(str(tmp_path))
    out = tmp_path / "batch_001"
    check_out(out, 1, pool)
    out.mkdir()
    check_out(out, 1, pool)
    (out / "batch.json").write_text(json.dumps({"batch": 1, "pool": pool.location}))
    check_out(out, 1, pool)
    with pytest.raises(InputError, match="holds something else"):
        check_out(out, 2, pool)
    (out / "answers.json").touch()
    with pytest.raises(InputError, match="holds something else"):
        check_out(out, 1, pool)


def test_the_command_after_a_batch_can_be_pasted_into_a_shell() -> None:
    """Pool and state folder as they were named, spaces quoted."""
    assert ingest_command("my photos", None) == "dalbt ingest 'my photos' answers.json"
    assert ingest_command("pool", "kept") == "dalbt ingest pool answers.json --state kept"
