"""What goes wrong beside a pool: damaged blocks, files that cannot be read for now, odd names, odd answers."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dalbt_ray.errors import InputError
from dalbt_ray.query import near_copies
from dalbt_ray.query.answer_files import read_answers
from dalbt_ray.query.batch import Batch
from dalbt_ray.query.batch_folder import write_batch
from dalbt_ray.query.image_blocks import ImageBlocks, Seen
from dalbt_ray.query.ingesting import ingest
from dalbt_ray.query.known_images import known_images
from dalbt_ray.query.looking import embed_unread, look
from dalbt_ray.query.near_copies import likeness, unit, without_copies
from dalbt_ray.query.pool_places import FolderPool, ListPool, Place, open_pool
from dalbt_ray.query.pool_status import status
from dalbt_ray.query.rehearsing import SENTENCE, check_out
from dalbt_ray.query.session import Session
from dalbt_ray.results.storage.local_disk import LocalStorage
from tests.unit.test_query_looking import FirstPixels, WatchedPool, write


def silent(_: str) -> None:
    """Nobody listens."""


def pool_of(folder: Path, images: int) -> ImageBlocks:
    """Some pictures, embedded."""
    folder.mkdir(exist_ok=True)
    for number in range(images):
        write(folder / f"{number}.png", number)
    blocks = ImageBlocks(LocalStorage(folder / ".dalbt"), "key")
    embed_unread(FolderPool(folder), blocks, FirstPixels(), silent)
    return blocks


def spoil_features(block: Path) -> None:
    """Turn one bit in the column `features` over, and in no other."""
    metadata = pq.read_metadata(block).row_group(0)
    columns = [metadata.column(each) for each in range(metadata.num_columns)]
    chunk = next(each for each in columns if each.path_in_schema.startswith("features"))
    data = bytearray(block.read_bytes())
    data[chunk.data_page_offset + chunk.total_compressed_size - 1] ^= 1
    block.write_bytes(data)


def test_a_block_with_damaged_features_is_embedded_again_at_once(tmp_path: Path) -> None:
    """Names and sizes were read without the features, so the command ended in a KeyError."""
    blocks = pool_of(tmp_path, 3)
    (block,) = (tmp_path / ".dalbt" / "features" / "key").iterdir()
    spoil_features(block)
    seen = look(FolderPool(tmp_path), blocks)
    assert len(seen.files) == 3  # what needs no features does not notice
    found = embed_unread(FolderPool(tmp_path), blocks, FirstPixels(), silent)
    assert len(known_images(blocks, found).ids) == 3
    (block,) = (tmp_path / ".dalbt" / "features" / "key").iterdir()
    spoil_features(block)
    assert known_images(blocks, seen).ids == ()  # `status` has looked already


@pytest.mark.parametrize("error", [pa.ArrowMemoryError("malloc failed"), OSError(24, "Too many open files")])
def test_a_block_that_cannot_be_read_now_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Hours of embedding were removed because the memory was short for a moment."""
    blocks = pool_of(tmp_path, 3)

    def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(pq, "ParquetFile", fail)
        with pytest.raises(type(error)):
            blocks.files()
    assert len(blocks.files()) == 3


def test_a_file_whose_permissions_are_mended_is_read(tmp_path: Path) -> None:
    """That changes neither its size nor its time: it stayed unreadable for ever. What is no image stays so."""
    (tmp_path / "broken.png").write_bytes(b"no image")
    blocks = ImageBlocks(LocalStorage(tmp_path / ".dalbt"), "key")
    write(tmp_path / "a.png", 0)

    class Closed(WatchedPool):
        def read(self, path: str) -> bytes:
            if path == "a.png":
                raise PermissionError(13, "Permission denied")
            return super().read(path)

    embed_unread(Closed(tmp_path), blocks, FirstPixels(), silent)
    opened = WatchedPool(tmp_path)
    found = embed_unread(opened, blocks, FirstPixels(), silent)
    assert dict(opened.reads) == {"a.png": 1}
    assert [seen.problem for seen in found.files if seen.place.path == "a.png"] == [""]


def test_a_name_that_is_not_unicode_is_told_and_not_read_every_time(tmp_path: Path) -> None:
    """Its path in the state is another one than in the folder, so it was new for ever and its reason never shown."""
    pool_of(tmp_path, 1)
    name = os.fsdecode(b"caf\xe9.png")
    write(tmp_path / "x.png", 9)
    (tmp_path / "x.png").rename(tmp_path / name)
    session = Session.of(str(tmp_path), None)
    with session.state.lease():
        pass
    blocks = ImageBlocks(session.state.storage, "key")
    found = embed_unread(session.pool, blocks, FirstPixels(), silent)
    assert not found.unread
    said = status(session)
    assert "not read yet" not in said
    assert "has a name that is not Unicode; rename it" in said


def test_copies_are_made_again_when_the_pool_has_grown(tmp_path: Path) -> None:
    """A pool that began with two pictures kept the threshold of two copies."""
    blocks = pool_of(tmp_path, 2)
    for images, made in ((2, 2), (3, 2), (40, 40), (41, 40)):
        pool_of(tmp_path, images)
        known = known_images(blocks, look(FolderPool(tmp_path), blocks))
        alike = likeness(blocks.storage, "key", FolderPool(tmp_path), known, 8, FirstPixels().build)
        assert alike.made == made


def test_a_film_of_copies_takes_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """All images are asked for where few differ: 50,000 of them had a matrix of 10 GB."""
    rng = np.random.default_rng(0)
    scenes = rng.normal(size=(30, 8)).astype(np.float32)
    features = unit(np.repeat(scenes, 200, axis=0) + rng.normal(0, 0.01, (6_000, 8)).astype(np.float32))
    order = rng.permutation(6_000).tolist()
    tracemalloc.start()
    kept, dropped = without_copies(order, features, 0.99)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * 2**20
    assert len(kept) == 30
    assert len(dropped) == 5_970
    monkeypatch.setattr(near_copies, "_AT_ONCE", 7)
    assert without_copies(order, features, 0.99) == (kept, dropped)
    monkeypatch.setattr(near_copies, "_AT_ONCE", 10_000)
    assert without_copies(order, features, 0.99) == (kept, dropped)


def test_a_path_means_the_file_that_lies_there_now(tmp_path: Path) -> None:
    """Two models saw two versions of it; the order of their names decided."""
    (tmp_path / "a.png").write_bytes(b"12345678")
    found = (tmp_path / "a.png").stat()
    session = Session.of(str(tmp_path), None)
    with session.state.lease():
        storage = session.state.storage
        now = Seen(Place("a.png", 8, found.st_mtime_ns), "1" * 16, "")
        then = Seen(Place("a.png", 7, 1), "2" * 16, "")
        ImageBlocks(storage, "0" * 16).append([now], {})
        ImageBlocks(storage, "f" * 16).append([then], {})
        (tmp_path / "answers.csv").write_text("path,label\na.png,cat\n")
        ingest(session.state, session.files(), tmp_path / "answers.csv")
        assert [reply.id for reply in session.state.replies()] == ["1" * 16]


def test_a_file_that_was_moved_is_one_image(tmp_path: Path) -> None:
    """Its bare name fits two paths, one of which is gone; two pictures of one name are still refused."""
    session = Session.of(str(tmp_path), None)
    answers = tmp_path / "answers.csv"
    answers.write_text("path,label\na.png,cat\n")
    files = [Seen(Place(path, 1, 1), "1" * 16, "") for path in ("old/a.png", "new/a.png")]
    with session.state.lease():
        assert ingest(session.state, files, answers).new == 1
        other = Seen(Place("third/a.png", 1, 1), "2" * 16, "")
        with pytest.raises(InputError, match="fits 2 files"):
            ingest(session.state, [*files, other], answers)


@pytest.mark.parametrize(
    "content",
    [
        '[{"id": 1, "annotations": [5]}]',
        '[{"id": 1, "annotations": null}]',
        '[{"id": 1, "annotations": [{"result": [{"type": "choices", "value": {}}]}]}]',
        '[{"id": 1, "data": [], "annotations": [{"result": [{"type": "choices", "value": {"choices": ["a"]}}]}]}]',
        '[{"id": 1, "image": "a.png", "label": {"choices": null}}]',
        '[{"id": 1, "image": "http://[", "label": "cat"}]',
    ],
)
def test_an_export_of_another_form_is_refused_by_name(tmp_path: Path, content: str) -> None:
    """Each of these was a traceback."""
    (tmp_path / "export.json").write_text(content)
    with pytest.raises(InputError, match="task 1"):
        read_answers(tmp_path / "export.json")


def test_a_table_with_an_endless_cell_is_refused(tmp_path: Path) -> None:
    """Of answers, and of a pool's paths."""
    for name, read in (("answers.csv", read_answers), ("list.csv", lambda path: ListPool(path).places())):
        (tmp_path / name).write_text("path,label\n" + "x" * 200_000 + ",cat\n")
        with pytest.raises(InputError, match="is no CSV"):
            read(tmp_path / name)


def test_a_list_is_divided_at_the_ends_of_lines_alone(tmp_path: Path) -> None:
    """A file may have a form feed or U+2028 in its name; millions of them were lines beyond the limit."""
    names = ["one\x0cname.png", "another\u2028name.png", "third.png"]
    (tmp_path / "list.txt").write_text("\n".join(names))
    assert {place.path for place in open_pool(str(tmp_path / "list.txt")).places()} == set(names)
    (tmp_path / "list.csv").write_text("path,more\n" + "".join(f'"{name}","two\nlines"\n' for name in names))
    assert {place.path for place in open_pool(str(tmp_path / "list.csv")).places()} == set(names)


def test_answers_that_were_saved_meanwhile_stay(tmp_path: Path) -> None:
    """In the folder of a batch that was killed, while the next command embedded."""
    batch = Batch(1, FolderPool(tmp_path), ("cat",), "", "", (), 0, "")
    out = tmp_path / "batch_001"
    write_batch(out, batch)
    write_batch(out, batch)
    (out / "answers.json").write_text("{}")
    with pytest.raises(InputError, match="holds something else"):
        write_batch(out, batch)
    assert (out / "answers.json").exists()


def test_a_rehearsal_replaces_nothing_but_a_rehearsal(tmp_path: Path) -> None:
    """Its folder was removed with whatever else the user had put there; a file in its place was a traceback."""
    out = tmp_path / "rehearsal"
    check_out(out)
    out.mkdir()
    check_out(out)
    (out / SENTENCE).touch()
    (out / "results").mkdir()
    check_out(out)
    (out / "notes.txt").touch()
    for refused in (out, out / "notes.txt"):
        with pytest.raises(InputError, match="holds something else"):
            check_out(refused)
