"""The catalogue of corpora known by name, as described in ``catalogue.toml``.

A corpus is downloaded only when it is opened.

>>> entry("timemachine").normalize
'letters'
>>> entry("python-reference").is_available()
True
"""

from __future__ import annotations

import hashlib
import platform
import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, TypedDict

from lmkit.errors import CorpusError, did_you_mean

# Relative, so that a checkout that is not installed type-checks: there this folder is no lmkit.*.
from lmkit.types import Progress

from .fetch import CorpusFile
from .synthetic import MarkovSource

SYNTHETIC_TOKENS = 500_000


class Location(TypedDict, total=False):
    """The text of a part: a file or bytes, from byte `start` up to byte `stop`."""

    path: Path
    content: bytes
    start: int
    stop: int | None


@dataclass(frozen=True)
class Part:
    """Train, valid or test: a file of the entry, from byte `start` up to byte `stop`."""

    path: str
    start: int = 0
    stop: int | None = None


@dataclass(frozen=True)
class Entry:
    """A corpus of the catalogue.

    `cut` gives the shares of the sentences in train, valid and test; it is None where `parts` lists
    them. `source` is ``files``, ``python-reference`` or ``synthetic``.
    """

    name: str
    title: str
    description: str
    licence: str
    normalize: str
    sentences: str
    source: str
    cut: tuple[float, float, float] | None
    files: tuple[CorpusFile, ...]
    parts: dict[str, Part]

    @property
    def splits(self) -> str:
        """The parts of the corpus, in words."""
        if self.cut is not None:
            shares = "/".join(f"{100 * share:.0f}" for share in self.cut)
            return f"train/valid/test, cut {shares} by sentences"
        return "/".join(self.parts)

    def is_available(self) -> bool:
        """Return whether the corpus can be opened without a download."""
        return all(file.find() is not None for file in self.files)

    def fetch(self, *, progress: Progress | None = None) -> tuple[Path, ...]:
        """Download the files that are missing; return the path of each (none for generated texts).

        `progress` is called with a file's path and the fraction downloaded. Raises FetchError for a
        file that cannot be downloaded, or has another checksum than the catalogue's.
        """
        return tuple(file.fetch(progress=progress) for file in self.files)

    def locate(self) -> dict[str, Location]:
        """Return the location of each part; only ``train`` where the corpus is still to be split.

        Downloads the files that are missing; raises FetchError as :meth:`fetch` does.
        """
        if self.source == "python-reference":
            return {"train": {"content": python_reference()}}
        if self.source == "synthetic":
            return {"train": {"content": synthetic_text()}}
        paths = dict(zip((file.path for file in self.files), self.fetch(), strict=True))
        return {
            name: {"path": paths[part.path], "start": part.start, "stop": part.stop}
            for name, part in self.parts.items()
        }

    def details(self) -> dict[str, str | int | float]:
        """Return further facts about this corpus, by name.

        For ``synthetic`` these are its true entropy rate, in nats per event, and perplexity, which
        is a lower bound for every model.
        """
        if self.source == "python-reference":
            digest = hashlib.sha256(python_reference()).hexdigest()
            return {"python": platform.python_version(), "sha256": digest}
        if self.source == "synthetic":
            markov = MarkovSource()
            return {
                "types": markov.types,
                "seed": markov.seed,
                "tokens": SYNTHETIC_TOKENS,
                "true_entropy_nats": markov.entropy_rate,
                "true_perplexity": markov.perplexity,
            }
        return {}

    def to_dict(self) -> dict[str, Any]:
        """Return all fields and details, as in the JSON output."""
        described = ("name", "title", "description", "licence", "normalize", "sentences", "splits")
        return {
            **{name: getattr(self, name) for name in described},
            "available": self.is_available(),
            "files": [dict(vars(file)) for file in self.files],
            "details": self.details(),
        }


def names() -> tuple[str, ...]:
    """Return the names of the corpora, the default first."""
    return tuple(_read())


def entry(name: str) -> Entry:
    """Return the entry of that name. Raises CorpusError where there is none."""
    known = _read()
    if name not in known:
        raise CorpusError(
            f"no corpus {name!r} in the catalogue{did_you_mean(name, known)}; it has "
            f"{', '.join(known)}"
        )
    return _entry(name, known[name])


def entries() -> tuple[Entry, ...]:
    """Return all entries, the default first."""
    return tuple(_entry(name, fields) for name, fields in _read().items())


def python_reference() -> bytes:
    """Return the Python language reference as UTF-8: the topics of ``help()``, sorted by key.

    Topics quote one another at length, so repeated paragraphs are removed: they make up a fifth of
    the words, many in both the training and the test part, which would favour models that memorise.
    Raises CorpusError on an interpreter without the module ``pydoc_data``.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise CorpusError(
            "this Python was packed without pydoc_data, the text of python-reference; name a file "
            "or another corpus"
        ) from None
    paragraphs = re.split(r"\n\s*\n", "\n\n".join(topics[key] for key in sorted(topics)))
    first: dict[str, str] = {}
    for paragraph in paragraphs:
        first.setdefault(" ".join(paragraph.split()), paragraph.strip("\n"))
    first.pop("", None)
    return ("\n\n".join(first.values()) + "\n").encode()


def synthetic_text() -> bytes:
    """Return the text of ``synthetic`` as UTF-8, one sentence a line."""
    return MarkovSource().text(tokens=SYNTHETIC_TOKENS).encode()


def _read() -> dict[str, dict[str, Any]]:
    text = files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _entry(name: str, fields: dict[str, Any]) -> Entry:
    listed = tuple(CorpusFile(**file) for file in fields.get("files", ()))
    parts = {part: Part(**place) for part, place in fields.get("parts", {}).items()}
    if listed and not parts:
        parts = {"train": Part(listed[0].path)}
    cut = tuple(fields["cut"]) if "cut" in fields else None
    return Entry(**{**fields, "name": name, "cut": cut, "files": listed, "parts": parts})
