"""Label Studio: tasks with predictions and scores to import, and what it exports, read back.

Form: "Label Studio JSON format of annotated tasks" and "Import pre-annotated data" of its documentation, as read in
November 2026. Image paths are those of its local files storage with the pool's folder as the document root.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlparse
from xml.sax.saxutils import quoteattr

from dalbt_ray.errors import InputError
from dalbt_ray.query.batch_rows import BatchRow
from dalbt_ray.query.remote_images import is_uri
from dalbt_ray.query.replies import NOT_OURS, UNUSABLE

NAME, IMAGE = "label", "image"
"""Of the control that is answered and of the picture, in the labeling configuration."""

Json = dict[str, Any]


def tasks(number: int, rows: Sequence[BatchRow]) -> list[Json]:
    """One task an image, in the batch's order; what the head predicts is a prediction with its probability as score."""
    return [
        {
            "data": {
                IMAGE: row.path if is_uri(row.path) else f"/data/local-files/?d={quote(row.path)}",
                "dalbt_id": row.id,
                "path": row.path,
                "rank": row.rank,
                "reason": row.pick.reason,
            },
            "predictions": [] if row.pick.probability is None else [_prediction(number, row)],
        }
        for row in rows
    ]


def _prediction(number: int, row: BatchRow) -> Json:
    choice = {
        "from_name": NAME,
        "to_name": IMAGE,
        "type": "choices",
        "value": {"choices": [row.pick.predicted]},
    }
    return {"model_version": f"dalbt batch {number}", "score": row.pick.probability, "result": [choice]}


def labeling_config(classes: Sequence[str]) -> str:
    """The labeling configuration that the tasks fit: one choice of the classes, "not ours" and "cannot be used"."""
    choices = "\n".join(f"    <Choice value={quoteattr(name)}/>" for name in (*classes, NOT_OURS, UNUSABLE))
    return (
        f'<View>\n  <Image name="{IMAGE}" value="${IMAGE}"/>\n'
        f'  <Choices name="{NAME}" toName="{IMAGE}" choice="single" showInLine="true">\n{choices}\n'
        "  </Choices>\n</View>\n"
    )


def answers_of(file: Path, exported: Sequence[Any]) -> list[tuple[str, str, str]]:
    """(where, image, label) of every answered task of an export, JSON or JSON-MIN.

    Cancelled annotations are none; a task with none is left out. Several annotations of one task are all given, so that
    contradictions are found where all answers are checked.

    Raises:
        InputError: a task without an image, an annotation that is not one choice, or another form.
    """
    found = []
    for place, task in enumerate(exported):
        where = f"task {task.get('id', place + 1)}" if isinstance(task, dict) else f"entry {place + 1}"
        if not isinstance(task, dict):
            remedy = "an export is a list of tasks; answers.json of a contact sheet and CSV are taken too"
            raise InputError("ANSWERS", str(file), f"holds no task in {where}", remedy=remedy)
        try:
            found += _answered(file, where, task)
        except InputError:
            raise
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            problem = f"has a form that is not known in {where} ({type(error).__name__} {error})"
            raise InputError("ANSWERS", str(file), problem) from None
    return found


def _answered(file: Path, where: str, task: Json) -> list[tuple[str, str, str]]:
    """The answers of one task; what is not as Label Studio writes it raises whatever Python says."""
    if "annotations" not in task:
        return (
            [(where, _image(file, where, task), _single(file, where, task[NAME]))] if task.get(NAME) else []
        )
    found = []
    for annotation in task["annotations"]:
        if annotation.get("was_cancelled") or not annotation.get("result"):
            continue
        choices = [each["value"]["choices"] for each in annotation["result"] if each.get("type") == "choices"]
        if len(choices) != 1:
            raise InputError("ANSWERS", str(file), f"has {len(choices)} choices in one annotation of {where}")
        found.append((where, _image(file, where, task.get("data", {})), _single(file, where, choices[0])))
    return found


def _image(file: Path, where: str, data: Json) -> str:
    """The id if we wrote the task, else the path behind the image's URL."""
    if data.get("dalbt_id"):
        return str(data["dalbt_id"])
    if not data.get(IMAGE):
        raise InputError(
            "ANSWERS",
            str(file),
            f"names no image in {where}",
            remedy="tasks need data.dalbt_id or data.image",
        )
    url = urlparse(str(data[IMAGE]))
    local = parse_qs(url.query).get("d")
    return local[0] if local else str(data[IMAGE]) if url.scheme else unquote(url.path)


def _single(file: Path, where: str, value: Any) -> str:
    """JSON-MIN has one choice bare, and several as `{"choices": [...]}`."""
    choices = value.get("choices", []) if isinstance(value, dict) else value
    choices = [choices] if isinstance(choices, str) else choices
    if len(choices) != 1 or not isinstance(choices[0], str):
        raise InputError("ANSWERS", str(file), f"has not exactly one choice in {where}")
    return str(choices[0])
