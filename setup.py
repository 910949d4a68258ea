"""Install the project's top-level folders under the one import name `mirrorfold`.

`src/mirrorfold/` links to the rooms (`src/mirrorfold/schemas` -> `schemas`), so that Python, mypy and editors find on
disk what they import, and nothing called `schemas` or `transforms` lands in anybody's site-packages. A checkout without
links (git on Windows, outside developer mode) has text files in their place: there the same names are mapped onto the
rooms. Beam's stager runs this same file to ship the code to remote workers.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

FOLDERS = ["schemas", "transforms", "pipelines", "configs"]


def room(name: str) -> str:
    """Give the folder that `mirrorfold.NAME` is read from: the link, or the room itself where links are text files."""
    link = f"src/mirrorfold/{name}"
    return link if Path(link).is_dir() else name


def packages() -> list[str]:
    """Name every package as it is imported, e.g. `mirrorfold.transforms.match`."""
    inner = [f"{name}.{package}" for name in FOLDERS for package in find_packages(room(name))]
    return ["mirrorfold", *(f"mirrorfold.{package}" for package in sorted([*FOLDERS, *inner]))]


def description() -> str:
    """Give the README as it stands outside the repository: without pictures and translations that are files of it."""
    alone = r"^!?\[[^]]*\]\((?!https://)[^)]*\)(?: · \[[^]]*\]\((?!https://)[^)]*\))*\n+"
    return re.sub(alone, "", Path("README.md").read_text("utf-8"), flags=re.MULTILINE)


setup(
    long_description=description(),
    long_description_content_type="text/markdown",
    packages=packages(),
    package_dir={"": "src"} | {f"mirrorfold.{name}": name for name in FOLDERS if room(name) == name},
    package_data={
        "mirrorfold": ["py.typed"],
        "mirrorfold.configs": [
            "*.yaml",
            "policies/*",
            "price_books/*",
            "engines/*",
            "disposal/*.yaml",
            "catalogues/*.yaml",
            "standard/*.yaml",
            "standard/*/*",
        ],
        "mirrorfold.transforms.publish": ["templates/*", "static/*", "static/review/*", "strings/*"],
    },
)
