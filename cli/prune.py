"""`lmkit prune`: fewer n-grams for the least loss."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from lmkit import tables

from . import options as o
from .convert import note_what_is_left_out

_NAMES = {"ngrams": "all", "perplexity_without_oov": "w/o OOV"}


@click.command()
@click.argument("model")
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    help="Where the result goes.",
)
@click.option(
    "--threshold",
    type=float,
    help="Drop n-grams that raise the perplexity by a smaller share than this, such as 1e-8.",
)
@click.option("--ngrams", type=int, help="Keep this many n-grams of all orders, at most.")
@click.option(
    "--size", metavar="BYTES", help="Make a model file of this size at most, such as 10MB."
)
@click.option(
    "--keep",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="N-grams that stay, one a line.",
)
@click.option(
    "--history",
    metavar="MODEL",
    help="A model of the same vocabulary that says how probable contexts are. [default: MODEL]",
)
@click.option("--test", metavar="CORPUS", help="Text to measure the perplexity on.")
@o.encoding_options
@o.format_option
@o.progress_option
def command(
    model: str,
    target: Path,
    threshold: float | None,
    ngrams: int | None,
    size: str | None,
    keep: Path | None,
    history: str | None,
    test: str | None,
    output: str,
    progress: bool | None,
    **reading: Any,
) -> None:
    """Prune an n-gram model by relative entropy and write it to a file.

    MODEL and the result are model files or ARPA files. What the result loses is shown: n-grams of
    each order and, with --test, perplexity, before and after. Kneser-Ney models lose less when
    another model of the same text, such as witten-bell, says how probable contexts are.

    \b
    lmkit prune kneser-ney.lmkit --threshold 1e-8 -o small.lmkit --test test.txt
    lmkit prune large.lmkit --size 10MB -o small.lmkit
    lmkit prune large.arpa.gz --ngrams 1000000 -o small.arpa.gz
    lmkit prune kneser-ney.lmkit --ngrams 200000 --history witten-bell.lmkit -o small.lmkit
    """
    from lmkit.models.files import names_arpa
    from lmkit.models.ngram.backoff import backoff_form
    from lmkit.models.ngram.pruning import prune
    from lmkit.models.registry import load
    from lmkit.results.proper import remarks

    if [threshold, ngrams, size].count(None) != 2:
        raise click.UsageError("give --threshold, --ngrams or --size, one of the three")
    if size is not None and names_arpa(target):
        raise click.UsageError("--size is that of a model file; give an ARPA file --ngrams")
    o.check_output(target)
    before = backoff_form(load(model))
    _note_rounding(before, model)
    after = prune(
        before,
        threshold=threshold,
        ngrams=ngrams,
        size=None if size is None else _bytes(size),
        keep=[] if keep is None else _ngrams_in(keep, before),
        history=None if history is None else load(history),
    )
    scores = _scores([before, after], test, reading, progress)
    o.write_or_keep(target, after.save)
    note_what_is_left_out(after, target)
    orders = _orders(before, after)
    facts = _facts(orders, scores, Path(model), target)
    if output == "json":
        corpus = scores[0].summary.to_dict() if scores else None
        o.print_json(
            {"schema": 1, "model": after.spec, "corpus": corpus, "orders": orders, **facts}
        )
    else:
        _print_table(orders, facts, output)
    for remark in remarks(scores):
        o.note(f"Note: {remark}")


def _note_rounding(form: Any, name: str) -> None:
    """Note where the few decimals of a file make its outcomes sum to one only approximately."""
    from lmkit.models.ngram.pruning import rounded

    if rounding := rounded(form):
        decimals, error = rounding
        o.note(
            f"Note: {name}: its numbers have {decimals} decimals, so that its outcomes sum to one "
            f"only within {error:.1g}; each distribution is divided by its sum first."
        )


def _scores(
    models: list[Any], test: str | None, reading: dict[str, Any], progress: bool | None
) -> list[Any]:
    """Return the score of the test text under each model; an empty list without a test text."""
    from .results import check_events

    if test is None:
        return []
    text = o.open_corpus(test, reading).held_out
    with o.progress_bar(progress) as show:
        scores = [model.tally(text, progress=show) for model in models]
    check_events(scores[0])
    return scores


def _bytes(size: str) -> int:
    """Parse a size such as 10MB, 1.5 GiB or 4096; kB, MB and GB are powers of 1000."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]?)(i?)b?", size.strip().lower())
    if match is None:
        raise click.UsageError(f"--size {size!r}: give bytes, as in 4096, 500kB, 10MB or 1GiB")
    number, prefix, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** " kmg".index(prefix or " "))


def _ngrams_in(keep: Path, model: Any) -> list[list[str]]:
    """Return the n-grams of a keep-list; note how many of them the model lacks."""
    from lmkit.errors import FormatError
    from lmkit.models.ngram.pruning import find_ngrams, read_ngrams

    try:
        ngrams = read_ngrams(keep.read_text(encoding="utf-8-sig").split("\n"), model.unit)
    except UnicodeDecodeError:
        raise FormatError(f"{keep}: not UTF-8; a keep-list has one n-gram a line") from None
    nodes = find_ngrams(model, ngrams)
    absent = [ngram for ngram, node in zip(ngrams, nodes, strict=True) if node < 0]
    if absent:
        first = ("" if model.unit != "word" else " ").join(absent[0])
        o.note(
            f"Note: {len(absent):,} of {len(ngrams):,} n-grams in {keep} are not in the model, "
            f"such as {first!r}."
        )
    return ngrams


def _orders(before: Any, after: Any) -> list[dict[str, int]]:
    """Return the number of n-grams of each order, before and after."""
    old, new = _sizes(before), _sizes(after)
    new += [0] * (len(old) - len(new))
    return [{"n": n, "before": old[n - 1], "after": new[n - 1]} for n in range(1, len(old) + 1)]


def _facts(
    orders: list[dict[str, int]], scores: list[Any], model: Path, target: Path
) -> dict[str, dict[str, Any]]:
    """Return the total of n-grams, perplexities and file sizes, before and after, by name."""
    facts: dict[str, dict[str, Any]] = {
        "ngrams": {when: sum(row[when] for row in orders) for when in ("before", "after")}
    }
    if scores:
        for name in ("perplexity", "perplexity_without_oov"):
            old, new = (getattr(ledger, name) for ledger in scores)
            facts[name] = {"before": old, "after": new}
    size_before = model.stat().st_size if model.is_file() else None  # a pipe has no size
    facts["bytes"] = {"before": size_before, "after": target.stat().st_size}
    return facts


def _sizes(model: Any) -> list[int]:
    trie = model.tables_.trie
    return [trie.size(order) for order in range(1, trie.order + 1)]


def _print_table(
    orders: list[dict[str, int]], facts: dict[str, dict[str, Any]], output: str
) -> None:
    """Print one row for each order and each fact, with a column before and one after pruning."""
    rows: list[dict[str, Any]] = [
        {"name": f"{row['n']}-grams", "before": row["before"], "after": row["after"]}
        for row in orders
    ]
    rows += [{"name": name, **values} for name, values in facts.items()]
    columns = [
        tables.Column("name", "", lambda name: _NAMES.get(name, name), right=False),
        tables.Column("before", "before", _shown),
        tables.Column("after", "after", _shown),
    ]
    click.echo(tables.text_table(columns, rows, output))


def _shown(value: float) -> str:
    return tables.whole(value) if isinstance(value, int) else tables.perplexity(value)
