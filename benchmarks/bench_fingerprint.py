"""What a fingerprint costs, against the floor (obstore GET + libjpeg-turbo at 1/8 grey) and what everyone does."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import fingerprint_measures as measures
from benchmarks.jpegs import write_jpegs
from tests.servers import Server, versity_server

ROUNDS = 3


def main() -> None:
    """Print every ratio for 1,000 JPEGs (150 with --quick)."""
    if "--measure" in sys.argv:
        name, *arguments = sys.argv[sys.argv.index("--measure") + 1 :]
        print(json.dumps(getattr(measures, name)(*arguments)))
        return
    count = 150 if "--quick" in sys.argv else 1000
    with tempfile.TemporaryDirectory() as folder, versity_server() as server:
        photos = Path(folder, "photos")
        paths = write_jpegs(photos, count)
        size = sum(path.stat().st_size for path in paths) / count
        env = environment(server)
        measure("upload", str(photos), server.url, env=env)
        print(
            f"{count} JPEGs of {size / 1000:.0f} KB; CPU milliseconds per picture, children included; {ROUNDS} rounds"
        )
        costs(photos, server, env)
        progressive(photos)
        batched(photos)
        waiting()


def environment(server: Server) -> dict[str, str]:
    """Give children the server's credentials, and numpy one thread, as worker processes have."""
    return {
        **os.environ,
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": "us-east-1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def measure(name: str, *arguments: str, env: dict[str, str] | None = None):
    """Run one measurement in a process of its own and give what it found."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.bench_fingerprint", "--measure", name, *arguments]
    done = subprocess.run(command, env=env, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2000:].decode(errors='replace')}")
    return json.loads(done.stdout.splitlines()[-1])


def costs(photos: Path, server: Server, env: dict[str, str]) -> None:
    """Print each way's cost, and the ratios that the project promises."""
    rounds = [{name: measure(name, str(photos), server.url, env=env) for name in measures.COSTS} for _ in range(ROUNDS)]
    middle = {name: statistics.median(one[name] for one in rounds) for name in measures.COSTS}
    for name, what in measures.COSTS.items():
        print(f"  {middle[name]:7.2f}  {what}")
    for text, above, below in (
        ("fingerprint in Beam / floor (limit 1.5)", "beam", "floor"),
        ("fingerprint without Beam / floor", "shard", "floor"),
        ("boto3 + imagehash / fingerprint in Beam (at least 4)", "boto3_imagehash", "beam"),
        ("decode + signatures + provenance / djpeg", "decode", "djpeg"),
    ):
        ratios = [_value(one, above) / _value(one, below) for one in rounds]
        print(f"  {statistics.median(ratios):7.2f}x {text}; rounds {', '.join(f'{ratio:.2f}' for ratio in ratios)}")


def _value(one: dict[str, float], name: str) -> float:
    return one["get"] + one["djpeg"] if name == "floor" else one[name]


def progressive(photos: Path) -> None:
    """Print what first scans save, and how far the hashes drift."""
    for side in ("1200", "2400", "4000"):
        found = measure("progressive", str(photos), side)
        print(
            f"  {found['ratio']:7.2f}x progressive {side} px: decode / full draft decode (limit 0.3); bits of phash64 "
            f"from a full decode: p99 {found['p99']:.0f}; of phash256: p99 {found['p99_256']:.0f}"
        )
    found = measure("drift", str(photos))
    print(
        f"  baseline: bits of phash64 from a full decode: mean {found['mean']:.2f}, p99 {found['p99']:.0f} (limit 2); "
        f"of phash256: p99 {found['p99_256']:.0f}"
    )


def batched(photos: Path) -> None:
    """Print the cost of the signatures and of provenance per picture."""
    found = measure("signatures", str(photos))
    print(f"  {found['base']:7.1f} us base signatures (limit 40); {found['extra']:.1f} us crop windows and symmetries")
    print(f"  {found['look']:7.1f} us colour signature and flags; {found['provenance']:.0f} us provenance (limit 300)")


def waiting() -> None:
    """Print how threads hide 30 ms of latency per GET."""
    one, sixteen, many = (measure("latency", threads)["seconds"] for threads in ("1", "16", "32"))
    print(
        f"  {one / sixteen:7.1f}x wall time of 1 thread / 16 threads at 30 ms per GET; / 32 threads {one / many:.1f}x"
    )


if __name__ == "__main__":
    main()
