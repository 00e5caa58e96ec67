"""--bench: base and tuned timed in turns, and the ratio of their speeds."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from compare.pages import texts
from conftest import MODEL, ROOT, Ran
from mlxr.compare import pace as module
from mlxr.compare.arms import Prompt, Request
from mlxr.compare.pace import LONGEST, PROMPTS, ROUNDS, kept, line, measure, pace
from mlxr.compare.report import rows
from mlxr.compare.report.markdown import markdown
from mlxr.compare.report.page import page
from mlxr.compare.stopwatch import Lap, Settings, time_both, turns
from mlxr.errors import MlxrError
from mlxr.events import Pipe, Silent
from mlxr.files import read_json, read_jsonl, write_jsonl
from mlxr.loaded import ARMS, ArmName
from mlxr.workspace import Adapter, Run
from trained_runs import make_run, random_adapter, sayings


def lap(arm: ArmName, place: int, tokens: int, decode: float, first: float = 0.5) -> Lap:
    return Lap(arm, place, 100, tokens, first, decode)


def test_the_figures_are_those_of_the_definitions() -> None:
    laps = [
        lap("base", 0, 11, 1.0), lap("base", 1, 21, 4.0), lap("base", 2, 1, 0.1, first=1.5),
        lap("tuned", 0, 11, 2.0), lap("tuned", 1, 21, 5.0), lap("tuned", 2, 6, 1.0),
    ]  # fmt: skip
    found = pace(laps)
    base, tuned = (found["arms"][arm] for arm in ARMS)
    assert (found["prompts"], found["rounds"], found["fused"]) == (3, 1, False)
    assert base["tokens_per_second"] == pytest.approx(30 / 5.0)  # the answer of one token is out
    assert base["too_short"] == 1
    assert tuned["tokens_per_second"] == pytest.approx(35 / 8.0)
    assert base["first_token_seconds"] == {"median": 0.5, "p95": 1.5}
    assert base["seconds"] == {"median": 1.6, "p95": 4.5}
    assert base["prompt_tokens_per_second"] == pytest.approx(300 / 2.5)
    ratio = found["ratio"]
    assert ratio["value"] == pytest.approx(tuned["tokens_per_second"] / base["tokens_per_second"])
    whole = math.log(35 / 8 / 6)
    # Without the first prompt (20 in 4 s; 25 in 6 s), without the second (10 in 1; 15 in 3).
    pseudo = [2 * whole - math.log(25 / 6 / 5), 2 * whole - math.log(5 / 10)]
    half = 12.7062 * abs(pseudo[0] - pseudo[1]) / 2  # t of one degree of freedom
    assert ratio["low"] == pytest.approx(math.exp(whole - half), rel=1e-4)
    assert ratio["high"] == pytest.approx(math.exp(whole + half), rel=1e-4)


def test_answers_of_one_token_have_no_speed() -> None:
    found = pace([lap(arm, place, 1, 0.1) for arm in ARMS for place in range(5)])
    assert found["ratio"] is None
    assert [found["arms"][arm]["tokens_per_second"] for arm in ARMS] == [None, None]
    assert line(found) == (
        "base 500 ms to the first token; tuned 500 ms to the first token; 5 prompts, 1 times each,"
        " the adapter not fused"
    )


def test_each_answers_each_prompt_as_often_and_goes_first_in_turns() -> None:
    order = list(turns(5, 3))
    assert set(Counter(order).values()) == {3}
    firsts = [arm for arm, _ in order[::2]]
    assert firsts[:5] == ["base", "tuned", "base", "tuned", "base"]
    assert firsts[5:10] == ["tuned", "base", "tuned", "base", "tuned"]
    assert all(order[i][1] == order[i + 1][1] for i in range(0, len(order), 2))


def test_every_report_tells_the_pace() -> None:
    document, judgement = texts(20)
    assert rows.pace_line(document) == ""
    document["bench"] = pace([lap(a, p, 9, 1.0 + (a == "tuned")) for a in ARMS for p in range(5)])
    told = "tuned writes 0.50 times as fast as base (95 % interval 0.50 … 0.50)"
    for made in (page(document, judgement), markdown(document, judgement)):
        assert told in made


def test_a_lap_is_one_arms_answer_as_mlx_lm_gives_it(tmp_path: Path) -> None:
    from mlx_lm import load, stream_generate

    adapter = random_adapter(tmp_path / "adapter")
    prompts = [[60 + i, 70, 80] for i in range(4)]
    write_jsonl(tmp_path / "in.jsonl", ({"ids": ids} for ids in prompts))
    told = Settings(str(MODEL), str(adapter), False, str(tmp_path / "in.jsonl"), "", 40, 2)
    begin = time.perf_counter()
    laps = time_both(told, Pipe(None))
    took = time.perf_counter() - begin
    assert [(lap.arm, lap.place) for lap in laps] == list(turns(4, 2))
    due = {}
    for arm, path in (("base", None), ("tuned", str(adapter))):
        model, tokenizer = load(str(MODEL), adapter_path=path)
        for place, ids in enumerate(prompts):
            *_, last = stream_generate(model, tokenizer, ids, max_tokens=40)
            due[arm, place] = last.generation_tokens
    assert [lap.tokens for lap in laps] == [due[lap.arm, lap.place] for lap in laps]
    assert [due["base", i] for i in range(4)] != [due["tuned", i] for i in range(4)]
    assert {lap.prompt_tokens for lap in laps} == {3}
    assert 0 < sum(lap.first_seconds + lap.decode_seconds for lap in laps) < took
    assert all(lap.decode_seconds > 0 for lap in laps if lap.tokens > 1)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 60])
def test_different_prompts_are_timed(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def timed(_: str, settings: dict[str, Any], *__: object) -> None:
        asked.extend(row["ids"] for row in read_jsonl(Path(settings["prompts"])))
        made = [asdict(lap(arm, place, 9, 1.0)) for arm, place in turns(len(asked), ROUNDS)]
        write_jsonl(Path(settings["output"]), made)

    asked: list[list[int]] = []
    monkeypatch.setattr(module, "run_child", timed)
    prompts = tuple(Prompt(tuple(range(i + 2)), i + 1, "x") for i in reversed(range(count)))
    request = Request(str(MODEL), False, prompts, 64, 8)
    adapter = Adapter(Run(random_adapter(tmp_path / "run")))
    adapter.compare.mkdir()
    assert kept(request, adapter) is None
    found = measure(request, adapter, Silent())
    assert kept(request, adapter) == found
    assert kept(replace(request, max_tokens=9), adapter) is None
    for name in ("bench.json", "bench.jsonl"):
        content = (adapter.compare / name).read_bytes()
        (adapter.compare / name).write_text("[1]\n{")
        assert kept(request, adapter) is None
        (adapter.compare / name).unlink()
        assert kept(request, adapter) is None
        (adapter.compare / name).write_bytes(content)
    assert found["prompts"] == len(asked) == min(count, PROMPTS)
    assert len({tuple(ids) for ids in asked}) == len(asked)
    assert (found["ratio"] is None) == (count == 1)
    assert not (adapter.compare / "bench.in.jsonl").exists()


def test_what_is_trained_whole_is_fused() -> None:
    laps = [lap(arm, place, 9, 1.0) for arm in ARMS for place in range(5)]
    assert "not fused" in line(pace(laps))
    assert "fused" not in line(pace(laps, fused=True))


def test_a_real_bench(mlxr: Callable[..., Ran], tmp_path: Path) -> None:
    make_run(tmp_path, sayings(60))
    ran = mlxr("compare", "--bench", "--json", "--fail-on", "blocked")
    document = json.loads(ran.out)
    schema = json.loads((ROOT / "wrapper/mlxr/compare/schema.json").read_text())
    jsonschema.validate(document, schema)
    bench = document["bench"]
    assert (bench["prompts"], bench["rounds"]) == (PROMPTS, ROUNDS)
    laps = list(read_jsonl(tmp_path / "adapters/r/0001/compare/bench.jsonl"))
    assert [(row["arm"], row["place"]) for row in laps] == list(turns(PROMPTS, ROUNDS))
    assert all(0 < row["tokens"] <= LONGEST for row in laps)
    lengths = [row["prompt_tokens"] for row in laps if row["arm"] == "base"][:PROMPTS]
    assert lengths == sorted(lengths)
    ratio = bench["ratio"]
    assert 0.1 < ratio["low"] <= ratio["value"] <= ratio["high"] < 10
    for arm in ARMS:
        found = bench["arms"][arm]
        assert 0 < found["first_token_seconds"]["median"] < found["seconds"]["median"]
    assert json.loads(mlxr("compare", "--json").out)["bench"] == bench  # it was kept
    tokens = document["arms"]["tuned"]["answer_tokens"]
    assert 0 < tokens["p5"] <= tokens["median"] <= tokens["p95"]


def test_a_bench_that_fails_takes_nothing_from_the_comparison(
    mlxr: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise MlxrError("Timing failed: SIGKILL.", "The log: bench.log")

    make_run(tmp_path, sayings(60))
    monkeypatch.setattr(module, "run_child", failing)
    ran = mlxr("compare", "--bench")
    assert "Timing failed: SIGKILL. The log: bench.log" in ran.err
    folder = tmp_path / "adapters/r/0001/compare"
    assert "bench" not in read_json(folder / "compare.json")
    assert {path.name for path in folder.glob("bench*")} == set()


def test_stored_outputs_cannot_be_timed(mlxr: Callable[..., Ran]) -> None:
    ran = mlxr("compare", "--bench", "--predictions", "a.jsonl", "b.jsonl")
    assert ran.code == 2
    assert "--bench times models; stored outputs have none." in ran.err.replace("\n", " ")
