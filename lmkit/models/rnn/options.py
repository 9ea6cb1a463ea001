"""The options of neural models: one table with their types, defaults, ranges and help.

:data:`OPTIONS` is read by the constructors (:func:`takes_options`), the checks, the specs, the
command line's ``--help`` and the planning of a budget. An option whose default is None is open: it
is decided when training begins, by :mod:`lmkit.models.rnn.planning` if there is a budget and the
option is `planned`, otherwise by its `plain` value. :class:`Settings` is what was decided; it is
saved with the model. Neither torch nor numpy is imported here, so that ``--help`` is quick.
"""

from __future__ import annotations

import inspect
import math
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeVar

from lmkit.errors import FormatError, ParameterError
from lmkit.models.hyperparameters import is_of

Class = TypeVar("Class", bound=type)
_LEAST_VARIED = 10  # tokens: random lengths go down to half of `length`
_LENGTHS_OF_TRAINING = ("epochs", "steps", "budget")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|)", re.ASCII)
_SECONDS = {"s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}


class Range(NamedTuple):
    """The values that an option may have: in words, and as a test that is False for NaN."""

    text: str
    holds: Callable[[Any], bool]
    least: int | None = None


def at_least(least: int) -> Range:
    """Return the range of whole numbers from `least` on."""
    return Range(f"a whole number, {least} or more", lambda value: value >= least, least)


FRACTION = Range("a number from 0 to below 1", lambda value: 0 <= value < 1)
POSITIVE = Range("a number above 0", lambda value: 0 < value < math.inf)
NOT_NEGATIVE = Range("a number, 0 or more", lambda value: 0 <= value < math.inf)


@dataclass(frozen=True, slots=True)
class Option:
    """One row of the table.

    `type` and `default` are those of the constructor's argument. `of` names the networks that have
    the option: ``all``, ``recurrent``, ``window``. `plain` is the value of an open option without
    a plan, (characters, words); `descent` replaces it for optimisers other than Adam; `planned`
    says that a budget decides it.
    """

    help: str
    ranges: tuple[Range, ...] = ()
    type: Any = None
    default: Any = None
    of: tuple[str, ...] = ("all",)
    plain: tuple[Any, Any] | None = None
    descent: Any = None
    planned: bool = False


def _closed(default: Any, help: str, *ranges: Range, **rest: Any) -> Any:  # noqa: A002
    """Return the field of an option with a default."""
    option = Option(help, ranges, default=default, **rest)
    return field(default=default, metadata={"option": option})


def _open(
    default: Any, help: str, *ranges: Range, planned: bool = True, **rest: Any  # noqa: A002
) -> Any:  # fmt: skip
    """Return the field of an open option; `default` is the setting where nothing decides it."""
    option = Option(help, ranges, planned=planned, **rest)
    return field(default=default, metadata={"option": option})


_RECURRENT, _WINDOW = ("recurrent",), ("window",)


@dataclass(frozen=True, slots=True)
class Settings:
    """The network and its training with every option decided; `budget` is in seconds."""

    # the network
    cell: Literal["rnn", "rnn-relu", "gru", "lstm"] = _closed(
        "lstm", "the recurrent cell; rnn has tanh units", of=_RECURRENT
    )
    layers: int = _open(1, "recurrent layers", at_least(1), of=_RECURRENT, plain=(1, 1))
    order: int = _closed(0, "predict from the last order - 1 tokens", at_least(2), of=_WINDOW)
    hidden: int = _open(128, "units of a layer", at_least(1), plain=(192, 128))
    embedding: int = _open(
        64, "width of the embedding; 0 for one-hot inputs", at_least(0), plain=(32, 64)
    )
    tied: bool = _open(
        False, "let embedding and output share one matrix (Press & Wolf 2017)",
        of=_RECURRENT + _WINDOW, plain=(False, True),
    )  # fmt: skip
    forget_bias: float = _open(
        1.0, "initial bias of an LSTM's forget gates; 1 (Jozefowicz et al. 2015), but a budget "
        "plans 0 for characters, which were measured to be learned faster with it", of=_RECURRENT
    )  # fmt: skip
    # regularisation
    input_dropout: float = _open(
        0.0, "dropout of the embedding's features; by default `dropout`", FRACTION
    )
    layer_dropout: float = _open(
        0.0, "dropout between layers; by default `dropout`", FRACTION, of=_RECURRENT
    )
    output_dropout: float = _open(
        0.0, "dropout of the top layer's outputs; by default `dropout`", FRACTION, planned=False
    )
    embedding_dropout: float = _open(0.0, "dropout of whole types", FRACTION, plain=(0.0, 0.0))
    weight_drop: float = _open(
        0.0, "dropout of recurrent weights", FRACTION, of=_RECURRENT, plain=(0.0, 0.0)
    )
    locked: bool = _open(
        False, "drop the same features at every step of a stretch (Gal & Ghahramani 2016)",
        plain=(False, False),
    )  # fmt: skip
    activation_penalty: float = _closed(
        0.0, "activation regularisation, AR (Merity, McCann & Socher 2017)", NOT_NEGATIVE
    )
    change_penalty: float = _closed(
        0.0, "temporal activation regularisation, TAR (ibid.)", NOT_NEGATIVE
    )
    unk_rate: float = _open(
        0.5, "fraction of the types seen once that are read as <unk>, drawn anew each epoch",
        FRACTION, plain=(0.5, 0.5),
    )  # fmt: skip
    # the text
    sampling: Literal["sequential", "random"] = _closed(
        "sequential", "sequential: each lane continues from stretch to stretch; random: stretches "
        "in random order, each from the initial state",
    )  # fmt: skip
    lanes: int = _open(16, "batch size: streams read in parallel", at_least(1), plain=(16, 16))
    length: int = _open(
        32, "tokens of a stretch, the reach of back-propagation", at_least(1), plain=(32, 32)
    )
    random_length: bool = _closed(False, "vary the length of stretches at random")
    # the optimiser
    optimizer: Literal["adamw", "sgd", "nt-asgd"] = _closed(
        "adamw", "nt-asgd averages the weights once validation no longer improves"
    )
    learning_rate: float = _open(
        0.01, "highest learning rate", POSITIVE, plain=(0.012, 0.03), descent=10.0
    )
    schedule: Literal["cosine", "one-cycle", "constant", "plateau"] = _closed(
        "cosine", "cosine and one-cycle fall to zero at the end; plateau halves the rate when "
        "validation does not improve",
    )  # fmt: skip
    warmup: float = _open(
        0.1, "fraction of the training in which the learning rate rises; 0.3 with one-cycle, and "
        "with a budget half an epoch at most", FRACTION,
    )  # fmt: skip
    weight_decay: float = _open(
        0.1, "weight decay of matrices", NOT_NEGATIVE, plain=(0.1, 0.2), descent=1.2e-6
    )
    clip: float = _open(
        1.0, "highest norm of the gradients", POSITIVE, plain=(1.0, 1.0), descent=0.25
    )
    average: float = _open(
        0.0, "decay of an exponential moving average of the weights; 0 for none", FRACTION,
        plain=(0.0, 0.0), descent=0.0,
    )  # fmt: skip
    samples: int = _closed(
        0, "outcomes that the softmax of training is estimated from; 0 for all", at_least(0)
    )
    precision: Literal["auto", "float32", "bfloat16"] = _closed(
        "auto", "of the matrix products in training; auto is bfloat16 where the device has it and "
        "the network is large; scores are always computed in float32",
    )  # fmt: skip
    # how long
    epochs: int | None = _open(
        None, "readings of the text", at_least(1), plain=(3, 4), planned=False
    )
    steps: int | None = _open(None, "batches", at_least(1), planned=False)
    budget: float | None = _open(None, "train so long (90s, 10m, 1.5h)", planned=False, type=str)
    patience: int = _closed(
        2, "validations without improvement after which training ends (not with a budget), or "
        "nt-asgd begins to average", at_least(1),
    )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return the settings by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Settings:
        """Return the settings of a file.

        Raises FormatError for names or types, ParameterError for numbers that none can have.
        """
        hints = typing.get_type_hints(cls)
        if values.keys() != hints.keys() or not all(
            is_of(values[name], hint) for name, hint in hints.items()
        ):
            raise FormatError("the settings of the network are damaged; fit the model again")
        lengths = dict.fromkeys(_LENGTHS_OF_TRAINING)
        check({**values, **lengths, "order": values["order"] or None})
        return cls(**values)

    def changed(self, **values: Any) -> Settings:
        """Return the settings with some of them changed."""
        return replace(self, **values)


_UNSETTLED: Mapping[str, Option] = {
    "dropout": Option(
        "input, layer and output dropout where these are not given; no other kind of dropout is "
        "planned beside it", (FRACTION,), float, plain=(0.0, 0.2), planned=True,
    ),
    "seed": Option(
        "seed of everything random", (at_least(0), Range("a whole number below 2**63",
        lambda value: value < 2**63)), int, 1,
    ),
    "device": Option("where to compute", (), Literal["auto", "cpu", "cuda", "mps"], "auto"),
    "threads": Option(
        "threads to train with; by default what is fastest, found by trying",
        (at_least(1), Range("1024 at most", lambda value: value <= 1024)), int,
    ),
}  # fmt: skip


def _table() -> Mapping[str, Option]:
    """Return the options in the order of the constructors' arguments."""
    hints = typing.get_type_hints(Settings)
    rows = {item.name: item.metadata["option"] for item in fields(Settings)}
    names = list(rows)
    names.insert(names.index("input_dropout"), "dropout")
    table = {}
    for name in [*names, "seed", "device", "threads"]:
        row = rows.get(name) or _UNSETTLED[name]
        kind = row.type or hints[name]
        table[name] = replace(row, type=kind if row.default is not None else kind | None)
    return MappingProxyType(table)


OPTIONS = _table()
"""Every option of neural models by name, beside those that all models have."""
RUN_OPTIONS = ("seed", "device", "threads")
"""The options that say how a run is made, not what is trained."""
PLAIN: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        kind: {name: row.plain[column] for name, row in OPTIONS.items() if row.plain is not None}
        for column, kind in enumerate(("char", "word"))
    }
)
"""The values of open options without a budget: a minute's training of the embedded corpus (chosen
with `benchmarks.rnn_defaults`). Bytes are taken as characters are."""


def takes_options(network: str, **defaults: Any) -> Callable[[Class], Class]:
    """Return the decorator that gives a model class its constructor, from the table.

    The constructor takes the options of a kind of `network` as keywords and stores them; all others
    go to the parent's constructor. `defaults` replace those of the table or of the parent. The
    options are appended to the class's docstring.
    """

    def decorate(cls: Class) -> Class:
        own = {name: row for name, row in OPTIONS.items() if network in row.of}
        own = {name: _with_default(row, defaults.get(name)) for name, row in own.items()}
        passed = {name: value for name, value in defaults.items() if name not in own}

        def __init__(self: Any, **options: Any) -> None:  # noqa: N807
            further = {name: value for name, value in options.items() if name not in own}
            super(cls, self).__init__(**{**passed, **further})  # type: ignore[arg-type]
            for name, row in own.items():
                setattr(self, name, options.get(name, row.default))

        types = {**{name: row.type for name, row in own.items()}, **dict.fromkeys(passed, str)}
        values = {**{name: row.default for name, row in own.items()}, **passed}
        keyword, further = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD
        arguments = [
            inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            *(inspect.Parameter(n, keyword, default=values[n], annotation=types[n]) for n in types),
            inspect.Parameter("options", further, annotation=Any),
        ]
        __init__.__signature__ = inspect.Signature(arguments)  # type: ignore[attr-defined]
        __init__.__annotations__ = types
        cls.__init__ = __init__  # type: ignore[misc]
        cls.__doc__ = f"{cls.__doc__ or ''}\n" + "\n".join(map(_documented, own, own.values()))
        return cls

    return decorate


def _with_default(row: Option, default: Any) -> Option:
    if default is None:
        return row
    kinds = [kind for kind in typing.get_args(row.type) if kind is not type(None)]
    closed = kinds[0] if row.default is None and kinds else row.type
    return replace(row, default=default, type=closed)


def _documented(name: str, row: Option) -> str:
    """Return the row of the table as lines of a docstring."""
    plain = ""
    if row.plain is not None:
        plain = f"{row.plain[0]} for characters, {row.plain[1]} for words"
    decided = "; ".join(filter(None, ["planned with a budget" if row.planned else "", plain]))
    default = "None" + (f" ({decided})" if decided else "") if row.default is None else row.default
    return f"    ``{name}`` = {default}\n        {row.help[0].upper()}{row.help[1:]}."


# ---------------------------------------------------------------------- checking


def seconds_of(text: str) -> float:
    """Return a duration such as ``90s``, ``10m`` or ``1.5h`` in seconds; a bare number is seconds.

    >>> seconds_of("10m")
    600.0
    """
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not 0 < seconds < math.inf:
        raise ParameterError(f"budget={text!r}; give a duration such as 90s, 10m or 1.5h")
    return seconds


def check(values: Mapping[str, Any]) -> None:
    """Raise ParameterError for an option outside its range, and for options that exclude others.

    None is within every range.
    """
    given = {name: value for name, value in values.items() if value is not None}
    for name, row in OPTIONS.items():
        for wanted in row.ranges:
            if name in given and not wanted.holds(given[name]):
                raise ParameterError(f"{name}={given[name]}; give {wanted.text}")
    lengths = [name for name in _LENGTHS_OF_TRAINING if name in given]
    if len(lengths) > 1:
        raise ParameterError(f"{' and '.join(lengths)} both say how long to train; give one")
    if "budget" in given:
        seconds_of(given["budget"])
    if given.get("tied") and given.get("embedding") == 0:
        raise ParameterError("tied=True shares the embedding, and embedding=0 has none; give both")
    if given.get("order") and given.get("embedding") == 0:
        raise ParameterError("embedding=0; a window of words needs one, give 1 or more")
    if given.get("optimizer") == "nt-asgd" and given.get("average"):
        raise ParameterError("nt-asgd averages the weights its own way; leave average out")
    _check_sampling(given)


def _check_sampling(given: Mapping[str, Any]) -> None:
    """Raise ParameterError where one way of reading the text excludes another."""
    sentence = given.get("context") == "sentence"
    if given.get("sampling") == "random" and sentence:
        raise ParameterError(
            "sampling=random cuts one stream; with context=sentence, sentences are in random order "
            "anyway: leave it out"
        )
    if given.get("random_length") and (sentence or given.get("sampling") == "random"):
        raise ParameterError(
            "random_length varies the stretches of sequential sampling of one stream; leave it out "
            "with sampling=random or context=sentence"
        )
    if given.get("random_length") and given.get("length", _LEAST_VARIED) < _LEAST_VARIED:
        raise ParameterError(
            f"length={given['length']} is too short to vary; give {_LEAST_VARIED} or more"
        )
