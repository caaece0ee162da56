"""What every command on a pool starts with: the pool, its state, the model, and all of it as arrays."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from json import dumps
from pathlib import Path

from dalbt_ray.errors import InputError
from dalbt_ray.models.frozen import Frozen, FrozenEmbedding
from dalbt_ray.query.image_blocks import ImageBlocks, Seen
from dalbt_ray.query.known_images import Answered, KnownImages, answered, known_images
from dalbt_ray.query.looking import Look
from dalbt_ray.query.pool_places import Pool, open_pool, storable
from dalbt_ray.query.state_folder import State


@dataclass(frozen=True)
class Session:
    """One command's view of a pool.

    Attributes:
        pool: its images.
        state: what is known of them.
    """

    pool: Pool
    state: State

    @classmethod
    def of(cls, pool: str, state: str | None) -> "Session":
        """The pool and its state folder; nothing is written.

        Raises:
            InputError: no pool, or a state folder of something else.
        """
        opened = open_pool(pool)
        folder = Path(state) if state else opened.default_state
        return cls(opened, State.at(folder, opened.location))

    def require_state(self) -> None:
        """Refuse a pool that no query was made of.

        Raises:
            InputError: names the command to begin with.
        """
        if not self.state.exists:
            remedy = f"begin with dalbt query {self.pool.location} --budget N"
            raise InputError("POOL", self.pool.location, "has no state yet", remedy=remedy)

    def files(self) -> list[Seen]:
        """Every file that was ever read, under any model; of those with one path, the one that lies there now last."""
        storage = self.state.storage
        keys = [name.rstrip("/") for name in storage.entries("features") if name.endswith("/")]
        there = {place.path: place for place in map(storable, self.pool.places())}
        files = [seen for key in keys for seen in ImageBlocks(storage, key).files()]
        return sorted(files, key=lambda seen: there.get(seen.place.path) == seen.place)

    def answered(self, images: KnownImages) -> Answered:
        """What the answers say of each row."""
        asked = [batch["ids"] for batch in self.state.batches()]
        return answered(images, self.state.classes, self.state.replies(), asked)


@dataclass(frozen=True)
class Model:
    """A frozen model and the blocks of its features.

    Attributes:
        embedding: the model.
        blocks: what it embedded.
    """

    embedding: FrozenEmbedding
    blocks: ImageBlocks

    @classmethod
    def of(cls, session: Session, name: str, weights: str, side: int) -> "Model":
        """The model called `name`.

        Args:
            session: whose state keeps the features.
            name: as `Frozen.model`.
            weights: a file; empty where a package has them.
            side: pixels; 0 for the model's own.

        Raises:
            InputError: an unknown model, or weights that are not here, with what to install or bring.
        """
        embedding = Frozen(model=name, weights=weights, side=side).embedding
        said = dumps({"pool": "resized by Pillow", **embedding.identity}, sort_keys=True)
        return cls(embedding, ImageBlocks(session.state.storage, sha256(said.encode()).hexdigest()[:16]))

    def images(self, found: Look) -> KnownImages:
        """The pool as arrays."""
        return known_images(self.blocks, found)


def ingest_command(pool: str, state: str | None) -> str:
    """What to type once the batch is labeled, ready for a shell."""
    return shlex.join(["dalbt", "ingest", pool, "answers.json", *(["--state", state] if state else [])])


def set_classes(state: State, classes: Sequence[str]) -> None:
    """Take the classes that the user names; those that are known stay, in their order.

    Raises:
        InputError: a name given twice, empty or reserved, or a known class left out.
    """
    known = state.classes
    for name in classes:
        if not name or name.startswith("__") or classes.count(name) > 1:
            problem = f"holds {name!r}, which is empty, reserved or given twice"
            raise InputError("classes", ",".join(classes), problem)
    if missing := [name for name in known if name not in classes]:
        problem = f"leaves out {', '.join(missing)}, which the pool has"
        raise InputError("classes", ",".join(classes), problem, remedy=f"known classes: {','.join(known)}")
    if tuple(classes) != known:
        state.set_classes(classes)
