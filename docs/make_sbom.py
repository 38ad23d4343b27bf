"""Bill of materials of what is installed and shipped: ``make sbom`` writes it.

CycloneDX JSON: the packages of an environment with the run-time dependencies, as cyclonedx-py finds
them with their licences, and what lies in ``Resources``: weights with the data that they were
trained on, and sample images. A test fails when it is out of date.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SBOM = ROOT / "requirements" / "sbom.cdx.json"
_RESOURCES = ROOT / "Resources"
# What pip and venv put into every environment.
_TOOLS = ("pip", "wheel")
# Packages whose metadata name a licence in their own words.
_LICENCES = {"monai": "Apache-2.0", "SimpleITK": "Apache-2.0"}


def shipped() -> list[dict[str, Any]]:
    """Return the components in ``Resources``: models and sample data."""
    return [*_models(), *_samples()]


def _models() -> list[dict[str, Any]]:
    found = []
    for folder in sorted(path.parent for path in _RESOURCES.glob("Models/*/metadata.json")):
        card = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
        own = card["ldmreg"]
        data = [
            {
                "type": "dataset",
                "name": part["name"],
                "governance": {},
                "description": f"{part['licence']}. {part.get('acknowledgement', '')}".strip(),
            }
            for part in own.get("training_data", [])
        ]
        found.append(
            {
                "type": "machine-learning-model",
                "bom-ref": f"model:{own['id']}",
                "name": own["id"],
                "version": card["version"],
                "description": own["title"],
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "hashes": [_sha256(folder / "model.safetensors")],
                "modelCard": {"modelParameters": {"datasets": data}},
            }
        )
    return found


def _samples() -> list[dict[str, Any]]:
    return [
        {
            "type": "data",
            "bom-ref": f"sample:{path.name}",
            "name": path.name,
            "description": "generated image, see Resources/SampleData/README.md",
            "licenses": [{"license": {"id": "Apache-2.0"}}],
            "hashes": [_sha256(path)],
        }
        for path in sorted((_RESOURCES / "SampleData").glob("*.nrrd"))
    ]


def _sha256(path: Path) -> dict[str, str]:
    return {"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}


def _packages(tool: str, python: str) -> dict[str, Any]:
    """Return the bill of an environment."""
    done = subprocess.run(
        [tool, "environment", "--output-reproducible", "--sv", "1.6", "--short-PURLs",
         "--pyproject", str(ROOT / "pyproject.toml"), python],
        capture_output=True,
        check=True,
        text=True,
    )  # fmt: skip
    bill: dict[str, Any] = json.loads(done.stdout)
    kept = []
    for component in bill["components"]:
        name = component["name"]
        if name in _TOOLS or name == "ldmreg":
            continue
        # Where files lay on the machine that wrote this, and the text of licences.
        component.pop("externalReferences", None)
        component.pop("properties", None)
        component["version"] = component["version"].partition("+")[0]  # the CPU build
        if name in _LICENCES:
            component["licenses"] = [{"license": {"id": _LICENCES[name]}}]
        kept.append(component)
    bill["components"] = sorted(kept, key=lambda part: part["name"].lower())
    bill.pop("dependencies", None)
    bill.get("metadata", {}).pop("properties", None)
    return bill


def main() -> None:
    """Write the bill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tool", required=True, help="cyclonedx-py")
    parser.add_argument("--python", required=True, help="of an environment without extras")
    parser.add_argument("--output", type=Path, default=SBOM)
    arguments = parser.parse_args()
    bill = _packages(arguments.tool, arguments.python)
    bill["components"] += shipped()
    text = json.dumps(bill, indent=2, ensure_ascii=False)
    arguments.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
