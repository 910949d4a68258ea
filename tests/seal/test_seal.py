"""A sealed run: what is in the folder was there when it was sealed, told by Python and openssl alone."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mirrorfold.pipelines.errors import BrokenPromiseError
from mirrorfold.pipelines.finished import seal_check
from mirrorfold.pipelines.finished.seal import check, seal
from tests.promises.test_signed import small_run
from tests.servers import serving


def needs(program: str) -> pytest.MarkDecorator:
    """Skip in sight where a program isn't installed; where CI promises it, the test runs and fails."""
    missing = shutil.which(program) is None and os.environ.get("CI") != "true"
    return pytest.mark.skipif(missing, reason=f"{program} isn't installed")


pytestmark = needs("openssl")


def openssl(*arguments: str, cwd: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def key(tmp_path: Path) -> str:
    openssl("genpkey", "-algorithm", "ed25519", "-out", "key.pem", cwd=tmp_path)
    return str(tmp_path / "key.pem")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    small_run(tmp_path / "run")
    return tmp_path / "run"


def stand_alone(run: Path, *arguments: str) -> tuple[int, str]:
    """Run the folder's own check.py, far from mirrorfold."""
    script = str(run / "seal" / "check.py")
    done = subprocess.run([sys.executable, "-I", script, *arguments], capture_output=True, text=True, cwd="/")
    assert not done.stderr
    return done.returncode, done.stdout


def test_a_sealed_run_holds_by_both_checks(run: Path, key: str):
    made = seal(str(run), key)
    code, said = stand_alone(run)
    assert (code, "as sealed" in said, made.signed in said) == (0, True, True)
    assert made.signed.endswith(seal_check.fingerprint(str(run / "seal" / "key.pem")))
    assert check(str(run))[0] == []
    document = json.loads((run / "seal" / "seal.json").read_text())
    assert {"run.json", "policy.yaml", "_SUCCESS"} <= document["files"].keys()
    assert any(path.startswith("decisions/") for path in document["files"])
    assert made.files == len(document["files"])


def rewrite(path: str):
    def tamper(run: Path) -> None:
        (target,) = sorted(run.glob(path))[:1]
        target.write_bytes(target.read_bytes()[:-1] + b"x")

    return tamper


def remove_policy(run: Path) -> None:
    (run / "policy.yaml").unlink()


def add_shard(run: Path) -> None:
    shard = sorted((run / "objects").glob("*.parquet"))[0]
    shutil.copy(shard, shard.with_name("part-99999-of-99999.parquet"))


def edit_seal(run: Path) -> None:
    place = run / "seal" / "seal.json"
    place.write_text(place.read_text().replace('"seal": 1', '"seal": 2'))


def sign_with_another_key(run: Path) -> None:
    openssl("genpkey", "-algorithm", "ed25519", "-out", "other.pem", cwd=run.parent)
    openssl("pkey", "-in", "other.pem", "-pubout", "-out", str(run / "seal" / "key.pem"), cwd=run.parent)


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (rewrite("objects/*"), "changed: objects/"),
        (rewrite("run.json"), "changed: run.json"),
        (remove_policy, "missing: policy.yaml"),
        (add_shard, "came in since: objects/"),
        (edit_seal, "signature doesn't hold"),
        (sign_with_another_key, "signature doesn't hold"),
    ],
    ids=["a table", "run.json", "a file is gone", "a shard more", "the seal itself", "another key"],
)
def test_what_was_touched_is_named(run: Path, key: str, tamper, said: str):
    seal(str(run), key)
    tamper(run)
    code, printed = stand_alone(run)
    assert (code, said in printed) == (1, True)
    assert any(said in fault for fault in check(str(run))[0])


def test_a_key_got_another_way_tells_a_seal_of_somebody_else(run: Path, key: str, tmp_path: Path):
    seal(str(run), key)
    openssl("pkey", "-in", key, "-pubout", "-out", "ours.pem", cwd=tmp_path)
    openssl("genpkey", "-algorithm", "ed25519", "-out", "other.pem", cwd=tmp_path)
    openssl("pkey", "-in", "other.pem", "-pubout", "-out", "theirs.pem", cwd=tmp_path)
    assert stand_alone(run, "--key", str(tmp_path / "ours.pem"))[0] == 0
    assert stand_alone(run, "--key", str(tmp_path / "theirs.pem"))[0] == 1


def test_what_comes_in_later_is_said_and_no_fault(run: Path, key: str):
    seal(str(run), key)
    (run / "reconciliation").mkdir()
    (run / "reconciliation" / "part-00000-of-00001.parquet").write_bytes(b"later")
    code, said = stand_alone(run)
    assert (code, "came in since: reconciliation/" in said) == (0, True)


def test_sealing_again_keeps_the_earlier_seal(run: Path, key: str):
    seal(str(run), key)
    first = (run / "seal" / "seal.json").read_bytes()
    (run / "notes.txt").write_text("moved to the vault")
    seal(str(run), key)
    document = json.loads((run / "seal" / "seal.json").read_text())
    assert document["earlier_seal"] == hashlib.sha256(first).hexdigest()
    assert [path.read_bytes() for path in run.glob("seal/earlier/*/seal.json")] == [first]
    assert stand_alone(run)[0] == 0


def test_a_folder_that_breaks_a_promise_is_not_sealed(run: Path, key: str):
    rewrite("decisions/*")(run)
    with pytest.raises(BrokenPromiseError, match="nothing was sealed"):
        seal(str(run), key)
    assert not (run / "seal").exists()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda at: openssl("genpkey", "-algorithm", "ed448", "-out", "bad.pem", cwd=at), "isn't an Ed25519 key"),
        (lambda folder: (folder / "bad.pem").write_text("no key"), "isn't a private key in PEM form"),
        (lambda folder: None, "No such file"),
        (
            lambda folder: openssl(
                *("genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:x", "-out", "bad.pem"), cwd=folder
            ),
            "MIRRORFOLD_SEAL_PASSPHRASE",
        ),
    ],
    ids=["another kind of key", "no key", "no file", "a passphrase that wasn't given"],
)
def test_a_key_that_cannot_be_used_is_one_line(run: Path, tmp_path: Path, make, said: str):
    make(tmp_path)
    with pytest.raises(ValueError, match=said) as caught:
        seal(str(run), str(tmp_path / "bad.pem"))
    assert "\n" not in str(caught.value)
    assert not (run / "seal").exists()


def authority(folder: Path):
    """Make a time stamp authority: a certificate, and a handler that answers as RFC 3161 says, by openssl."""
    (folder / "tsa.cnf").write_text(
        "[req]\ndistinguished_name=name\nx509_extensions=stamping\nprompt=no\n[name]\nCN=Test authority\n"
        "[stamping]\nextendedKeyUsage=critical,timeStamping\n[tsa]\ndefault_tsa=one\n[one]\nserial=serial\n"
        "signer_cert=tsa.pem\nsigner_key=tsa.key\nsigner_digest=sha256\ndefault_policy=1.2.3.4\ndigests=sha256\n"
    )
    (folder / "serial").write_text("01")
    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.pem", "-days", "2"),
        *("-config", "tsa.cnf"),
        cwd=folder,
    )

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (folder / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "reply", cwd=folder)
            data = (folder / "reply").read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments) -> None:
            """Stay silent."""

    return Handler


def test_a_time_stamp_is_kept_and_checked(run: Path, key: str, tmp_path: Path):
    with serving(authority(tmp_path)) as url:
        assert seal(str(run), key, tsa=url).stamped.startswith("stamped ")
    assert "not checked" in stand_alone(run)[1]
    code, said = stand_alone(run, "--tsa-ca", str(tmp_path / "tsa.pem"))
    assert (code, "stamped" in said, "not checked" in said) == (0, True, False)
    edit_seal(run)
    assert stand_alone(run, "--tsa-ca", str(tmp_path / "tsa.pem"))[0] == 1


def test_without_an_answer_nothing_is_sealed(run: Path, key: str):
    with pytest.raises(ValueError, match="doesn't answer"):
        seal(str(run), key, tsa="http://127.0.0.1:9/")
    assert not (run / "seal").exists()


@needs("gpg")
def test_gpg_signs_as_well(run: Path, tmp_path: Path, monkeypatch):
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    made = ["gpg", "--batch", "--passphrase", "", "--quick-gen-key", "archive@example.org", "ed25519", "sign", "never"]
    subprocess.run(made, check=True, capture_output=True)
    try:
        assert "GPG key" in seal(str(run), gpg="archive@example.org").signed
        assert stand_alone(run)[0] == 0
        edit_seal(run)
        assert stand_alone(run)[0] == 1
    finally:
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], check=False)


def test_the_check_fits_on_a_few_screens():
    assert len(Path(seal_check.__file__).read_text().splitlines()) <= 150
