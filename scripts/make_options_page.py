"""Write docs/options.md from the classes: `make docs`."""

from pathlib import Path

from dalbt_ray.config import Trial, known_classes
from dalbt_ray.options.describe import options_page

PAGE = Path(__file__).parents[1] / "docs" / "options.md"

if __name__ == "__main__":
    PAGE.write_text(options_page(Trial, known_classes()), encoding="utf-8")
