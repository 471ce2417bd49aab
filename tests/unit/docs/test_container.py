"""The container's volumes: the engine runs as an ordinary user there, and must own what it writes to."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]


def test_the_folder_of_every_volume_belongs_to_the_engine_s_user() -> None:
    """Docker makes a volume's folder as root where the image has none: https://docs.docker.com/engine/storage/volumes/."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    image = (ROOT / "Dockerfile").read_text()
    user = re.findall(r"^USER (\w+)$", image, re.M)[-1]
    made = set(re.findall(rf"^RUN install -d -o {user} -g {user} (\S+)$", image[: image.rindex("\nUSER ")], re.M))
    mounts = [str(one).split(":") for one in compose["services"]["isthmus"]["volumes"]]
    assert [path for name, path, *_ in mounts if name in compose["volumes"]]
    assert {path for name, path, *_ in mounts if name in compose["volumes"]} <= made
