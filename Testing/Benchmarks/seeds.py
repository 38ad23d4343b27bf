"""Change of a registration with the seed of the noise that its network draws.

    python -m Testing.Benchmarks.seeds [--model NAME] [--pairs 6] [--seeds 6]

For some cine MR pairs of ``../shared/data/cardiac_mr``, with the network alone and with the
refinement: how far the fields of several seeds lie from their mean, in pixels of 1 mm.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from SlicerLDMRegLib.pipeline import load_model, register

__all__ = ["main", "spread"]

_DATA = Path(__file__).parents[3] / "shared/data/cardiac_mr"


def spread(fields: np.ndarray) -> tuple[float, float]:
    """Return the mean and the greatest distance of fields ``(N, *S, d)`` from their mean."""
    distance = np.linalg.norm(fields - fields.mean(axis=0), axis=-1)
    return float(distance.mean()), float(distance.max())


def main() -> None:
    """Print a line for each way to register."""
    parser = argparse.ArgumentParser(prog="python -m Testing.Benchmarks.seeds")
    parser.add_argument("--model", default="ldm-morph-cardiac-mr")
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=6)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(arguments.model, "cpu")
    paths = sorted(_DATA.glob("*.npz"))
    chosen = paths[:: max(1, len(paths) // arguments.pairs)][: arguments.pairs]
    print(f"{len(chosen)} pairs, {arguments.seeds} seeds: distance from the mean field in pixels")
    for title, refine in (("network alone", False), ("with refinement", None)):
        found = []
        for path in chosen:
            pair = np.load(path)
            fields = [
                register(
                    pair["fixed"], pair["moving"], model=model, refine=refine, seed=seed
                ).field.vectors
                for seed in range(arguments.seeds)
            ]
            found.append(spread(np.stack(fields)))
        mean, most = np.mean(found, axis=0)
        print(f"{title:16} mean {mean:.3f}, greatest of a pair in the mean {most:.2f}")


if __name__ == "__main__":
    main()
