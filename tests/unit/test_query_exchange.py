"""What other tools are given, and what comes back from them."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import validate

from dalbt_ray.errors import InputError
from dalbt_ray.query.annotation_files import coco, cvat
from dalbt_ray.query.answer_files import read_answers
from dalbt_ray.query.batch_rows import BatchRow
from dalbt_ray.query.choosing import Pick
from dalbt_ray.query.label_studio import labeling_config, tasks
from dalbt_ray.query.replies import NOT_OURS

ROWS = [
    BatchRow(1, "a" * 16, "x/one & two.png", Pick(0, False, 0.5, "cat", 0.7, "dog", 0.2, 0.1), None, (), ()),
    BatchRow(2, "b" * 16, "s3://bucket/three.jpg", Pick(1, True, None), None, (), ()),
]
CLASSES = ("cat", 'a "dog"')
SIZES = {row.path: (30, 40) for row in ROWS}

TASKS_SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {"type": "object", "required": ["image"], "properties": {"image": {"type": "string"}}},
            "predictions": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["result"],
                    "properties": {
                        "model_version": {"type": "string"},
                        "score": {"type": "number", "minimum": 0, "maximum": 1},
                        "result": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["from_name", "to_name", "type", "value"],
                                "properties": {
                                    "type": {"const": "choices"},
                                    "value": {
                                        "type": "object",
                                        "required": ["choices"],
                                        "properties": {
                                            "choices": {"type": "array", "items": {"type": "string"}}
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""Our reading of the documented form. `label-studio-sdk` and `datumaro` would bring some fifty packages with them;
once, with versions 2.1.2 and 1.13.12, they took a batch's tasks, predictions, COCO and CVAT files."""


def test_label_studio_tasks_fit_their_configuration() -> None:
    """Names and choices of predictions are those of the controls; paths survive being part of a URL."""
    made = tasks(3, ROWS)
    validate(made, TASKS_SCHEMA)
    config = ET.fromstring(labeling_config(CLASSES))
    control, image = config.find("Choices"), config.find("Image")
    assert control is not None
    assert image is not None
    allowed = [choice.get("value") for choice in control]
    assert allowed[:2] == list(CLASSES)
    result = made[0]["predictions"][0]["result"][0]
    assert (result["from_name"], result["to_name"]) == (control.get("name"), image.get("name"))
    assert result["value"]["choices"][0] in allowed
    assert image.get("value") == "$image"
    assert made[0]["data"]["image"] == "/data/local-files/?d=x/one%20%26%20two.png"
    assert made[1]["data"]["image"] == "s3://bucket/three.jpg"
    assert made[1]["predictions"] == []


def exported(*choices: str, cancelled: bool = False, **data: str) -> dict[str, Any]:
    """One task as Label Studio exports it, an annotation a choice."""
    made = [
        {"was_cancelled": cancelled, "result": [{"type": "choices", "value": {"choices": [choice]}}]}
        for choice in choices
    ]
    return {"id": 7, "data": data, "annotations": made}


def test_exports_of_label_studio_come_back(tmp_path: Path) -> None:
    """By our id, or by the image's path; JSON, JSON-MIN and CSV; skipped tasks are no answers."""
    url = tasks(3, ROWS)[0]["data"]["image"]
    file = tmp_path / "export.json"
    file.write_text(json.dumps([
        exported("cat", dalbt_id="a" * 16, image="whatever"), exported(NOT_OURS, image=url),
        exported("cat", cancelled=True, image=url), exported(image=url),
        {"id": 9, "image": "s3://bucket/three.jpg", "label": "cat"},
    ]))  # fmt: skip
    assert [(given.key, given.label) for given in read_answers(file)] == [
        ("a" * 16, "cat"), ("x/one & two.png", NOT_OURS), ("s3://bucket/three.jpg", "cat"),
    ]  # fmt: skip
    table = tmp_path / "export.csv"
    table.write_text("annotation_id,dalbt_id,id,image,label\n1," + "b" * 16 + ",7,/data/x.png,cat\n")
    assert [(given.key, given.label) for given in read_answers(table)] == [("b" * 16, "cat")]


def test_an_export_without_an_image_is_refused(tmp_path: Path) -> None:
    """With the task that lacks it."""
    file = tmp_path / "export.json"
    file.write_text(json.dumps([exported("cat")]))
    with pytest.raises(InputError, match="names no image in task 7"):
        read_answers(file)


def test_coco_and_cvat_name_every_image_and_class() -> None:
    """COCO has no annotation, which would be taken for an answer; CVAT's tags are automatic ones."""
    made = coco(ROWS, CLASSES, SIZES)
    assert json.loads(json.dumps(made)) == made
    assert [(image["file_name"], image["width"]) for image in made["images"]] == [
        (row.path, 40) for row in ROWS
    ]
    assert [category["name"] for category in made["categories"]] == list(CLASSES)
    assert made["annotations"] == []
    root = ET.fromstring(cvat(3, ROWS, CLASSES, SIZES))
    assert [image.get("name") for image in root.iter("image")] == [row.path for row in ROWS]
    labels = [label.findtext("name") for label in root.iter("label")]
    tags = list(root.iter("tag"))
    assert [(tag.get("label"), tag.get("source")) for tag in tags] == [("cat", "auto")]
    assert {tag.get("label") for tag in tags} <= set(labels)
