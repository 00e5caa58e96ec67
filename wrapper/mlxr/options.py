"""The options of `mlxr compare`, as the command line shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Adapters = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUN|RECIPE",
        help="Runs of one base (calendar/0002), or checkpoints (calendar/0002@best, @170); a "
        "recipe means its newest run. Default: the newest.",
        show_default=False,
    ),
]
Predictions = Annotated[
    tuple[Path, Path] | None,
    typer.Option(
        metavar="BASE TUNED",
        help="Judge outputs stored in two files (JSONL or JSON arrays); no model is needed.",
        show_default=False,
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ROLE=COLUMN",
        help="What their columns are: prompt=question,output=answer,expected=gold.",
    ),
]
Task = Annotated[
    str | None,
    typer.Option(metavar="TASK", help="What their answers are, where no RECIPE says it."),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Where their reports go. Default: compare/BASE-TUNED/"),
]
FailOn = Annotated[
    list[str] | None,
    typer.Option(
        metavar="VERDICT,…",
        help="Exit with 3 on these as well (inconclusive); worse (3) and blocked (4) always fail.",
    ),
]
Explain = Annotated[
    str | None,
    typer.Option(metavar="METRIC", help="Say how a metric comes about, and stop."),
]
AllowDegenerate = Annotated[bool, typer.Option(help="Give a verdict in spite of red alarms.")]
