"""What every recipe table is, and the types that several of them use."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
RowCount = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1)]


class Table(BaseModel):
    """A recipe table: unknown keys and loose types are mistakes."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,  # what stands below a key describes it in `mlxr schema`
    )
