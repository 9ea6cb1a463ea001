"""Ledgers as open files, so that the scores of any tool can be ranked.

A ledger file is JSON lines (``.jsonl``, also ``.jsonl.gz``) or Parquet (``.parquet``; needs
pyarrow). It has a header, which is the first line of JSON lines and the metadata entry ``lmkit`` of
a Parquet file's schema, and one row for each scored event, in the order of the text.

The header is an object::

    {"lmkit_ledger": 1, "model": "my 5-gram", "unit": "word", "text_sha256": "2f6c..."}

``model``
    The name in the ranking. Required, as is ``lmkit_ledger``, the version of the format.
``unit``
    ``word`` (the default), ``char``, ``byte``, or any other name, as ``subword``.
``text_sha256``
    The SHA-256 of the canonical text's UTF-8 bytes, as every output of lmkit shows it. May be left
    out where rows have a ``token``.
``normalize``, ``sentences``
    How the raw text becomes canonical; by default as the text is given.
``context``, ``unk``, ``proper``, ``vocabulary_size``, ``parameters``, ``train_sha256``, \
``fit_seconds``, ``score_seconds``, ``adapts``
    As in :class:`~lmkit.results.ledger.SurprisalLedger`; optional. ``proper`` says that the
    probabilities sum to one; nobody else can.
``outcome_sums``
    What the outcomes sum to after some contexts, at least, on average and at most, and the number
    of contexts: ``[0.98, 1.28, 1.55, 64]``; optional.
``seen``, ``tuned``
    How many of the text's long sentences occur in the texts that the model was trained and tuned
    on: an :class:`~lmkit.text.passages.Overlap` as a list. Optional.

A row has

``offset``
    Where the event begins in the canonical text, in characters (Unicode code points), from 0.
``length``
    How many characters it takes. A sentence end is the line feed, of length 1. Events may begin
    with the space before them or leave it out; every other character belongs to an event, and no
    character to two. A part of a character that is not its first (a byte) has length 0.
``nats``
    Surprisal, -ln p, 0 or more (or less, where ``proper`` is false); null (infinity in Parquet) for
    probability 0. What a tool gives as log10 p is multiplied by -2.302585092994046.
``oov``
    Whether the model knows the event only as unknown; false where it is left out.
``token``
    The string of the event, ``</s>`` for a sentence end. Optional; compared with the text.
``id``, ``spelling`` and any other column of numbers
    Kept. Optional.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import FormatError, LmkitError, NotComparableError
from lmkit.results.ledger import SurprisalLedger
from lmkit.results.proper import TOLERANCE, OutcomeSums
from lmkit.storage import write_atomically
from lmkit.text.corpus import Readable, Text, as_text
from lmkit.text.passages import Overlap
from lmkit.text.vocabulary import EOS, EOS_ID, UNK_ID

VERSION = 1
SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")
_HEADER = (
    "model", "unit", "context", "unk", "proper", "vocabulary_size", "parameters", "train_sha256",
    "fit_seconds", "score_seconds", "adapts", "seen", "tuned",
)  # fmt: skip
_DEFAULTS: dict[str, Any] = {
    "unit": "word",
    "context": "unknown",
    "unk": "model",
    "proper": True,
    "vocabulary_size": 0,
    "parameters": 0,
    "adapts": "",
}
_COLUMNS: dict[str, Any] = {
    "offset": np.int64,
    "length": np.int32,
    "nats": np.float64,
    "oov": np.bool_,
    "id": np.int32,
    "spelling": np.float64,
}
_PARQUET_KEY = b"lmkit"
_NOT_NUMBERS = ("token",)


def write_ledger(ledger: SurprisalLedger, path: str | Path) -> None:
    """Write a ledger as a file of the kind that its name ends in, atomically.

    Raises FormatError for another ending, LmkitError where pyarrow is missing.
    """
    path = Path(path)
    header = {"lmkit_ledger": VERSION, **{name: getattr(ledger, name) for name in _HEADER}}
    sums = ledger.outcome_sums
    header["outcome_sums"] = sums and _finite(vars(sums).values())
    header["text_sha256"] = ledger.summary.sha256
    header |= {"normalize": ledger.text.normalize, "sentences": ledger.text.sentences}
    columns: dict[str, Any] = {
        "offset": ledger.offsets,
        "length": ledger.lengths,
        "token": list(ledger.tokens()),
        "nats": ledger.nats,
        "oov": ledger.oov,
        "id": ledger.ids,
        **({} if ledger.spelling is None else {"spelling": ledger.spelling}),
        **ledger.extra,
    }
    if _kind(path) == ".parquet":
        _write_parquet(path, header, columns)
        return
    lists = [c if isinstance(c, list) else c.tolist() for c in columns.values()]
    lines = [json.dumps(header, ensure_ascii=False)]
    for row in zip(*lists, strict=True):
        named = dict(zip(columns, _finite(row), strict=True))
        lines.append(json.dumps(named, ensure_ascii=False, separators=(",", ":")))
    content = ("\n".join(lines) + "\n").encode("utf-8")
    write_atomically(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def read_ledger(path: str | Path, text: Readable) -> SurprisalLedger:
    """Return the ledger in a file, of a text or of the test part of a corpus.

    Raises FormatError for a file that is no ledger, or whose rows do not cover the text;
    NotComparableError for the ledger of another text; LmkitError where pyarrow is missing.
    """
    path = Path(path)
    try:
        read = _read_parquet if _kind(path) == ".parquet" else _read_lines
        header, columns = read(path)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror or error})") from None
    if not isinstance(header, dict) or header.get("lmkit_ledger") != VERSION:
        raise FormatError(
            f'{path}: no ledger of version {VERSION}; it begins with {{"lmkit_ledger": {VERSION}, '
            '"model": ...}'
        )
    if not isinstance(header.get("model"), str):
        raise FormatError(f'{path}: the header does not name the model; give it a "model"')
    given = as_text(text)
    own = given.under(
        normalize=header.get("normalize") or given.normalize,
        sentences=header.get("sentences") or given.sentences,
    )
    if "text_sha256" not in header and "token" not in columns:
        raise FormatError(
            f"{path}: neither a text_sha256 nor tokens say which text this is; give one of them"
        )
    sha256 = header.get("text_sha256", own.summary.sha256)
    if sha256 != own.summary.sha256:
        raise NotComparableError(
            f"{path}: scores of another text ({str(sha256)[:12]}, not {own.summary.sha256[:12]} of "
            f"{own.name} with normalize={own.normalize}, sentences={own.sentences}); score this one"
        )
    return ledger_of_columns(str(path), header, columns, own)


def _kind(path: Path) -> str:
    for suffix in SUFFIXES:
        if path.name.endswith(suffix):
            return suffix
    raise FormatError(f"{path}: a ledger file ends in {', '.join(SUFFIXES)}; rename it")


def ledger_of_columns(
    path: str, header: Mapping[str, Any], columns: Mapping[str, Any], text: Text
) -> SurprisalLedger:
    """Return the ledger of header and columns as a ledger file has them, checked against the text.

    `path` names it in errors. Raises FormatError where the columns do not cover the text.
    """
    arrays = {name: _column(path, name, values) for name, values in columns.items()}
    for name in ("offset", "length", "nats"):
        if name not in arrays:
            raise FormatError(f"{path}: there is no column {name!r}; every row needs one")
    canonical = text.canonical()
    offsets, lengths = arrays.pop("offset"), arrays.pop("length")
    nats = arrays.pop("nats")
    lowest = -TOLERANCE if header.get("proper", True) else -np.inf
    if np.isnan(nats).any() or (nats < lowest).any():
        raise FormatError(f"{path}: surprisals are 0 or more, in nats: -ln p; check the sign")
    _check_cover(path, offsets, lengths, canonical)
    _check_tokens(path, arrays.pop("token", None), offsets, lengths, canonical)
    oov = arrays.pop("oov", np.zeros(len(nats), np.bool_))
    ids = arrays.pop("id", None)
    stops = (offsets + lengths - 1).tolist()
    if ids is None:
        is_end = [stop >= 0 and canonical[stop] == "\n" for stop in stops]
        ids = np.where(is_end, EOS_ID, np.where(oov, UNK_ID, -1)).astype(np.int32)
    fields = {name: header.get(name, _DEFAULTS.get(name)) for name in _HEADER}
    fields |= {name: _overlap(path, name, fields[name]) for name in ("seen", "tuned")}
    return SurprisalLedger(
        **fields,
        text=text,
        outcome_sums=_outcome_sums(path, header.get("outcome_sums")),
        summary=text.summary,
        document_sizes=text.document_sizes,
        ids=ids,
        nats=nats,
        given_oov=oov,
        places=(offsets, lengths),
        spelling=arrays.pop("spelling", None),
        extra=arrays,
    )


def _finite(values: Iterable[Any]) -> list[Any]:
    """Return values with None for infinities, which JSON lacks."""
    return [None if value in (np.inf, -np.inf) else value for value in values]


def _outcome_sums(path: str, given: Any) -> OutcomeSums | None:
    if given is None:
        return None
    try:
        low, mean, high, contexts = (np.inf if each is None else each for each in given)
        return OutcomeSums(float(low), float(mean), float(high), int(contexts))
    except (TypeError, ValueError):
        raise FormatError(
            f"{path}: outcome_sums={given!r}; give the least sum, the mean, the most, and "
            "the number of contexts"
        ) from None


def _overlap(path: str, name: str, given: Any) -> Overlap | None:
    if given is None:
        return None
    numbers = isinstance(given, list) and all(isinstance(value, int | float) for value in given)
    if not numbers or len(given) != len(Overlap._fields):
        fields = ", ".join(Overlap._fields)
        raise FormatError(
            f"{path}: {name!r} in the header is {given!r}, no list of {fields}; leave it out"
        )
    return Overlap(*given)


def _column(path: str, name: str, values: Any) -> Any:
    if name in _NOT_NUMBERS:
        return values
    try:
        if name == "nats":
            values = [np.inf if value is None else value for value in values]
        array = np.array(values, dtype=_COLUMNS.get(name))
    except (TypeError, ValueError, OverflowError):
        array = np.empty(0, np.object_)
    if array.dtype.kind not in "iufb":
        raise FormatError(f"{path}: the column {name!r} does not hold numbers alone")
    return array


def _check_cover(
    path: str, offsets: NDArray[np.int64], lengths: NDArray[np.int32], canonical: str
) -> None:
    """Raise FormatError unless every character but spaces is scored, and none twice."""
    stops = offsets + lengths
    begins = np.concatenate((offsets, [len(canonical)]))
    ends = np.concatenate(([0], np.maximum.accumulate(stops)))
    if (lengths < 0).any() or (stops > len(canonical)).any() or (offsets < 0).any():
        raise FormatError(
            f"{path}: an event lies outside the text of {len(canonical):,} characters"
        )
    # A part of a character has length 0 and lies within the event before it.
    parts = np.concatenate((lengths == 0, [False]))
    overlap = (begins < ends) & ~parts
    if overlap.any():
        row = int(np.argmax(overlap))
        raise FormatError(
            f"{path}: row {row} begins at character {begins[row]}, within the row before; "
            "events stand in the order of the text, and none overlap"
        )
    for row in np.flatnonzero(begins > ends).tolist():
        gap = canonical[ends[row] : begins[row]]
        if gap.strip(" "):
            raise FormatError(
                f"{path}: {gap[:20]!r} at character {ends[row]} is not scored; every token and "
                "sentence end of the text is scored once"
            )


def _check_tokens(
    path: str,
    tokens: Any,
    offsets: NDArray[np.int64],
    lengths: NDArray[np.int32],
    canonical: str,
) -> None:
    """Raise FormatError where a token differs from the text."""
    if tokens is None:
        return
    rows = zip(tokens, offsets.tolist(), lengths.tolist(), strict=True)
    for row, (token, offset, length) in enumerate(rows):
        expected = canonical[offset : offset + length]
        if token != expected and not (token == EOS and expected == "\n"):
            raise FormatError(
                f"{path}: row {row} is the token {token!r}, but the text has {expected!r} at "
                f"character {offset}; offsets count characters of the canonical text"
            )


# ---------------------------------------------------------------------- JSON lines


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _read_lines(path: Path) -> tuple[Any, dict[str, list[Any]]]:
    columns: dict[str, list[Any]] = {}
    header: Any = None
    number = 0
    try:
        with _open(path) as lines:
            for number, line in enumerate(lines):
                row = json.loads(line)
                if number == 0:
                    header = row
                    continue
                if number == 1:
                    columns = {name: [] for name in row}
                if row.keys() != columns.keys():
                    raise FormatError(
                        f"{path}: line {number + 1} has other fields than line 2; every row has "
                        "the same"
                    )
                for name, value in row.items():
                    columns[name].append(value)
    except FormatError:
        raise
    except (ValueError, AttributeError, EOFError):
        raise FormatError(f"{path}: line {number + 1} is no JSON object; one a line") from None
    return header, columns


# ---------------------------------------------------------------------- Parquet


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError:
        raise LmkitError(
            "Parquet files need pyarrow, which is not installed; install it, or use .jsonl"
        ) from None
    return pyarrow


def _write_parquet(path: Path, header: Mapping[str, Any], columns: Mapping[str, Any]) -> None:
    import io

    arrow = _pyarrow()
    table = arrow.table(dict(columns)).replace_schema_metadata(
        {_PARQUET_KEY: json.dumps(header).encode()}
    )
    out = io.BytesIO()
    arrow.parquet.write_table(table, out, compression="zstd")
    write_atomically(path, out.getvalue())


def _read_parquet(path: Path) -> tuple[Any, dict[str, Any]]:
    arrow = _pyarrow()
    try:
        table = arrow.parquet.read_table(path)
        header = json.loads((table.schema.metadata or {}).get(_PARQUET_KEY, b"null"))
    except (arrow.ArrowException, ValueError) as error:
        raise FormatError(f"{path}: no Parquet file of a ledger ({error})") from None
    columns = {
        name: table[name].to_pylist() if name in _NOT_NUMBERS else table[name].to_numpy()
        for name in table.column_names
    }
    return header, columns
