"""Package description. `cli/` and `corpora/` are installed inside the lmkit package."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
INIT = (ROOT / "lmkit" / "__init__.py").read_text(encoding="utf-8")
VERSION = re.search(r'^__version__ = "(.+)"$', INIT, re.MULTILINE)
assert VERSION is not None

setup(
    name="lmkit",
    version=VERSION.group(1),
    description="Statistical language modelling: honest perplexities from n-grams to RNNs",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=[*find_packages(include=["lmkit", "lmkit.*"]), "lmkit.cli", "lmkit.corpora"],
    package_dir={"lmkit.cli": "cli", "lmkit.corpora": "corpora"},
    package_data={
        "lmkit": ["py.typed"],
        "lmkit.corpora": ["*.toml"],
        "lmkit.reporting.report": ["assets/*"],
    },
    install_requires=[
        "click>=8.1",
        "llvmlite>=0.43",
        "matplotlib>=3.8",
        "numba>=0.60",
        "numpy>=1.26",
        "pandas>=2.1",
        "pooch>=1.8",
        "regex>=2023.10",
        "rich>=13.7",
        "safetensors>=0.4.3",
        "scipy>=1.11",
        "torch>=2.4",
        "zstandard>=0.22",
    ],
    extras_require={
        # Ledgers of other tools as Parquet files; JSON lines need nothing.
        "parquet": ["pyarrow>=15"],
        "test": [
            "hypothesis>=6.100",
            "nltk>=3.9",
            "powerlaw>=2.0",
            "pyarrow>=15",
            "pytest>=8.0",
            "setuptools>=64",
        ],
        # Tests against KenLM; its package is compiled on the spot.
        "kenlm": ["kenlm>=0.2"],
        "lint": ["mypy>=1.13", "ruff>=0.8", "pandas-stubs>=2.1", "scipy-stubs>=1.14"],
        "benchmark": ["nltk>=3.9", "rustling>=0.9"],
    },
    entry_points={"console_scripts": ["lmkit=lmkit.cli.main:main"]},
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Text Processing :: Linguistic",
    ],
)
