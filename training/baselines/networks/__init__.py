"""Networks of the learned baselines, in 2D and 3D."""

from __future__ import annotations

from .build import BASELINE_NETWORKS, BaselineConfig, build_baseline
from .field_network import FieldNetwork
from .objective import Objective

__all__ = ["BASELINE_NETWORKS", "BaselineConfig", "FieldNetwork", "Objective", "build_baseline"]
