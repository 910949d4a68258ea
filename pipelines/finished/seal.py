"""Seal a finished run: one file with the digest of every other, signed with a key of the institution.

The seal is for people who will read the folder in ten years without mirrorfold: seal/check.py, which is written beside
it, needs Python and openssl or gpg alone.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import subprocess
import tempfile
import urllib.request
from importlib import metadata, resources
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mirrorfold.pipelines.finished import seal_check
from mirrorfold.pipelines.finished.seal_check import ARMOUR, KEY, SEAL, SIGNATURE, STAMP
from mirrorfold.pipelines.finished.verify import read_policy, refuse_broken
from mirrorfold.pipelines.record.lock import lock_output
from mirrorfold.transforms.retain.digests import plan_hash
from mirrorfold.transforms.retain.policy import policy_hash
from mirrorfold.transforms.stores.output import OutputStore, open_output

FOLDER = "seal/"
LEFT_OUT = (FOLDER, "_work/", "review/")
"""The seal itself, what a run works with, and pages that are drawn anew from the sealed tables."""
PASSPHRASE = "MIRRORFOLD_SEAL_PASSPHRASE"
STAMP_SECONDS = 60


class Sealed(NamedTuple):
    """A seal that was made: how many files, and the signature in a line."""

    files: int
    signed: str
    stamped: str


def seal(folder: str, key: str | None = None, gpg: str | None = None, tsa: str | None = None) -> Sealed:
    """Sign what lies in DIR.

    Args:
      key: a PEM file with an Ed25519 private key; its passphrase, if any, in MIRRORFOLD_SEAL_PASSPHRASE.
      gpg: or a key that `gpg` knows, by its id or address.
      tsa: URL of a time stamp authority (RFC 3161).

    Raises:
      ValueError: no finished run, no usable key, no time stamp; one line. Nothing was written then.
      BrokenPromiseError: the folder breaks a promise.
    """
    if (key is None) == (gpg is None):
        make = "`openssl genpkey -algorithm ed25519 -out FILE.pem` makes one"
        raise ValueError(f"name one key: --key FILE.pem ({make}) or --gpg ID")
    store = open_output(folder)
    if not store.exists("_SUCCESS"):
        raise ValueError(f"{store.url()}: the run is unfinished: there is nothing to seal yet")
    signer = None if key is None else _private_key(key)
    refuse_broken(folder, "sealed")
    with lock_output(store), tempfile.TemporaryDirectory(prefix="mirrorfold-seal-") as work:
        document = _document(store)
        files = {SEAL: json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"}
        if signer is not None:
            public = signer.public_key()
            pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            files |= {SIGNATURE: signer.sign(files[SEAL]), KEY: pem}
        _write(work, files)
        if gpg is not None:
            files[ARMOUR] = _signed_by_gpg(os.path.join(work, SEAL), gpg)
        if tsa is not None:
            files[STAMP] = _stamped(os.path.join(work, SEAL), tsa)
        _write(work, files)
        said = seal_check.check_signature(work), seal_check.check_stamp(work)
        _keep_earlier(store)
        files["check.py"] = resources.files("mirrorfold.pipelines.finished").joinpath("seal_check.py").read_bytes()
        for name, data in files.items():
            store.put(FOLDER + name, data)
    return Sealed(len(document["files"]), *said)


def check(folder: str, key: str | None = None, tsa_ca: str | None = None) -> tuple[list[str], list[str]]:
    """Hold DIR against its seal; give what is broken and what else there is to say, as lines.

    Raises:
      ValueError: DIR has no seal.
    """
    store = open_output(folder)
    if not store.exists(FOLDER + SEAL):
        raise ValueError(f"{store.url()} isn't sealed: seal it with `mirrorfold seal {folder} --key FILE.pem`")
    with tempfile.TemporaryDirectory(prefix="mirrorfold-seal-") as work:
        for name in (SEAL, SIGNATURE, ARMOUR, KEY, STAMP):
            if store.exists(FOLDER + name):
                _write(work, {name: store.get(FOLDER + name)})
        try:
            document = json.loads(store.get(FOLDER + SEAL))
            said = [seal_check.check_signature(work, key), seal_check.check_stamp(work, tsa_ca)]
        except ValueError as error:
            return [str(error)], []
    faults, notes = seal_check.compare(document["files"], _listed(store), store.open)
    return faults, [f"{len(document['files']):,} files, sealed {document['sealed_at']}", *filter(None, said), *notes]


def _listed(store: OutputStore) -> list[str]:
    return [path for path in store.list() if not path.startswith(LEFT_OUT)]


def _document(store: OutputStore) -> dict:
    digests = {}
    for path in sorted(_listed(store)):
        with store.open(path) as file:
            digests[path] = seal_check.digest(file)
    record = json.loads(store.get("run.json"))
    before = store.get(FOLDER + SEAL) if store.exists(FOLDER + SEAL) else None
    return {
        "seal": 1,
        "sealed_at": f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
        "sealed_with": f"mirrorfold {metadata.version('mirrorfold')}",
        "made_with": record.get("versions", {}),
        "plan": plan_hash(store),
        "policy": policy_hash(read_policy(store)),
        "earlier_seal": None if before is None else hashlib.sha256(before).hexdigest(),
        "files": digests,
    }


def _keep_earlier(store: OutputStore) -> None:
    """Put an earlier seal aside: the new one names its digest."""
    if not store.exists(FOLDER + SEAL):
        return
    when = json.loads(store.get(FOLDER + SEAL))["sealed_at"].replace(":", "")
    for name in (SEAL, SIGNATURE, ARMOUR, KEY, STAMP):
        if store.exists(FOLDER + name):
            store.put(f"{FOLDER}earlier/{when}/{name}", store.get(FOLDER + name))
            store.delete(FOLDER + name)


def _private_key(path: str) -> Ed25519PrivateKey:
    phrase = os.environ.get(PASSPHRASE)
    try:
        with open(path, "rb") as file:
            found = serialization.load_pem_private_key(file.read(), phrase.encode() if phrase else None)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        hint = f"; its passphrase goes into {PASSPHRASE}" if "assword" in str(error) else ""
        raise ValueError(f"{path} isn't a private key in PEM form that can be read{hint}") from error
    if not isinstance(found, Ed25519PrivateKey):
        raise ValueError(f"{path} isn't an Ed25519 key: `openssl genpkey -algorithm ed25519 -out FILE.pem` makes one")
    return found


def _signed_by_gpg(path: str, key: str) -> bytes:
    command = ["gpg", "--batch", "--yes", "--local-user", key, "--armor", "--output", "-", "--detach-sign", path]
    return _ran(command, f"gpg can't sign with {key}")


def _stamped(path: str, url: str) -> bytes:
    ask = ["openssl", "ts", "-query", "-data", path, "-sha256", "-cert"]
    query = _ran(ask, "openssl can't make a time stamp query")
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"{url} isn't the URL of a time stamp authority")
    request = urllib.request.Request(url, query, {"Content-Type": "application/timestamp-query"})
    try:
        with urllib.request.urlopen(request, timeout=STAMP_SECONDS) as answer:
            return answer.read(1 << 20)
    except OSError as error:
        raise ValueError(f"the time stamp authority {url} doesn't answer: {error}") from error


def _ran(command: list[str], failed: str) -> bytes:
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        raise ValueError(f"{failed}: {error.strerror}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise ValueError(f"{failed}: {said[-1] if said else 'it says nothing'}")
    return done.stdout


def _write(folder: str, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)
