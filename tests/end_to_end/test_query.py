"""A folder with planted truth, from nothing to several batches, by the commands alone."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from dalbt_ray.cli import main
from dalbt_ray.models.classifier import load_model
from dalbt_ray.query.image_blocks import BLOCK
from dalbt_ray.query.photographs import square
from dalbt_ray.query.replies import NOT_OURS
from tests.browser import asked_page, needs_chromium
from tests.planted_pools import PlantedPool, plant

pytest.importorskip("timm", reason="needs the extra backbones")

PRESSED = """
    const press = key => document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    for (const key of ['1', '2', 'n', 's', 'Backspace', 'ArrowLeft', 'ArrowLeft', '3']) press(key);
    result.answers = content().answers; result.ids = sheet.ids;
    result.count = document.getElementById('answered').textContent;
    document.getElementById('filter').click();
    result.shown = cards.filter(card => card.offsetParent !== null).length;
    result.wide = document.documentElement.scrollWidth; result.inner = innerWidth;
    result.pictures = [...document.images].every(image => image.complete && image.naturalWidth > 0);
"""


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> PlantedPool:
    """300 images: a fifth near copies, a fifth foreign; and two files that are no images."""
    pool = plant(tmp_path_factory.mktemp("photos") / "pool", 300, copies=0.2, foreign=0.2)
    (pool.folder / "broken.jpg").write_bytes(b"not an image")
    (pool.folder / "roll 0" / "same.png").write_bytes((pool.folder / next(iter(pool.truth))).read_bytes())
    return pool


def query(pool: PlantedPool, batch: int, *more: str) -> list[dict[str, str]]:
    """Rows of the batch that the command wrote."""
    assert main(["query", str(pool.folder), "--budget", "24", "--side", "32", *more]) == 0
    with Path(f"batch_{batch:03d}/batch.csv").open() as file:
        return list(csv.DictReader(file))


def answer(pool: PlantedPool, rows: list[dict[str, str]]) -> None:
    """Take the truth in."""
    said = {
        "format": "dalbt-answers",
        "version": 1,
        "answers": {row["id"]: pool.truth[row["path"]] for row in rows},
    }
    Path("answers.json").write_text(json.dumps(said))
    assert main(["ingest", str(pool.folder), "answers.json"]) == 0


def test_three_batches_of_a_planted_pool(
    planted: PlantedPool, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Near copies are not bought twice, foreign images are learned from, nothing is embedded or asked twice."""
    monkeypatch.chdir(tmp_path_factory.mktemp("work"))
    bought: list[str] = []
    for batch in (1, 2, 3):
        rows = query(planted, batch)
        assert len(rows) == 24
        assert sum(row["random"] == "true" for row in rows) == 2
        bought += [row["path"] for row in rows]
        answer(planted, rows)
    originals = [planted.copies.get(path, path) for path in bought]
    assert len(set(bought)) == 72
    assert len(originals) - len(set(originals)) <= 1
    purity = [sum(planted.truth[path] != NOT_OURS for path in bought[i : i + 24]) for i in (0, 24, 48)]
    assert purity[2] >= 0.9 * 24
    capsys.readouterr()
    assert main(["status", str(planted.folder)]) == 0
    said = capsys.readouterr().out
    assert "302 files: 300 images, 1 exact copies, 1 that cannot be used" in said
    assert "broken.jpg is no image file" in said
    assert f"{sum(purity)} labels" in said
    assert "estimated accuracy, mean of these heads" in said
    assert main(["rehearse", str(planted.folder), "--side", "32"]) == 0
    assert "not enough to tell" in capsys.readouterr().out
    blocks = list(planted.folder.glob(".dalbt/features/*/*.parquet"))
    assert len(blocks) == -(-302 // BLOCK)
    (planted.folder / "new.png").write_bytes((planted.folder / bought[0]).read_bytes() + b"\0")
    rows = query(planted, 4, "--explore", "0", "--strategy", "margin")
    assert "1 files to read" in capsys.readouterr().out
    assert not {row["path"] for row in rows} & {*bought, "new.png"}
    told = ("--out", "all.csv", "--head", "head", "--side", "32")
    assert main(["predict", str(planted.folder), *told]) == 0
    with Path("all.csv").open() as file:
        predicted = list(csv.DictReader(file))
    assert len(predicted) == 301
    model = load_model("head")
    few = [row for row in predicted if row["predicted"] != NOT_OURS][:20]
    pixels = np.stack([square((planted.folder / row["path"]).read_bytes(), 32) for row in few])
    p = model.probabilities(pixels)
    assert [model.card.class_names[best] for best in p.argmax(axis=1)] == [row["predicted"] for row in few]
    ours = 1 - np.array([float(row["not_ours"]) for row in few])
    assert p.max(axis=1) * ours == pytest.approx([float(row["probability"]) for row in few], abs=0.01)


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a first batch of twelve."""
    tmp_path = tmp_path_factory.mktemp("sheet")
    pool = plant(tmp_path / "pool", 40)
    before = sorted(pool.folder.rglob("*"))
    assert main(["query", str(pool.folder), "--budget", "12", "--side", "32", "--plan"]) == 0
    assert sorted(pool.folder.rglob("*")) == before
    assert main(["query", str(pool.folder), "--budget", "12", "--side", "32", "--out", str(tmp_path / "batch"),
                 "--classes", "shirt,shoe,bag"]) == 0  # fmt: skip
    return tmp_path / "batch" / "index.html"


@needs_chromium
@pytest.mark.parametrize("width", [1200, 400])
def test_the_contact_sheet_is_labeled_by_keyboard(sheet: Path, width: int) -> None:
    """Numbers, letters and Backspace do what the page says; it fits a phone, and holds all its pictures."""
    result = asked_page(sheet, PRESSED, width)
    first, second, third = result["ids"][:3]
    assert result["answers"] == {first: "shirt", second: "bag", third: NOT_OURS}
    assert result["count"] == "3"
    assert result["shown"] == 9
    assert result["wide"] <= result["inner"]
    assert result["pictures"]
