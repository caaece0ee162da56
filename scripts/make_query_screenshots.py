"""Write the screenshots of docs/query.md: a planted pool, two batches, the page at two widths. Needs Chromium.

Run: python -m scripts.make_query_screenshots
"""

import csv
import json
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from dalbt_ray.cli import main
from tests.browser import CHROMIUM
from tests.planted_pools import CLASSES, plant

DOCS = Path(__file__).parents[1] / "docs"
HEIGHTS = {1_200: 900, 400: 800}
SOME = 7
"""Images that are answered in the pictures."""


def screenshots() -> None:
    """`docs/query_1200.png` and `docs/query_400.png`, of a second batch of which some is answered."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pool = plant(folder / "photos", 400, copies=0.1, foreign=0.1)
        for number in (1, 2):
            out = folder / f"batch_{number}"
            main(
                [
                    "query",
                    str(pool.folder),
                    "--budget",
                    "60",
                    "--out",
                    str(out),
                    "--classes",
                    ",".join(CLASSES),
                ]
            )
            with (out / "batch.csv").open() as file:
                answers = {row["id"]: pool.truth[row["path"]] for row in csv.DictReader(file)}
            said = {"format": "dalbt-answers", "version": 1, "answers": answers}
            (folder / "answers.json").write_text(json.dumps(said))
            main(["ingest", str(pool.folder), str(folder / "answers.json")])
        page = out / "index.html"
        some = json.dumps(dict(list(answers.items())[:SOME]))
        shown = page.read_text().replace("const answers = kept.answers || {};", f"const answers = {some};")
        page.write_text(shown)
        for width, height in HEIGHTS.items():
            shot = folder / f"{width}.png"
            subprocess.run(  # noqa: S603 - our own command
                [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                 f"--user-data-dir={folder / 'profile'}", f"--window-size={width},{height}",
                 f"--screenshot={shot}", page.as_uri()],
                check=True, capture_output=True, timeout=120,
            )  # fmt: skip
            Image.open(shot).convert("RGB").quantize(64).save(DOCS / f"query_{width}.png", optimize=True)


if __name__ == "__main__":
    screenshots()
