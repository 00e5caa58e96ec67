"""`mlxr serve`: the openai client gets the adapted model, and never anything else."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import openai
import pytest

from conftest import Ran
from mlxr.compare.options import Options
from mlxr.compare.stage import compare
from mlxr.events import Silent
from mlxr.files import read_jsonl
from mlxr.serve.address import Address
from mlxr.workspace import Adapter, Run, Workspace
from serve.server import Server, free_port, served
from trained_runs import make_run, sayings


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("served")
    return make_run(root, sayings(60), iters=30, learning_rate=3e-3, batch_size=4)


@pytest.fixture(scope="module")
def server(run: Run) -> Iterator[Server]:
    with served(run.folder.parents[2]) as server:
        yield server


def test_greedy_answers_are_those_that_compare_has_judged(server: Server, run: Run) -> None:
    workspace = Workspace(run.folder.parents[2])
    compare(Adapter(run), workspace, Silent(), Options(allow_degenerate=True))
    samples = {each["id"]: each for each in read_jsonl(run.compare / "samples.jsonl")}
    tests = list(read_jsonl(workspace.prepared("r").split("test")))
    same = other = 0
    for row in tests[:10]:
        said = server.chat("r/0001", row["messages"][0]["content"], temperature=0)
        sample = samples[row["mlxr"]["id"]]
        assert said.usage.prompt_tokens == row["mlxr"]["offset"]
        same += (said.choices[0].message.content or "") == sample["tuned"]["output"]
        other += sample["base"]["output"] != sample["tuned"]["output"]
    assert other == 10  # the base would not pass for the tuned model
    assert same >= 9  # alone and in a batch, greedy answers may part at a near-tie


def test_a_stream_says_the_same_as_the_whole_answer(server: Server) -> None:
    whole = server.chat("r/0001", "Say 7").choices[0]
    pieces = list(server.chat("r/0001", "Say 7", stream=True))
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces)
    assert text == whole.message.content
    assert len(pieces) > 3
    assert pieces[-1].choices[0].finish_reason == whole.finish_reason == "stop"


def test_every_name_it_goes_by_is_the_adapted_model_and_no_other_is_anything(
    server: Server, run: Run
) -> None:
    due = server.chat("r/0001", "Say 7").choices[0].message.content
    assert due
    for name in ("r", "default_model"):
        assert server.chat(name, "Say 7").choices[0].message.content == due
    base = json.loads(run.record.read_text())["recipe"]["model"]
    for name in (base, str(run.folder), "gpt-4o", "mlx-community/gemma-3-1b-it-4bit"):
        with pytest.raises(openai.NotFoundError, match="it is called 'r/0001'"):
            server.chat(name, "Say 7")
    for more in ({"adapters": str(run.best)}, {"draft_model": "some/model"}):
        with pytest.raises(openai.NotFoundError, match="leave out adapters and draft_model"):
            server.chat("r/0001", "Say 7", extra_body=more)
    assert [model.id for model in server.client.models.list()] == ["r/0001"]
    assert server.chat("r/0001", "Say 7").choices[0].message.content == due


def test_a_web_page_reads_answers_only_from_an_origin_that_was_named(
    server: Server, run: Run
) -> None:
    page = "http://localhost:3000"

    def allowed(asked: Server, origin: str) -> str | None:
        request = Request(f"{asked.document['url']}/models", headers={"Origin": origin})
        with urlopen(request, timeout=60) as answer:
            found: str | None = answer.headers["Access-Control-Allow-Origin"]
            return found

    assert allowed(server, page) is None
    assert allowed(server, "null") is None
    with served(run.folder.parents[2], "--allow-origin", page) as open_to_one:
        assert allowed(open_to_one, page) == page
        assert allowed(open_to_one, "http://localhost:3001") is None


@pytest.mark.parametrize(
    "origin",
    [
        "localhost:3000",
        "http://localhost/app",
        "",
        "http://a,b",
        "http://LOCALHOST:3000",
        "http://localhost:80",
        "https://localhost:443",
    ],
)
def test_what_is_no_origin_is_refused(mlxr: Callable[..., Ran], run: Run, origin: str,
                                      monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.chdir(run.folder.parents[2])
    ran = mlxr("serve", "--allow-origin", origin)
    assert ran.code == 1
    assert "is no origin" in ran.err
    assert "→ --allow-origin http://localhost:3000" in ran.err


@pytest.mark.parametrize("stop", [5, [5], [""], {"a": 1}, True])
def test_stop_words_that_are_none_harm_nobody(server: Server, stop: object) -> None:
    """In mlx_lm.server they end the thread that writes all answers."""
    with pytest.raises(openai.BadRequestError, match="stop must be a text"):
        server.chat("r/0001", "Say 7", extra_body={"stop": stop})
    assert server.chat("r/0001", "Say 7", stop=["heard"]).choices[0].message.content


def test_who_calls_the_machine_by_another_name_is_refused(server: Server) -> None:
    """As a page would whose domain was made to point to this machine."""
    url, port = f"{server.document['url']}/models", server.document["url"].split(":")[2][:-3]
    for host in (f"localhost:{port}", "127.0.0.1", f"[::1]:{port}", "LOCALHOST"):
        with urlopen(Request(url, headers={"Host": host}), timeout=60) as answer:
            assert answer.status == 200
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "192.0.2.1"):
        with pytest.raises(HTTPError, match="403"):
            urlopen(Request(url, headers={"Host": host}), timeout=60)
    body = json.dumps({"model": "default_model", "messages": [{"role": "user", "content": "Say"}]})
    asked = Request(url.replace("models", "chat/completions"), body.encode(),
                    {"Host": "evil.example", "Content-Type": "application/json"})  # fmt: skip
    with pytest.raises(HTTPError, match="403"):
        urlopen(asked, timeout=60)


def test_a_port_in_use_names_the_next(mlxr: Callable[..., Ran], server: Server, run: Run,
                                      monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.chdir(run.folder.parents[2])
    port = int(server.document["url"].split(":")[2].split("/")[0])
    ran = mlxr("serve", "r/0001", "--port", str(port))
    assert ran.code == 1
    assert f"Port {port} is in use." in ran.err
    free = int(ran.err.split("mlxr serve r/0001 --port ")[1])
    assert free > port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free))


def test_an_address_of_another_machine_is_refused(
    mlxr: Callable[..., Ran], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run.folder.parents[2])
    ran = mlxr("serve", "--host", "192.0.2.1", "--port", "18080")
    assert ran.code == 1
    assert "This machine has no address '192.0.2.1'." in ran.err


def test_a_model_that_cannot_be_loaded_is_explained(
    mlxr: Callable[..., Ran], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run.folder.parents[2])
    config, port = run.folder / "adapter_config.json", free_port()
    before = config.read_bytes()
    config.write_text('{"num_layers": 99, "lora_parameters": {}}')
    try:
        ran = mlxr("serve", "r/0001", "--port", str(port))
    finally:
        config.write_bytes(before)
    assert ran.code == 1
    assert "The server has ended: " in ran.err
    assert f"serve-{port}.log" in ran.err
    assert "Traceback" not in ran.err
    assert "Traceback" in run.served(port).read_text()


def test_a_template_that_changed_since_is_pointed_out(
    mlxr: Callable[..., Ran], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    root = run.folder.parents[2]
    monkeypatch.chdir(root)
    monkeypatch.setattr("mlxr.serve.stage.Child", interrupted)
    said = "t.jinja is no longer as it was when this was trained."
    assert said not in mlxr("serve", "--port", "18082").err
    template = root / "t.jinja"
    text = template.read_text()
    template.write_text(f"{text} ")
    try:
        ran = mlxr("serve", "--port", "18082")
    finally:
        template.write_text(text)
    assert ran.code == 130
    assert said in ran.err


def test_without_a_run_the_way_to_one_is_named(mlxr: Callable[..., Ran]) -> None:
    ran = mlxr("serve")
    assert ran.code == 1
    assert "There is no run here yet." in ran.err


def _refused(url: str) -> bool:
    host, port = url.removeprefix("http://").removesuffix("/v1").split(":")
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) != 0


def test_ctrl_c_ends_it_with_0_and_frees_the_port(run: Run) -> None:
    with served(run.folder.parents[2]) as server:
        assert not _refused(server.document["url"])
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(60) == 0
        assert _refused(server.document["url"])


def test_the_server_goes_with_mlxr_however_that_ends(run: Run) -> None:
    with served(run.folder.parents[2]) as server:
        host, port = server.document["url"].removeprefix("http://").removesuffix("/v1").split(":")
        with socket.create_connection((host, int(port)), timeout=60) as client:
            server.process.kill()
            with suppress(ConnectionResetError):
                assert client.recv(1) == b""  # nobody is there any more


def test_which_addresses_only_this_machine_reaches() -> None:
    local = {host: Address(host, 8080).local for host in ("127.0.0.1", "localhost", "::1")}
    assert all(local.values())
    assert not any(Address(host, 8080).local for host in ("0.0.0.0", "::", "192.168.1.2"))
    assert Address("0.0.0.0", 8080).url == "http://127.0.0.1:8080"
    assert Address("::1", 8080).url == "http://[::1]:8080"
