"""A batch for other annotation tools: COCO (images to annotate, with the categories) and CVAT for images 1.1."""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from dalbt_ray.query.batch_rows import BatchRow
from dalbt_ray.query.replies import NOT_OURS, UNUSABLE

Sizes = Mapping[str, tuple[int, int]]
"""(height, width) by path."""


def coco(rows: Sequence[BatchRow], classes: Sequence[str], sizes: Sizes) -> dict[str, Any]:
    """COCO without annotations: a prediction in it would be taken for an answer. Image ids are ranks."""
    images = [
        {
            "id": row.rank,
            "file_name": row.path,
            "height": sizes[row.path][0],
            "width": sizes[row.path][1],
            "dalbt_id": row.id,
        }
        for row in rows
    ]
    categories = [{"id": place + 1, "name": name, "supercategory": ""} for place, name in enumerate(classes)]
    return {"info": {"description": "a batch of dalbt query"}, "licenses": [], "images": images, "annotations": [],
            "categories": categories}  # fmt: skip


def cvat(number: int, rows: Sequence[BatchRow], classes: Sequence[str], sizes: Sizes) -> bytes:
    """CVAT for images 1.1: every image with the predicted class as an automatic tag."""
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    task = ET.SubElement(ET.SubElement(root, "meta"), "task")
    for name, text in (("name", f"batch {number}"), ("size", str(len(rows))), ("mode", "annotation")):
        ET.SubElement(task, name).text = text
    labels = ET.SubElement(task, "labels")
    for name in (*classes, NOT_OURS, UNUSABLE):
        label = ET.SubElement(labels, "label")
        ET.SubElement(label, "name").text = name
        ET.SubElement(label, "type").text = "tag"
        ET.SubElement(label, "attributes")
    for place, row in enumerate(rows):
        height, width = sizes[row.path]
        at = {"id": str(place), "name": row.path, "width": str(width), "height": str(height)}
        image = ET.SubElement(root, "image", at)
        if row.pick.predicted:
            ET.SubElement(image, "tag", {"label": row.pick.predicted, "source": "auto"})
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"
