"""Which methods can run where images are features of a frozen encoder: refused before training, with the reason."""

from dalbt_ray.errors import InputError
from dalbt_ray.models.encoder import Encoder
from dalbt_ray.models.network import NetworkSettings
from dalbt_ray.objectives import Objective
from dalbt_ray.strategies.method import Method
from dalbt_ray.views import Augmentation


def refuse_what_features_lack(
    strategy: Method,
    objective: Objective,
    encoder: Encoder,
    network: NetworkSettings,
    augmentation: Augmentation,
) -> None:
    """Refuse what the encoder cannot give; every encoder that reads pixels and trains all layers gives everything.

    Raises:
        InputError: an objective with views, an augmentation or a strategy that rebuilds pixels, where images are
            embedded once; dropout, several members or networks of a strategy's own, where the head is solved and not
            trained in steps.
    """
    if encoder.embedding is not None:
        _refuse_without_pixels(strategy, objective, encoder, augmentation)
    if encoder.solver is not None:
        _refuse_without_steps(strategy, objective, encoder, network)


def _refuse_without_pixels(
    strategy: Method, objective: Objective, encoder: Encoder, augmentation: Augmentation
) -> None:
    if objective.needs_views:
        problem = f"wants two views of every image, and the encoder {encoder.name} embeds each image once"
        remedy = "take the objective supervised, or an encoder that is trained"
        raise InputError("objective", objective.name, problem, remedy=remedy)
    if augmentation.changes_images:
        problem = f"changes images, and the encoder {encoder.name} embeds each image once, as it is"
        remedy = "take the augmentation none, or an encoder that is trained"
        raise InputError("augmentation", augmentation.name, problem, remedy=remedy)
    if strategy.auxiliary is not None and strategy.auxiliary.needs_pixels:
        problem = f"trains networks on pixels, and the encoder {encoder.name} leaves features only"
        raise InputError("strategy", strategy.name, problem, remedy="take an encoder that is trained")


def _refuse_without_steps(
    strategy: Method, objective: Objective, encoder: Encoder, network: NetworkSettings
) -> None:
    solved = f"the head of the encoder {encoder.name} is solved, not trained in steps"
    remedy = "take encoder.head=mlp, which is trained"
    if not objective.is_cross_entropy:
        raise InputError(
            "objective", objective.name, f"is more than cross-entropy, and {solved}", remedy=remedy
        )
    needs = strategy.needs
    for wanted, what in (
        (needs.dropout > 0 or needs.dropout_samples > 0, "needs dropout passes"),
        (needs.members > 1, f"needs {needs.members} networks that differ"),
        (needs.variational, "needs a variational encoder"),
        (strategy.auxiliary is not None, "trains networks of its own along"),
    ):
        if wanted:
            raise InputError("strategy", strategy.name, f"{what}, and {solved}", remedy=remedy)
    if network.dropout:
        raise InputError("network.dropout", network.dropout, f"means nothing: {solved}", remedy=remedy)
    if network.latent_norm != "none":
        raise InputError(
            "network.latent_norm", network.latent_norm, f"means nothing: {solved}", remedy=remedy
        )
