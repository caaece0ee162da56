"""Losses as pure functions over tensors: cross-entropy, Barlow Twins, VICReg."""
