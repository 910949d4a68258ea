#!/usr/bin/env python3
"""Check a sealed folder: python3 seal/check.py [--key PUBLIC.pem] [--tsa-ca CA.pem] [FOLDER]

Needs Python and `openssl` (3.0 or newer), or `gpg` where it signed; nothing of mirrorfold. seal/seal.json holds a
SHA-256 for each file, signed as a whole. A signature says who sealed it only to those who know the key: compare its
fingerprint with one that you got another way, or give the key itself with --key.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys

SEAL, SIGNATURE, ARMOUR, KEY, STAMP = "seal.json", "seal.sig", "seal.asc", "key.pem", "seal.tsr"


def digest(file):
    """Give the SHA-256 of an open file, in hex."""
    found = hashlib.sha256()
    for piece in iter(lambda: file.read(1 << 20), b""):
        found.update(piece)
    return found.hexdigest()


def compare(files, listed, open_file):
    """Say what isn't as sealed.

    Args:
      files: path to SHA-256, as sealed.
      listed: the paths that are there now.
      open_file: opens one of them for reading.

    Returns:
      (faults, notes): lines. A file that came in beside sealed ones of its folder is a fault, elsewhere a note.
    """
    faults: list = []
    notes: list = []
    for path in sorted(files):
        if path not in listed:
            faults.append(f"missing: {path}")
            continue
        with open_file(path) as file:
            if digest(file) != files[path]:
                faults.append(f"changed: {path}")
    folders = {path.rpartition("/")[0] for path in files} - {""}
    for path in sorted(set(listed) - set(files)):
        (faults if path.rpartition("/")[0] in folders else notes).append(f"came in since: {path}")
    return faults, notes


def fingerprint(key):
    """Give the SHA-256 of a public key's DER form, in hex, as `openssl pkey -pubin -outform DER | sha256sum` does."""
    der = _run(["openssl", "pkey", "-pubin", "-in", key, "-outform", "DER"])
    return hashlib.sha256(der).hexdigest()


def check_signature(folder, key=None):
    """Check the signature on seal.json; give a line that says whose it is.

    Raises:
      ValueError: it doesn't hold.
    """
    seal, armour = os.path.join(folder, SEAL), os.path.join(folder, ARMOUR)
    if os.path.exists(armour):
        try:
            said = _run(["gpg", "--status-fd", "1", "--verify", armour, seal]).decode(errors="replace")
        except ValueError as error:
            raise ValueError(f"the signature doesn't hold, or gpg doesn't know the key: {error}") from None
        good = [line.split()[2] for line in said.splitlines() if line.startswith("[GNUPG:] VALIDSIG")]
        if not good:
            raise ValueError("the signature doesn't hold")
        return f"signed by the GPG key {good[0]}"
    key = key or os.path.join(folder, KEY)
    verify = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", key, "-in", seal]
    try:
        _run([*verify, "-sigfile", os.path.join(folder, SIGNATURE)])
    except ValueError as error:
        raise ValueError(f"the signature doesn't hold: {error}") from None
    return f"signed by the key {fingerprint(key)}"


def check_stamp(folder, authority=None):
    """Say what a time stamp says; '' where there is none.

    Raises:
      ValueError: it isn't one of this seal, or not by `authority`.
    """
    stamp, seal = os.path.join(folder, STAMP), os.path.join(folder, SEAL)
    if not os.path.exists(stamp):
        return ""
    if authority:
        _run(["openssl", "ts", "-verify", "-data", seal, "-in", stamp, "-CAfile", authority])
    text = _run(["openssl", "ts", "-reply", "-in", stamp, "-text"]).decode(errors="replace")
    when = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("Time stamp:")]
    if not when:
        raise ValueError("the time stamp has no time")
    unchecked = "" if authority else " (not checked: give --tsa-ca, the authority's certificate)"
    return f"stamped {when[0]}{unchecked}"


def _run(command):
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        raise ValueError(f"{command[0]} can't be run: {error.strerror}") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        raise ValueError(lines[-1] if lines else f"{command[0]} says no")
    return done.stdout


def files_below(folder):
    """List the files of a folder by relative path, without the seal itself and what mirrorfold works with."""
    found = []
    for place, folders, names in os.walk(folder):
        if place == folder:
            folders[:] = [name for name in folders if name not in ("seal", "_work", "review")]
        found += [os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/") for name in names]
    return found


def main():
    """Check, print what was found, and end with 0 where all holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("folder", nargs="?", default=here)
    parser.add_argument("--key", help="the institution's public key, got another way")
    parser.add_argument("--tsa-ca", help="the time stamp authority's certificate")
    given = parser.parse_args()
    seal = os.path.join(given.folder, "seal")
    try:
        with open(os.path.join(seal, SEAL), "rb") as file:
            said = json.loads(file.read())
        lines = [check_signature(seal, given.key), check_stamp(seal, given.tsa_ca)]
        files = said["files"]
    except (OSError, ValueError, KeyError) as error:
        print(f"BROKEN: {error}")
        return 1
    below = files_below(given.folder)
    faults, notes = compare(files, below, lambda path: open(os.path.join(given.folder, path), "rb"))  # noqa: SIM115
    for line in [*filter(None, lines), *notes[:20], *(f"BROKEN: {fault}" for fault in faults)]:
        print(line)
    print(f"{len(files)} files, sealed {said['sealed_at']}: " + ("NOT as sealed" if faults else "as sealed"))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
