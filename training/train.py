"""Train one stage: ``python -m training.train CONFIG --output RUN [--init WEIGHTS] [--resume]``."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from lightning_fabric import Fabric

from .config import StageConfig
from .loop import run
from .stages import build_stage

__all__ = ["main"]

_EPILOG = """
The three stages of the shipped model, each starting from the one before:

  python -m training.train training/configs/ldm-morph-cardiac-mr/vqgan.yaml --output runs/vqgan
  python -m training.train training/configs/ldm-morph-cardiac-mr/ldm.yaml --output runs/ldm \\
      --init runs/vqgan/best.pt
  python -m training.train training/configs/ldm-morph-cardiac-mr/registration.yaml \\
      --output runs/registration --init runs/ldm/best.pt
  python -m training.export runs/registration \\
      --card training/configs/ldm-morph-cardiac-mr/card.yaml

textSCF and its segmenter have one stage each; with --init they start from other weights:

  python -m training.train training/configs/segment-brain-mr/segmentation.yaml \\
      --output runs/segment
  python -m training.export runs/segment --card training/configs/segment-brain-mr/card.yaml

A stopped run goes on with --resume. tensorboard --logdir runs shows the curves.
"""


def main(argv: list[str] | None = None) -> None:
    """Run one training stage from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.train",
        description="Train one stage of a model.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", type=Path, help="YAML file of the stage")
    parser.add_argument("--output", type=Path, required=True, help="folder of the run")
    parser.add_argument(
        "--init", type=Path, help="best.pt of the stage before this one, or of another run"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on from the last checkpoint in --output"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change an option of the config",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--devices", type=int, default=1, help="devices per node")
    parser.add_argument("--nodes", type=int, default=1, help="nodes")
    parser.add_argument("--threads", type=int, help="CPU threads of each process")
    arguments = parser.parse_args(argv)
    if not arguments.resume and (arguments.output / "last.ckpt").exists():
        parser.error(
            f"{arguments.output} holds a run; pass --resume to go on or choose another folder"
        )
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    config = StageConfig.load(arguments.config, arguments.set)
    fabric = Fabric(
        accelerator=arguments.device,
        devices=arguments.devices,
        num_nodes=arguments.nodes,
        precision=config.precision,
    )
    fabric.launch()
    fabric.seed_everything(config.seed)
    stage = build_stage(config, fabric, arguments.init)
    best = run(stage, config, fabric, arguments.output, arguments.resume)
    fabric.print(f"best score {best:.4f}; weights in {arguments.output / 'best.pt'}")


if __name__ == "__main__":
    main()
