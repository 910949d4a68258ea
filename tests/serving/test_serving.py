"""`mirrorfold review serve`: who gets in, what is saved, and what is never lost."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mirrorfold.pipelines.finished.review_import import review_import
from mirrorfold.pipelines.serving.answers import Answers, saved_answers
from mirrorfold.pipelines.serving.people import Doorkeeper, read_tokens, tokens_for
from mirrorfold.transforms.publish.publish import Options
from mirrorfold.transforms.retain.verdicts import read_verdicts
from mirrorfold.transforms.stores.output import LocalOutput, open_output
from tests.publish.publish_archive import HOSTILE, Archive, build_archive
from tests.publish.publish_rows import add_clusters
from tests.serving.running import PROGRAM, finish, serve

A, B = "a" * 64, "b" * 64


def said(verdict: str | None = "same", **more) -> dict:
    return {"content_a": A, "content_b": B, "verdict": verdict, "seen": True} | more


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    archive = build_archive(tmp_path_factory.mktemp("served"))
    return finish(archive, Options(sample=5, proofs=0, thumbnails=4, sketches=0))


def small(root: Path) -> str:
    """A run by rows alone."""
    archive = Archive(root)
    add_clusters(archive, 3)
    archive.write()
    return finish(archive, Options(sample=0, proofs=0, thumbnails=0, sketches=0))


@pytest.fixture(scope="module")
def server(folder):
    running = serve(folder)
    yield running
    running.process.kill()
    running.process.wait(20)


def test_a_token_becomes_a_cookie_that_no_script_and_no_other_site_has(server) -> None:
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    opener = urllib.request.build_opener(Stay)
    with pytest.raises(OSError, match="302") as found:
        opener.open(server.addresses["Ann"])
    headers = found.value.headers
    assert headers["Location"] == "/"
    assert {"HttpOnly", "SameSite=Strict"} <= set(re.split(r";\s*", headers["Set-Cookie"]))


@pytest.mark.parametrize(
    ("name", "headers", "rows", "status"),
    [
        (None, {}, None, 401),
        ("Ann", {"Host": "evil.example"}, None, 403),
        ("Ann", {"Origin": "http://evil.example"}, [said()], 403),
        ("Ann", {"Origin": "null"}, [said()], 403),
        ("Ann", {"Content-Type": "text/plain"}, [said()], 415),
        ("Ann", {}, [said("explode")], 400),
        ("Ann", {}, [said(), {"verdict": "same"}], 400),
        ("Ann", {}, [said()], 200),
    ],
    ids=["nobody", "another name", "another site", "a sandbox", "a form", "no verdict", "one bad of two", "an answer"],
)
def test_who_may_say_something(server, name, headers, rows, status) -> None:
    before = served(server, "Ann")
    found, _ = server.ask("answers" if rows else "", name, rows, **headers)
    assert found == status
    assert (len(served(server, "Ann")) > len(before)) is (status == 200)


def served(server, name: str) -> list:
    status, body = server.ask("served.js", name)
    assert status == 200
    return json.loads(re.fullmatch(rb'mirrorfold.receive\("served",(.*)\);\n', body)[1])["answers"]


@pytest.mark.parametrize(
    "path",
    ["tokens.json", "served.sqlite", "serve.lock", "split.json", "queue/part-00000-of-00001.parquet", "../run.json",
     "data/../tokens.json", "%2e%2e/policy.yaml", "verdicts/", "pictures/../tokens.json", "originals/x"],
)  # fmt: skip
def test_nothing_but_the_pages_is_served(server, path: str) -> None:
    status, body = server.ask(path)
    assert status == 404
    assert b"token" not in body


@pytest.mark.parametrize("path", ["", "app.js", "review.css", "data/index.js", "data/items-00000.js", "data/team.js"])
def test_the_pages_are_served_with_what_protects_them(server, path: str) -> None:
    status, body = server.ask(path)
    assert status == 200
    assert body


def test_pictures_and_originals_are_read_when_they_are_looked_at(server, folder) -> None:
    items = (Path(folder) / "review/data/items-00000.js").read_text()
    contents = sorted(set(re.findall(r'"id":"([0-9a-f]{64})"', items)))
    assert len(contents) > 20
    for content in contents[:4]:
        status, body = server.ask(f"pictures/{content}?side=1024")
        assert (status, body[8:12]) == (200, b"WEBP")
        status, body = server.ask(f"originals/{content}")
        assert status == 200
        assert hashlib.sha256(body).hexdigest() == content
    status, body = server.ask(f"looks/{contents[0]}")
    assert (status, sorted(json.loads(body)["sharp"])) == (200, ["1024", "256"])
    assert server.ask(f"looks/{'0' * 64}")[0] == 404
    assert server.ask(f"pictures/{'0' * 64}")[0] == 404
    assert server.ask(f"pictures/{contents[0]}?side=99999")[0] == 404
    assert HOSTILE  # the archive's names are hostile; none of them is part of an address


def test_twenty_reviewers_at_once(server) -> None:
    def click(number: int) -> int:
        pair = {"content_a": f"{number:064x}", "content_b": f"{number + 1:064x}"}
        return server.ask("answers", ("Ann", "Bo", "Cy")[number % 3], [said(**pair)])[0]

    before = len(served(server, "Bo"))
    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(click, range(0, 400, 2))) == {200}
    assert len(served(server, "Bo")) > before + 60


def test_a_second_server_and_a_busy_port_are_one_line_each(server, folder, tmp_path) -> None:
    def fails(*arguments: str) -> str:
        command = [PROGRAM, "review", "serve", *arguments, "--no-open"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2
        assert len(done.stderr.strip().splitlines()) == 1
        return done.stderr

    assert "another `review serve` is at work" in fails(folder)
    assert "no published run" in fails(str(tmp_path))
    other = small(tmp_path / "other")
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        assert "choose another --port" in fails(other, "--port", str(busy.getsockname()[1]))


def test_killed_at_any_moment_nothing_acknowledged_is_lost(tmp_path) -> None:
    folder = small(tmp_path)
    running = serve(folder)
    for number in range(20):
        pair = {"content_a": f"{number:064x}", "content_b": f"{number + 1:064x}"}
        assert running.ask("answers", "Ann", [said(**pair)])[0] == 200
    assert running.ask("answers", "Ann", [said(None, content_a=f"{0:064x}", content_b=f"{1:064x}")])[0] == 200
    running.end(signal.SIGKILL)
    again = serve(folder)
    assert again.token("Ann") == running.token("Ann"), "addresses stay valid"
    assert len(served(again, "Ann")) == 19
    assert served(again, "Bo") == []
    assert again.end(signal.SIGINT) == 0
    assert not os.path.exists(f"{folder}/review/served.sqlite-wal")
    assert stat.S_IMODE(os.stat(f"{folder}/review/tokens.json").st_mode) == 0o600
    done = review_import(folder)
    assert (done.read, done.new) == (19, 19)
    assert review_import(folder).new == 0
    assert {row["reviewer"] for row in read_verdicts(open_output(folder))} == {"Ann"}


def test_the_last_word_counts_and_one_taken_back_is_none(tmp_path) -> None:
    answers = Answers(LocalOutput(str(tmp_path)))
    answers.save("Ann", [said("same"), said("different"), said("same", purpose="sample")])
    answers.save("Bo", [said("split"), said(None)])
    with pytest.raises(ValueError, match="answer 2: verdict 'no'"):
        answers.save("Bo", [said("same"), said("no")])
    assert [(row["reviewer"], row["verdict"], row["purpose"]) for row in answers.all()] == [
        ("Ann", "different", "decision"),
        ("Ann", "same", "sample"),
    ]
    answers.close()
    assert [row["verdict"] for row in saved_answers(LocalOutput(str(tmp_path)))] == ["different", "same"]
    assert saved_answers(LocalOutput(str(tmp_path / "none"))) == []


def test_wrong_tokens_are_slowed_down_and_the_right_one_is_not() -> None:
    now = [0.0]
    door = Doorkeeper({"Ann": "t" * 20}, lambda: now[0])
    waits = []
    for number in range(8):
        assert door.owner(f"{number}" * 20) is None
        door.note("1.2.3.4", f"{number}" * 20, False)
        waits.append(door.wait("1.2.3.4"))
    assert waits == sorted(waits)
    assert waits[0] < 1 < 30 < waits[-1]
    assert door.wait("5.6.7.8") == 0
    now[0] += 100
    assert door.wait("1.2.3.4") == 0
    assert door.owner("t" * 20) == "Ann"
    door.note("1.2.3.4", "t" * 20, True)
    assert door.wait("1.2.3.4") == 0
    # Behind a proxy everybody has one address: a page left open with an old token makes nobody else wait.
    for _ in range(8):
        door.note("1.2.3.4", "1" * 20, False)
        assert door.wait("1.2.3.4") == 0


def test_a_server_refuses_a_guessing_browser_for_a_while(tmp_path) -> None:
    folder = small(tmp_path)
    running = serve(folder)
    try:
        statuses = [running.ask("", f"guess{n}")[0] for n in range(6)]
        assert statuses[0] == 403
        assert 429 in statuses
    finally:
        running.end(signal.SIGTERM)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Ann,short\n", "tokens.txt:1: write NAME"),
        ("\n# people\nAnn\n", "tokens.txt:3: write NAME"),
        (f"Ann,{'t' * 20}\nBo\t{'t' * 20}\n", "tokens.txt:2: 'Bo' or its token"),
        ("", "no tokens in it"),
    ],
)
def test_a_bad_list_of_tokens_is_one_line(tmp_path, text: str, message: str) -> None:
    (tmp_path / "tokens.txt").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_tokens(str(tmp_path / "tokens.txt"))


def test_a_list_of_tokens(tmp_path) -> None:
    (tmp_path / "tokens.txt").write_text(f"# team\nAnn Lee, {'a' * 20}\n陳大文\t{'b' * 20}\n", encoding="utf-8")
    assert read_tokens(str(tmp_path / "tokens.txt")) == {"Ann Lee": "a" * 20, "陳大文": "b" * 20}
    path = str(tmp_path / "known" / "tokens.json")
    first = tokens_for(path, ["Ann", "Bo"])
    assert tokens_for(path, ["Bo"]) == {"Bo": first["Bo"]}
    assert tokens_for(path, ["Ann"]) == {"Ann": first["Ann"]}
