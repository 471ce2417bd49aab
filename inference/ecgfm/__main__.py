"""`python -m inference.ecgfm SOURCE.pt TARGET.safetensors`: writes a published checkpoint as safetensors, the weights only."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from engine.fault import Fault
from inference.ecgfm.checkpoint import convert, load


def main(arguments: Sequence[str] | None = None) -> None:
    """The command. What is written is read again and counted."""
    parser = argparse.ArgumentParser(prog="python -m inference.ecgfm", description=__doc__)
    parser.add_argument("source", type=Path, help="mimic_iv_ecg_finetuned.pt or mimic_iv_ecg_physionet_pretrained.pt")
    parser.add_argument("target", type=Path, help="the safetensors file to write")
    chosen = parser.parse_args(arguments)
    found = convert(chosen.source, chosen.target) or load(chosen.target)
    if isinstance(found, Fault):
        raise SystemExit(str(found))
    count = sum(one.numel() for one in found.network.parameters())
    print(f"{chosen.target}: {count} parameters, {'finetuned' if found.finetuned else 'pretrained'}, SHA-256 {found.digest}")


if __name__ == "__main__":
    main()
