"""Arguments and options, as the command line shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mlxr.cli import completion

RecipeArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="RECIPE",
        help="Recipe file. Default: recipe.toml, else the only one in recipes/.",
        show_default=False,
        autocompletion=completion.recipes,
    ),
]
RunArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN|RECIPE",
        help="A run (calendar/0002) or a recipe, meaning its newest run. Default: the newest.",
        show_default=False,
        autocompletion=completion.runs_and_recipes,
    ),
]
OneRun = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        help="A run, as calendar/0002.",
        show_default=False,
        autocompletion=completion.runs,
    ),
]
FirstRun = Annotated[
    str,
    typer.Argument(metavar="A", help="A run, as calendar/0001.", autocompletion=completion.runs),
]
SecondRun = Annotated[
    str,
    typer.Argument(metavar="B", help="Another, as calendar/0002.", autocompletion=completion.runs),
]
DoomedRuns = Annotated[
    list[str],
    typer.Argument(metavar="RUN", help="Runs, as calendar/0001.", autocompletion=completion.runs),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Override = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a recipe key, as train.iters=50."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No talk and no progress.")]
RowCount = Annotated[int, typer.Option("-n", min=1, metavar="N", help="Rows to show.")]
Rows = Annotated[
    list[str] | None,
    typer.Option(
        "--row", metavar="FILE:ROW", help="Show this row, as an audit names it; or its number."
    ),
]
Tokens = Annotated[bool, typer.Option("--tokens", help="One token a line, with its id.")]
Measure = Annotated[
    bool,
    typer.Option(
        "--measure/--no-measure",
        help="Train a few steps to measure, or estimate from the model's config.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show every final value and the plain command.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with the recipe's newest run where it stopped.")
]
RankCount = Annotated[
    int, typer.Option("-n", min=1, metavar="N", help="Train with N processes on this machine.")
]
Hosts = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Train on each host of mlx.launch's host file."),
]
Grid = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=A,B",
        help="Values to try, as train.learning_rate=1e-5,1e-4; with --random also 1e-5..1e-3.",
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option(metavar="1,2", help="Train each setting with these seeds (train.seed)."),
]
Random = Annotated[
    int | None,
    typer.Option(min=1, max=1000, metavar="N", help="Draw N settings instead of trying them all."),
]
Halving = Annotated[
    bool,
    typer.Option(
        "--halving", help="Train all a part of the way, and only the better half further."
    ),
]
By = Annotated[
    str,
    typer.Option(
        metavar="primary|loss",
        help="Choose by the recipe's primary metric on the validation split, or by its loss.",
    ),
]
Adapters = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUN|RECIPE",
        help="Runs of one base (calendar/0002), or checkpoints (calendar/0002@best, @170); a "
        "recipe means its newest run. Default: the newest.",
        show_default=False,
        autocompletion=completion.runs_and_recipes,
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
Shots = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=0,
        max=32,
        help="Ask the base once more with N training rows as examples in its prompt.",
    ),
]
FailOn = Annotated[
    list[str] | None,
    typer.Option(
        metavar="VERDICT,…",
        help="Exit with 3 on these as well (inconclusive); worse (3) and blocked (4) always fail.",
    ),
]
Judge = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL", help="Ask a local model, too, which answers it prefers, in both orders."
    ),
]
Bench = Annotated[
    bool, typer.Option("--bench", help="Time base and tuned, too, in turns on a few prompts.")
]
Explain = Annotated[
    str | None,
    typer.Option(metavar="METRIC", help="Say how a metric comes about, and stop."),
]
AllowDegenerate = Annotated[bool, typer.Option(help="Give a verdict in spite of red alarms.")]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Ask the models anew, whatever answers were kept.")
]
Folder = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="Folder to write into. Default: here.", show_default=False),
]
Like = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The shipped recipe to copy.",
        show_default=False,
        autocompletion=completion.likes,
    ),
]
Listed = Annotated[bool, typer.Option("--list", help="List the shipped recipes, and stop.")]
AdapterArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN|RECIPE",
        help="A run (calendar/0002), a checkpoint of one (calendar/0002@best), or a recipe, "
        "meaning its newest run. Default: the newest.",
        show_default=False,
        autocompletion=completion.runs_and_recipes,
    ),
]
Form = Annotated[
    Literal["mlx", "adapter", "gguf", "ollama", "peft"],
    typer.Option(
        "--as",
        help="mlx: fused into its base. adapter: the plain mlx-lm adapter. gguf: for llama.cpp. "
        "ollama: fused, with a Modelfile. peft: an adapter for Hugging Face's PEFT.",
    ),
]
To = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Where it goes. Default: exports/RECIPE-RUN-FORM/"),
]
Dequantize = Annotated[
    bool,
    typer.Option(
        "--dequantize/--requantize",
        help="On a quantised base: fuse into floats, larger and the same; or quantise again.",
    ),
]
AllowLossy = Annotated[
    bool, typer.Option("--allow-lossy", help="Keep a fused model that fails its proof.")
]
ProofPrompts = Annotated[
    int, typer.Option("--prompts", min=1, metavar="N", help="Test prompts to prove it on.")
]
PushTo = Annotated[
    str | None,
    typer.Option(metavar="OWNER/NAME", help="Push it to the Hub, into a private repository."),
]
Public = Annotated[bool, typer.Option("--public", help="With --push: make it public.")]
Question = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TEXT",
        help="One question. Default: all of stdin; at a terminal, a talk.",
        show_default=False,
    ),
]
Both = Annotated[bool, typer.Option("--both", help="Base and tuned answer, side by side.")]
MaxTokens = Annotated[int, typer.Option(min=1, metavar="N", help="Longest answer, in tokens.")]
Temperature = Annotated[
    float,
    typer.Option(min=0, max=10, metavar="T", help="0 takes the likeliest token; more is chance."),
]
Seed = Annotated[
    int | None,
    typer.Option(min=0, max=2**32 - 1, metavar="N", help="Of that chance. Default: the recipe's."),
]
Host = Annotated[str, typer.Option(metavar="HOST", help="Address to listen on.")]
AllowOrigin = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ORIGIN",
        help="Let web pages from there read answers, as http://localhost:3000; * lets all.",
    ),
]
Port = Annotated[int, typer.Option(min=1, max=65535, metavar="PORT", help="Port to listen on.")]
