"""Everything that LDMReg uses of MONAI, imported when it is first used and without all the rest.

``import monai`` alone imports all of MONAI, and with it every optional package of MONAI that is
installed: transformers, scikit-learn, pandas, torchvision, TensorBoard, ... Where these lie around,
as in a Python for development or in a well-equipped Slicer, it takes several times as long as the
registration. Here, by way of :mod:`.sleeping`, it is only what is asked for. Therefore no other
module of the library imports MONAI.
"""

from __future__ import annotations

from typing import Any

from .sleeping import import_alone

_HOMES = {
    "BasicLayer": "networks.nets.swin_unetr",
    "BasicUNet": "networks.nets.basic_unet",
    "DDIMScheduler": "networks.schedulers.ddim",
    "Decoder": "networks.nets.autoencoderkl",
    "DiffusionModelUNet": "networks.nets.diffusion_model_unet",
    "DropPath": "networks.layers.drop_path",
    "Encoder": "networks.nets.autoencoderkl",
    "PatchEmbed": "networks.blocks.patchembedding",
    "PatchMergingV2": "networks.nets.swin_unetr",
    "SwinUNETR": "networks.nets.swin_unetr",
    "compute_mask": "networks.nets.swin_unetr",
    "get_code_to_measure_table": "metrics.utils",
    "get_timestep_embedding": "networks.nets.diffusion_model_unet",
    "pixelshuffle": "networks.utils",
    "pixelunshuffle": "networks.utils",
    "sliding_window_inference": "inferers.utils",
    "window_partition": "networks.nets.swin_unetr",
    "window_reverse": "networks.nets.swin_unetr",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_alone(f"monai.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
