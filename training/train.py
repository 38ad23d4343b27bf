"""Training of one stage: ``ldmreg-train train CONFIG --output RUN [--init WEIGHTS] [--resume]``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
import yaml
from lightning_fabric import Fabric

from .checkpoint import CHECKPOINT
from .config import StageConfig, find_config, named_configs
from .lineage import checked_init
from .loop import run
from .stages import build_stage

__all__ = ["main"]

_EPILOG = """
The three stages of the shipped model, each starting from the one before:

  ldmreg-train train training/configs/ldm-morph-cardiac-mr/vqgan.yaml --output runs/vqgan
  ldmreg-train train training/configs/ldm-morph-cardiac-mr/ldm.yaml --output runs/ldm \\
      --init runs/vqgan/best.pt
  ldmreg-train train training/configs/ldm-morph-cardiac-mr/registration.yaml \\
      --output runs/registration --init runs/ldm/best.pt
  ldmreg-train export runs/registration \\
      --card training/configs/ldm-morph-cardiac-mr/card.yaml

A configuration may also be named as --list does, and the data set beside it:

  ldmreg-train train ldm-morph-paper/vqgan --data camus-2ch --root ~/data/CAMUS \\
      --output runs/vqgan

textSCF and its segmenter have one stage each; with --init they start from other weights:

  ldmreg-train train training/configs/segment-brain-mr/segmentation.yaml \\
      --output runs/segment
  ldmreg-train export runs/segment --card training/configs/segment-brain-mr/card.yaml

A stopped run goes on with --resume. tensorboard --logdir runs shows the curves.
"""


def main(argv: list[str] | None = None, prog: str = "python -m training.train") -> None:
    """Run one training stage from the command line; ``prog``: the program in its help."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Train one stage of a model.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", nargs="?", help="YAML file of the stage, or a name of --list")
    parser.add_argument("--list", action="store_true", help="list the named configurations")
    parser.add_argument("--output", type=Path, help="folder of the run")
    parser.add_argument("--data", metavar="SET", help=(
        "data set: data.set; ldmreg-train data layouts lists them"))  # fmt: skip
    parser.add_argument("--root", help="its folder, or the file of a manifest: data.root")
    parser.add_argument("--incomplete", action="store_true", help=(
        "go on without subjects of which files are missing: data.incomplete"))  # fmt: skip
    parser.add_argument(
        "--init",
        type=Path,
        help="best.pt of the stage before or of another run, or model.safetensors of a model",
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
    if arguments.list:
        _print_configs()
        return
    if arguments.config is None or arguments.output is None:
        parser.error("a configuration and --output are needed; --list lists the named ones")
    if not arguments.resume and (arguments.output / CHECKPOINT).exists():
        parser.error(
            f"{arguments.output} holds a run; pass --resume to go on or choose another folder"
        )
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    overrides = [
        f"data.{name}={json.dumps(value)}"
        for name, value in (("set", arguments.data), ("root", arguments.root))
        if value is not None
    ]
    overrides += ["data.incomplete=true"] if arguments.incomplete else []
    config = StageConfig.load(find_config(arguments.config), [*overrides, *arguments.set])
    init = checked_init(arguments.output, arguments.init, arguments.resume)
    fabric = Fabric(
        accelerator=arguments.device,
        devices=arguments.devices,
        num_nodes=arguments.nodes,
        precision=config.precision,
    )
    fabric.launch()
    fabric.seed_everything(config.seed)
    stage = build_stage(config, fabric, init)
    best = run(stage, config, fabric, arguments.output, arguments.resume, init)
    fabric.print(f"best score {best:.4f}; weights in {arguments.output / 'best.pt'}")


def _print_configs() -> None:
    for name, path in named_configs().items():
        title = yaml.safe_load(path.read_text(encoding="utf-8")).get("title", "")
        print(f"{name:<40} {title}".rstrip())


if __name__ == "__main__":
    main()
