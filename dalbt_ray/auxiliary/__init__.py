"""Networks that some strategies train for themselves: VAAL, WAAL, DAL-OSR."""

from dalbt_ray.auxiliary.hook import Auxiliary, AuxiliarySettings, Batch

__all__ = ["Auxiliary", "AuxiliarySettings", "Batch"]
