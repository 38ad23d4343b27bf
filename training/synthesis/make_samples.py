"""Write the sample images of Resources/SampleData.

python -m training.synthesis.make_samples            # into Resources/SampleData
python -m training.synthesis.make_samples --output DIR
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from training.synthesis.phantoms import generate_pair

__all__ = ["SAMPLES", "make_samples"]

SAMPLE_DATA = Path(__file__).resolve().parents[2] / "Resources" / "SampleData"

# kind of phantom -> (seed, pixel spacing in mm)
SAMPLES = {"cardiac": (9, 1.4), "echo": (16, 1.2)}


def make_samples(output: Path) -> list[Path]:
    """Write every sample pair with its labels into ``output`` and return the files.

    Images are 8-bit, 0 to 255, as scanners export them; all files are 2D NRRD in mm.
    """
    output.mkdir(parents=True, exist_ok=True)
    written = []
    for kind, (seed, spacing) in SAMPLES.items():
        pair = generate_pair(kind, seed)
        arrays = {
            "fixed": np.round(255 * pair.fixed),
            "moving": np.round(255 * pair.moving),
            "fixed_labels": pair.fixed_labels,
            "moving_labels": pair.moving_labels,
        }
        for name, array in arrays.items():
            image = sitk.GetImageFromArray(array.astype(np.uint8))
            image.SetSpacing([spacing, spacing])
            path = output / f"{kind}_{name}.nrrd"
            sitk.WriteImage(image, path, useCompression=True)
            written.append(path)
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description="Generate the sample images of LDMReg.")
    parser.add_argument("--output", type=Path, default=SAMPLE_DATA, help="default: %(default)s")
    for path in make_samples(parser.parse_args().output):
        print(path)


if __name__ == "__main__":
    main()
