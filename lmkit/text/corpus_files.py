"""The files of a corpus: at which paths, and which part of it each is."""

from __future__ import annotations

import glob
import re
from itertools import chain
from pathlib import Path

from lmkit.errors import CorpusError, shown
from lmkit.text.json_lines import DEFAULT_FIELD, is_json_lines
from lmkit.text.outputs import is_no_text, texts_among
from lmkit.text.source import Source, spooled

_PART_NAMES = {
    "train": "train", "training": "train",
    "valid": "valid", "validation": "valid", "val": "valid", "dev": "valid",
    "test": "test",
}  # fmt: skip


def find_files(where: str | Path) -> dict[str, list[Path]]:
    """Return the files that a name or pattern finds, by corpus part; empty where there are none."""
    path = Path(where)
    try:
        if path.is_dir() and str(where):
            files = _text_files(path)
            texts = [file for file in files if not is_no_text(file)]
            named = {part: of_part for part, of_part in _by_part(texts).items() if of_part}
            if "train" not in named:
                return {"train": texts_among(files, where)}
            texts_among(list(chain(*_by_part(files).values())), where)  # which warns
            return named
        if path.exists() and str(where):
            return {"train": [path]}
    except OSError as error:
        name = where if len(str(where)) < 1000 else shown(str(where))  # perhaps a text itself
        raise CorpusError(f"{name}: cannot be read ({error.strerror})") from None
    files = [Path(found) for found in sorted(glob.glob(str(where)))]  # noqa: PTH207
    files = texts_among(files, where) if len(files) > 1 else files
    return {"train": files} if files else {}


def source_of(file: Path, *, encoding: str, errors: str, field: str | None) -> Source:
    """Return the source of a file, or of what a pipe gives, which is read now."""
    rows = (field or DEFAULT_FIELD) if is_json_lines(file) else None
    if file.exists() and not file.is_file() and not file.is_dir():
        with file.open("rb") as pipe:  # it can be read only once
            return spooled(str(file), pipe, encoding=encoding, errors=errors, field=rows)
    return Source(str(file), path=file, encoding=encoding, errors=errors, field=rows)


def _text_files(folder: Path) -> list[Path]:
    files = sorted(
        file for file in folder.iterdir() if file.is_file() and not file.name.startswith(".")
    )
    if not files:
        raise CorpusError(
            f"{folder}: a folder without texts; put one text or train/valid/test there"
        )
    return files


def _by_part(files: list[Path]) -> dict[str, list[Path]]:
    """Return files by corpus part, as told by a word of their names.

    ``ptb.valid.txt`` is `valid`; a name with words of several parts, or of none, is left out.
    """
    parts: dict[str, list[Path]] = {"train": [], "valid": [], "test": []}
    for file in files:
        words = re.split(r"[^a-z]+", file.name.lower())
        named = {_PART_NAMES[word] for word in words if word in _PART_NAMES}
        if len(named) == 1:
            parts[named.pop()].append(file)
    return parts
