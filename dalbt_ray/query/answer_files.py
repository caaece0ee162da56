"""Files that answers come in: what the contact sheet saves, exports of Label Studio, and CSV."""

import csv
import json
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from dalbt_ray.errors import InputError
from dalbt_ray.query.label_studio import answers_of


@dataclass(frozen=True)
class Given:
    """One answer as a file has it.

    Attributes:
        where: in the file, for messages.
        key: an id, or a path.
        label: as given; never empty.
    """

    where: str
    key: str
    label: str


def read_answers(file: Path) -> list[Given]:
    """The answers of a file, told by its content; images without an answer are left out.

    Raises:
        InputError: a file that cannot be read, or of no form that is known.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("ANSWERS", str(file), f"cannot be read ({error})") from None
    if file.suffix.lower() == ".csv":
        try:
            return _from_csv(file, text)
        except csv.Error as error:
            raise InputError("ANSWERS", str(file), f"is no CSV ({error})", remedy=_FORMS) from None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("ANSWERS", str(file), f"is not JSON: {error}", remedy=_FORMS) from None
    if isinstance(content, dict) and content.get("format") == "dalbt-answers":
        return _from_sheet(file, content)
    if isinstance(content, list):
        return [_given(file, *each) for each in answers_of(file, content)]
    raise InputError("ANSWERS", str(file), "has a form that is not known", remedy=_FORMS)


_FORMS = (
    "answers come as answers.json of a contact sheet, as an export of Label Studio (JSON, JSON-MIN or CSV), or as CSV "
    "with the columns path (or id) and label"
)


def _from_sheet(file: Path, content: dict[str, Any]) -> list[Given]:
    answers = content.get("answers")
    if content.get("version") != 1 or not isinstance(answers, dict):
        raise InputError("ANSWERS", str(file), "is of another version or has no `answers`", remedy=_FORMS)
    return [_given(file, f"image {key}", key, label) for key, label in answers.items()]


def _from_csv(file: Path, text: str) -> list[Given]:
    reader = csv.DictReader(StringIO(text, newline=""))
    columns = [column.strip().lower() for column in reader.fieldnames or []]
    reader.fieldnames = columns
    # In a CSV export of Label Studio `id` is the task's, and ours is `dalbt_id`.
    key = next((name for name in ("dalbt_id", "path", "filename", "id") if name in columns), "")
    if not key or "label" not in columns:
        raise InputError(
            "ANSWERS", str(file), f"has the columns {', '.join(columns) or '(none)'}", remedy=_FORMS
        )
    rows = [(reader.line_num, (row[key] or "").strip(), (row["label"] or "").strip()) for row in reader]
    return [_given(file, f"line {line}", name, label) for line, name, label in rows if label]


def _given(file: Path, where: str, key: object, label: object) -> Given:
    if not isinstance(key, str) or not isinstance(label, str) or not key or not label.strip():
        raise InputError(
            "ANSWERS", str(file), f"has no image or no text as its label in {where}", remedy=_FORMS
        )
    return Given(where, key, label.strip())
