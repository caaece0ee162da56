"""Pictures of what was acquired: the right images, few of them, and a sentence where there are none."""

from base64 import b64decode
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dalbt_ray.data.sources import EMBEDDED_ROOT
from dalbt_ray.data.split_file import read_split
from dalbt_ray.data.thumbnails import encoded_images, thumbnail
from dalbt_ray.report.contact_sheets import IMAGES, MOST, QUERIES, contact_sheet_section, shown_picks
from dalbt_ray.report.page import ContactSheets, Text
from tests.analysis_frames import METHODS, Sweep, make_study

FASHION = EMBEDDED_ROOT / "fashion_mini" / "train.parquet"


def test_images_by_id_are_those_of_the_split() -> None:
    """In any order, whatever row group they lie in; an id that is not there is left out."""
    split = read_split(FASHION)
    wanted = [int(split.ids[row]) for row in (9_999, 0, 4_321)]
    found = encoded_images(FASHION, [*wanted, -5])
    assert found.keys() == set(wanted)
    for row in (9_999, 0, 4_321):
        pixels = np.asarray(Image.open(BytesIO(found[int(split.ids[row])])))
        assert (pixels == split.images[row, :, :, 0]).all()


@pytest.mark.parametrize("size", [(48, 48), (200, 100)])
def test_a_thumbnail_is_small(size: tuple[int, int]) -> None:
    """A file that is small enough stays as it is; a larger one keeps its proportions."""
    file = BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(file, "PNG")
    kind, data = thumbnail(file.getvalue())
    small = Image.open(BytesIO(data))
    assert max(small.size) == 48
    assert small.size[0] / small.size[1] == size[0] / size[1]
    assert (data == file.getvalue(), kind) == (
        (True, "image/png") if size == (48, 48) else (False, "image/jpeg")
    )


def test_few_queries_of_one_seed_are_shown() -> None:
    """The first and the last query among them, of each the images of the lowest ranks."""
    study = make_study(Sweep(settings=[("fashion_mini", "", 100)], last_round=9))
    shown = shown_picks(study.selections, study.rounds)
    assert set(shown["seed"]) == {0}
    for _, trial in shown.groupby("method"):
        rounds = trial["round"].unique()
        assert (rounds[0], rounds[-1], len(rounds)) == (1, 9, QUERIES)
        assert (trial.groupby("round")["rank"].max() == IMAGES - 1).all()
    assert shown.groupby(["method", "round"]).size().unique().tolist() == [IMAGES]


def test_pictures_are_the_images_acquired_and_ood_ones_are_framed() -> None:
    """Of a mixed pool of two embedded sets, which need no data root; ids count within their own set."""
    mixed = Sweep(
        settings=[("fashion_mini", "kmnist_mini", 20)], methods=METHODS[:3], seeds=1, in_distribution_pool=500
    )
    study = make_study(mixed)
    (_, sheets) = contact_sheet_section(study, None).blocks
    assert isinstance(sheets, ContactSheets)
    thumbs = [one for _, lines in sheets.sheets for _, line in lines for one in line]
    assert len(thumbs) == 3 * QUERIES * IMAGES
    assert 0 < sum(one.is_ood for one in thumbs) < len(thumbs)
    assert sum(one.uri != "" for one in thumbs) > len(thumbs) / 5
    splits = {
        name: read_split(EMBEDDED_ROOT / name / "train.parquet") for name in ("fashion_mini", "kmnist_mini")
    }
    for one in thumbs:
        name, source, id_ = one.title.replace(",", "").rsplit(" ", 2)
        assert one.is_ood == (source == "kmnist_mini") == (name == "OOD")
        split = splits[source]
        if int(id_) not in split.ids:
            assert one.uri == ""
            continue
        pixels = np.asarray(Image.open(BytesIO(b64decode(one.uri.partition(",")[2]))))
        assert (pixels == split.images[list(split.ids).index(int(id_)), :, :, 0]).all()


def test_without_the_data_a_sentence_says_how(tmp_path: Path) -> None:
    """One for all settings of a data set, and without a path of this machine."""
    study = make_study(Sweep(settings=[("mnist", "", 10), ("mnist", "", 20)]))
    (told,) = contact_sheet_section(study, tmp_path).blocks
    assert isinstance(told, Text)
    assert told.text.startswith("mnist, b=10; mnist, b=20: the images of mnist are not here")
    assert "dalbt report DIR --data-root DATA" in told.text
    assert str(tmp_path) not in told.text


def test_images_of_other_data_are_not_shown() -> None:
    """The trials' hash decides: the same name may be another set on this machine."""
    study = make_study(Sweep(settings=[("fashion_mini", "", 100)], methods=METHODS[:2]))
    manifests = {name: {"data_hash": "f" * 64} for name in study.rounds["trial_id"].unique()}
    (told,) = contact_sheet_section(replace(study, manifests=manifests), None).blocks
    assert isinstance(told, Text)
    assert "not those that the trials had" in told.text


def test_a_page_has_a_bounded_number_of_pictures() -> None:
    """Many settings and methods: whole settings are left out, and named."""
    settings = [("fashion_mini", "", budget) for budget in (20, 30, 40, 50)]
    study = make_study(Sweep(settings=settings, seeds=1))
    *_, told = blocks = contact_sheet_section(study, None).blocks
    shown = [block for block in blocks if isinstance(block, ContactSheets)]
    pictures = sum(len(line) for block in shown for _, lines in block.sheets for _, line in lines)
    assert 0 < pictures <= MOST
    assert [block.unfolded for block in shown] == [True, False, False]
    assert told == Text("fashion_mini, b=50: not shown, a page has at most 1,500 pictures.", note=True)
