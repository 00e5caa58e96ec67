"""The recipe's `[data]`: where rows come from, what becomes of them, and how they are divided."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from mlxr.recipe.table import Positive, RowCount, Share, Table, Text

_INHERITED = ("split", "config", "revision")


class Splits(Table):
    """How rows are divided: shares, counts, or names of the source's own splits."""

    train: Share | RowCount | str = 0.8
    """Share (0.8), number of rows (800) or name ("train")."""
    valid: Share | RowCount | str = 0.1
    """Share, number of rows or name."""
    test: Share | RowCount | str = 0.1
    """Share, number of rows or name."""
    stratify: str | None = None
    """Column whose values are divided evenly over the splits."""
    group: str | None = None
    """Column; rows with the same value stay in one split."""
    near_duplicates: bool = True
    """Keep rows with nearly the same prompt in one split, too."""

    @model_validator(mode="after")
    def _one_kind(self) -> Splits:
        parts = (self.train, self.valid, self.test)
        if isinstance(self.train, str) and (self.stratify or self.group):
            raise ValueError("`stratify` and `group` divide rows; named splits are divided already")
        if len({type(part) for part in parts}) > 1:
            raise ValueError("train, valid and test must be all shares, all counts or all names")
        if isinstance(self.train, float) and sum(map(float, parts)) > 1 + 1e-9:
            raise ValueError(f"the shares add up to {sum(map(float, parts)):g}, more than 1")
        return self


class Portion(Table):
    """One of several sources; what it does not say is as `[data]` has it."""

    source: Text
    """Hub id, file or folder."""
    weight: Annotated[float, Field(gt=0)] | None = None
    """Its part of the rows, relative to the other weights; no row is taken twice."""
    split: str | None = None
    """Which of its own splits to take."""
    config: str | None = None
    """Its configuration (subset) on the Hub."""
    revision: str | None = None
    """Its commit, branch or tag on the Hub."""

    @property
    def rows(self) -> tuple[str | None, ...]:
        """What says which rows these are."""
        return (self.source, self.split, self.config, self.revision)


def _portion(value: object) -> object:
    if isinstance(value, str):
        return {"source": value}
    if isinstance(value, dict | Portion):
        return value
    raise PydanticCustomError("source", 'a source in "quotes" or { source = … }')


def _distinct(portions: list[Portion]) -> list[Portion]:
    if not portions:
        raise ValueError("is an empty list")
    for place, portion in enumerate(portions):
        alike = [each for each in portions[:place] if each.rows == portion.rows]
        if alike:
            raise ValueError(f"names {portion.source} twice; give it more `weight` instead")
    return portions


def _form(value: object) -> str | None:
    if isinstance(value, str):
        return "source-text"
    return "source-list" if isinstance(value, list) else None


AnySource = Annotated[
    Annotated[Text, Tag("source-text")]
    | Annotated[
        list[Annotated[Portion, BeforeValidator(_portion, json_schema_input_type=Text | Portion)]],
        AfterValidator(_distinct),
        Tag("source-list"),
    ],
    Discriminator(
        _form,
        custom_error_type="source",
        custom_error_message='a source in "quotes" or a list of sources',
    ),
]
"""One source, or several; in a list, a text is a source without anything else to say."""


class Data(Table):
    """Where rows come from and how each becomes a prompt and an answer."""

    source: AnySource
    """Hub id, file (.jsonl .json .csv .parquet .arrow), folder of these, or a list of sources."""
    split: str = "train"
    """Which of the source's own splits to take, unless `[data.splits]` names them."""
    config: str | None = None
    """Configuration (subset) of a Hub data set."""
    revision: str | None = None
    """Commit, branch or tag of a Hub data set."""
    streaming: bool = False
    """Read a Hub data set as it comes and stop at `limit`, instead of fetching all of it."""
    limit: Positive | None = None
    """Take at most this many rows, chosen by seed; the first ones when streaming."""
    template: str | None = None
    """Jinja file with the blocks `prompt` and `completion`, and optionally `system`, `tools`."""
    messages: str | None = None
    """Column with a conversation. Default: whatever known columns a row has."""
    turns: Literal["all", "last"] = "all"
    """Which of a conversation's answers become records of their own."""
    where: str | None = None
    """Jinja expression; rows for which it is false are left out."""
    label: str | None = None
    """Column that says whether an answer is desirable."""
    undesirable: Literal["train", "test", "drop"] = "train"
    """What to do with undesirable rows: train on them too, keep them to the test split, drop."""
    max_bad_rows: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of unusable rows above which prep stops."""
    splits: Splits = Splits()

    @property
    def portions(self) -> tuple[Portion, ...]:
        """The sources; `split` is None where the recipe does not say which."""
        given = {key: getattr(self, key) for key in _INHERITED if key in self.model_fields_set}
        if isinstance(self.source, str):
            return (Portion(source=self.source, **given),)
        return tuple(
            each.model_copy(update={k: v for k, v in given.items() if getattr(each, k) is None})
            for each in self.source
        )

    @property
    def names(self) -> list[str]:
        """The sources: Hub ids as they are, of paths the last part."""
        sources = [portion.source for portion in self.portions]
        return [Path(each).name if Path(each).is_absolute() else each for each in sources]

    @model_validator(mode="after")
    def _possible(self) -> Data:
        if self.template and self.messages:
            raise ValueError("give `template` or `messages`, not both")
        weighted = any(portion.weight is not None for portion in self.portions)
        if weighted and self.streaming and self.limit is None:
            raise ValueError("weights with `streaming` need a `limit`")
        return self
