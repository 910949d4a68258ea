"""Install the project's top-level folders under the one import name `mirrorfold`.

`mirrorfold` is a namespace package: `schemas/` on disk is `mirrorfold.schemas` once installed, so nothing
called `schemas` or `transforms` ever lands in anybody's site-packages. Beam's stager runs this same file to ship the
code to remote workers.
"""

from setuptools import find_packages, setup

FOLDERS = ["schemas", "transforms", "pipelines", "configs"]


def installed_packages() -> list[str]:
    """Name every package as it is imported, e.g. `mirrorfold.transforms.match`."""
    return [
        f"mirrorfold.{package}"
        for folder in FOLDERS
        for package in (folder, *(f"{folder}.{inner}" for inner in find_packages(folder)))
    ]


setup(
    packages=installed_packages(),
    package_dir={f"mirrorfold.{folder}": folder for folder in FOLDERS},
    package_data={
        "mirrorfold.configs": ["*.yaml", "policies/*", "prices/*", "engines/*"],
        "mirrorfold.transforms.publish": ["templates/*", "static/*", "static/review/*", "strings/*"],
        "": ["py.typed"],
    },
)
