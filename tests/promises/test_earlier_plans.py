"""No plan keeps what an earlier plan names and what isn't gone yet, until that plan is taken back."""

from __future__ import annotations

import pytest

from mirrorfold.pipelines.finished.export import export
from tests.retain.tables import obj

from .kit import broken, copies, finish, send_away, tamper

OLDEST, NEWEST = "keep_order: [oldest, uri]", "keep_order: [newest, uri]"
A = obj("s3://hk/a.jpg", "a", last_modified=0)
Z = obj("s3://hk/z.jpg", "a", last_modified=10**15)


def test_another_keep_order_doesnt_keep_what_the_first_plan_sends_away(tmp_path):
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    assert finish(one, copies(A, Z), OLDEST) == {
        A["uri"]: ("keep", "keep-order"),
        Z["uri"]: ("quarantine", "identical"),
    }
    assert finish(two, copies(A, Z), NEWEST, one)[A["uri"]] == ("keep", "keep-order")
    assert broken(two) == ""
    assert finish(three, copies(A, Z), NEWEST, two)[A["uri"]] == ("keep", "keep-order"), "remembered over two audits"
    assert broken(three) == ""


def test_verify_sees_it_with_the_run_before_and_without(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    finish(one, copies(A, Z), OLDEST)
    finish(two, copies(A, Z), NEWEST, one)
    send_away(two, A["uri"], kept=Z["uri"])
    tamper(two, "decisions", Z["uri"], action="keep", kept_uri=None, bytes_freed=0, earlier=None)
    found = broken(two)
    assert "itself named to go by an earlier plan" in found
    assert "what the run before said of an object isn't remembered" in found
    tamper(two, "decisions", Z["uri"], earlier="planned")
    for path in sorted(one.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert "itself named to go by an earlier plan" in broken(two)


def test_where_every_copy_is_named_the_plan_says_how_to_take_it_back(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    finish(one, copies(A, Z), OLDEST)
    # Somebody removed the copy that was kept.
    assert finish(two, copies(Z) | {"clusters": copies()["clusters"]}, OLDEST, one) == {
        Z["uri"]: ("keep", "planned-before")
    }
    assert broken(two) == ""


@pytest.mark.parametrize("again", [False, True], ids=["restored", "handed out again"])
def test_a_restored_plan_names_nothing(tmp_path, again):
    one, two = tmp_path / "one", tmp_path / "two"
    finish(one, copies(A, Z), OLDEST)
    export(str(one), "restore", "csv")
    if again:
        export(str(one), "quarantine", "csv", recheck=False)
    from mirrorfold.pipelines.finished.export import open_output
    from mirrorfold.transforms.publish.manifests.withdrawn import is_withdrawn

    assert is_withdrawn(open_output(str(one))) is not again
    rules = finish(two, copies(A, Z), NEWEST, one, withdrawn=not again)
    assert rules[Z["uri"]][0] == ("quarantine" if again else "keep")
    assert broken(two) == ""


def test_other_bytes_under_the_name_are_not_what_was_named(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    finish(one, copies(A, Z), OLDEST)
    later = copies(obj("s3://hk/z.jpg", "b", etag="new", last_modified=10**15), obj("s3://hk/b.jpg", "b"), name="b")
    assert finish(two, later, OLDEST, one)["s3://hk/z.jpg"] == ("keep", "keep-order")
