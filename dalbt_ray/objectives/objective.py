"""What a training objective is: a frozen value with its loss, and what that loss has to be shown."""

from abc import abstractmethod
from typing import ClassVar, Literal

from torch import Tensor

from dalbt_ray.options.value import Named

ViewedImages = Literal["labeled", "labeled+unlabeled"]


class Objective(Named):
    """Base of all objectives. A subclass is a frozen dataclass whose fields are its options.

    One of your own works from a sweep file: implement `loss`, set the class variables, pass an instance to `Trial`.

    Attributes:
        needs_views: whether `loss` reads projections of two augmented views.
        is_cross_entropy: whether `loss` is that and nothing else, so that a solver may minimize it in other ways.
        cost: of a step, in steps on cross-entropy alone; for `--plan`.
        viewed_images: images whose views are shown: the batch itself ("labeled", algorithm 1 of the paper) or as many
            drawn from labeled and unlabeled images alike.
        capturable: whether `loss` launches the same kernels whatever it is given, and never waits for a GPU: a step may
            then be recorded as a CUDA graph and played back.
    """

    path: ClassVar[str] = "objective"
    needs_views: ClassVar[bool] = False
    is_cross_entropy: ClassVar[bool] = False
    cost: ClassVar[float] = 1.0
    capturable: ClassVar[bool] = False

    @property
    def viewed_images(self) -> ViewedImages:
        """Which images' views are shown."""
        return "labeled"

    @abstractmethod
    def loss(self, logits: Tensor, labels: Tensor, projections: tuple[Tensor, Tensor] | None) -> Tensor:
        """What a step minimizes, float[]; averaged over workers, its gradient is that of the global batch.

        Args:
            logits: float[b, c], of this worker's clean images.
            labels: int64[b].
            projections: float[m, p] of views a and b of the same m images, if the objective `needs_views`.
        """
