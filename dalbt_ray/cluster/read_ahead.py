"""Images of sets that decode in seconds, read by a thread of the driver while a Ray of our own starts.

For such a set Ray Data's own processes take longer to start than the images to decode.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from queue import Queue
from threading import Thread

from dalbt_ray.cluster.shared_array import SharedArray
from dalbt_ray.config import ImageKey
from dalbt_ray.data.image_set import ArrayImages, ImageSet, ImageSetFiles, build_image_set, read_images
from dalbt_ray.data.split_file import open_parquet

MOST_BYTES = 256 * 2**20
"""Of decoded images that are read here, all sets of the paper among them; Ray Data reads more on all nodes at once."""


class ReadAhead:
    """Begins to read as soon as it is made, and holds two sets at most that were not asked for yet.

    Args:
        keys: of images, in the order in which they will be asked for.
        data_root: the folder of image sets, or None for the embedded ones.
        most_bytes: of decoded images of one set; a larger one is left to others.
    """

    def __init__(
        self, keys: Sequence[ImageKey], data_root: Path | None, most_bytes: int = MOST_BYTES
    ) -> None:
        self._most_bytes = most_bytes
        self._read: Queue[ImageSet | BaseException | None] = Queue(maxsize=1)
        # A daemon: a driver that is interrupted or refused does not wait for it.
        Thread(target=self._run, args=(keys, data_root), daemon=True, name="read-ahead").start()

    def next_shared(self) -> ImageSet | None:
        """The next image set, its images in the object store; None if it is too large. Ray must be connected.

        Raises:
            InputError: as `dalbt_ray.data.image_set.load_image_set`.
        """
        found = self._read.get()
        if isinstance(found, BaseException):
            raise found
        if found is None:
            return None
        assert isinstance(found.images, ArrayImages)
        return replace(found, images=SharedArray(found.images.array))

    def _run(self, keys: Sequence[ImageKey], data_root: Path | None) -> None:
        for dataset, ood, _ in keys:
            try:
                found = self._small_image_set(ImageSetFiles.find(dataset, ood, data_root))
            except BaseException as error:  # whatever it is, it belongs to who asks
                self._read.put(error)
                return
            self._read.put(found)

    def _small_image_set(self, files: ImageSetFiles) -> ImageSet | None:
        count = sum(open_parquet(path).metadata.num_rows for path in files.pool_files)
        if count * prod(files.shape) > self._most_bytes:
            return None
        return build_image_set(files, ArrayImages(read_images(files.pool_files, files.shape)))
