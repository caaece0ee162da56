"""What rankings by several dropout passes have in common: how many there are, with how much dropout."""

from dataclasses import dataclass

from dalbt_ray.options.ranges import BelowOne, Count
from dalbt_ray.options.value import changed_default
from dalbt_ray.pool import Floats, PoolView
from dalbt_ray.strategies.method import Needs, Ranked
from dalbt_ray.strategies.required import required


@dataclass(frozen=True, kw_only=True)
class DropoutPasses(Ranked):
    """A method that reads the probabilities of several passes with dropout, the same masks for all images.

    Attributes:
        dropout: dropout probability in training and in the passes; 0.5 as in the dense layers of Gal, Islam and
            Ghahramani 2017.
        samples: passes per image. Public versions take from 10 (DeepAL) over 25 (VAAL's comparison) to 100
            (Gissin and Shalev-Shwartz). Of the first ten picks of 10,000 MNIST images two disjoint sets of 20, 50,
            100, 200 masks share 3.0, 5.0, 5.7, 7.8 (DBAL: 2.2, 3.2, 6.0, 7.2); 100 is the first with most of them.
    """

    dropout: BelowOne = 0.5
    samples: Count = changed_default(100, introduced=20)  # noqa: RUF009

    @property
    def needs(self) -> Needs:
        """Dropout in the network and `samples` passes over the pool."""
        return Needs(dropout=self.dropout, dropout_samples=self.samples)

    def passes(self, pool: PoolView) -> Floats:
        """The probabilities of the passes, float[n, t, c].

        Raises:
            ValueError: the pool has none.
        """
        return required(pool.mc_probabilities, "mc_probabilities", self.name)
