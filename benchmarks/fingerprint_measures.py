"""The measurements of bench_fingerprint, each to be run in a process of its own; CPU milliseconds per picture."""

from __future__ import annotations

import io
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

BUCKET = "photos"
COSTS = {
    "djpeg": "djpeg -scale 1/8 -grayscale, its process's start taken off",
    "get": "obstore GET, 16 threads",
    "decode": "decode + signatures + provenance + digests, from memory",
    "shard": "the same with the GETs, as a shard, 16 threads",
    "beam": "the same in Beam: objects in, contents, failures and objects out",
    "imagehash": "imagehash.phash(Image.open(f)) from memory",
    "boto3_imagehash": "boto3 GET + imagehash.phash",
}


def cpu() -> float:
    """Give CPU seconds of this process and its ended children."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def per_picture(count: int, work: Callable[[], object]) -> float:
    """Do the work and give CPU milliseconds per picture."""
    before = cpu()
    work()
    return (cpu() - before) / count * 1000


def _files(folder: str) -> list[Path]:
    return sorted(Path(folder).iterdir())


def _spec(url: str):
    from mirrorfold.transforms.stores.api import SourceSpec

    return SourceSpec(BUCKET, "live", "s3", BUCKET, endpoint=url, region="us-east-1")


def upload(folder: str, url: str) -> int:
    """Put the files into the server's bucket."""
    import boto3

    client = boto3.client("s3", endpoint_url=url)
    client.create_bucket(Bucket=BUCKET)
    for path in _files(folder):
        client.put_object(Bucket=BUCKET, Key=path.name, Body=path.read_bytes())
    return len(_files(folder))


def djpeg(folder: str, url: str) -> float:
    """Decode with libjpeg-turbo's own program; what it costs on a picture of 8x8 pixels is its process's start."""
    files = _files(folder)
    with tempfile.NamedTemporaryFile(suffix=".jpg") as tiny:
        Image.new("L", (8, 8)).save(tiny.name)
        command = ["djpeg", "-scale", "1/8", "-grayscale", "-outfile", "/dev/null"]
        start = per_picture(len(files), lambda: [subprocess.run([*command, tiny.name], check=True) for _ in files])
        return per_picture(len(files), lambda: [subprocess.run([*command, path], check=True) for path in files]) - start


def get(folder: str, url: str) -> float:
    """Fetch with obstore alone."""
    from obstore.store import S3Store

    store = S3Store(BUCKET, endpoint=url, region="us-east-1", client_options={"allow_http": True})
    files = _files(folder)
    bytes(store.get(files[0].name).bytes())
    with ThreadPoolExecutor(16) as pool:
        return per_picture(len(files), lambda: list(pool.map(lambda p: len(store.get(p.name).bytes()), files)))


def decode(folder: str, url: str) -> float:
    """Decode and sign from memory, in one thread."""
    from mirrorfold.transforms.fingerprint.rows import Content, content_rows

    data = [path.read_bytes() for path in _files(folder)]
    decoder = _decoder()
    content_rows({"": Content(1, decoder(data[0]))})

    def work() -> None:
        content_rows({f"{number:064d}": Content(len(one), decoder(one)) for number, one in enumerate(data)})

    return per_picture(len(data), work)


def _decoder():
    """Decode as a worker does in a run that is worth the compiled loops; nothing here may need the sandbox."""
    from mirrorfold.transforms.fingerprint.decode import decode as decode_bytes

    return partial(decode_bytes, options=_options(), sandbox=None)


def _options():
    from mirrorfold.transforms.fingerprint.options import FingerprintOptions

    return FingerprintOptions(compiled=True)


def _objects(url: str):
    import boto3
    import pyarrow as pa

    from mirrorfold.schemas.objects import OBJECTS

    listed = boto3.client("s3", endpoint_url=url).get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    entries = [entry for page in listed for entry in page["Contents"]]
    rows = [
        {
            **dict.fromkeys(OBJECTS.schema.names),
            "uri": f"s3://{BUCKET}/{e['Key']}",
            "library": BUCKET,
            "store": "s3",
            "bucket": BUCKET,
            "key": e["Key"],
            "version": "",
            "size": e["Size"],
            "etag": e["ETag"].strip('"'),
            "storage_class": "STANDARD",
            "hold": "no",
            "is_latest": True,
            "is_delete_marker": False,
            "archived": False,
        }
        for e in entries
    ]
    return pa.Table.from_pylist(rows, schema=OBJECTS.schema)


def shard(folder: str, url: str) -> float:
    """Fetch, decode and sign as one shard, without Beam."""
    from mirrorfold.transforms.fingerprint import plan
    from mirrorfold.transforms.fingerprint.shard import fingerprint_shard
    from mirrorfold.transforms.stores.sources import open_stores

    options, objects, decoder = _options(), _objects(url), _decoder()
    stores = open_stores((_spec(url),))
    shards = list(plan.cut_shards(plan.readable(objects, options), options, 2000))
    fingerprint_shard(shards[0].slice(0, 1), stores, decoder, options)
    return per_picture(objects.num_rows, lambda: [fingerprint_shard(one, stores, decoder, options) for one in shards])


def beam(folder: str, url: str) -> float:
    """Run the step as the command line does, in this process.

    A run over one object before, and one decode by the compiled loops, take start-up off.
    """
    from mirrorfold.configs.settings import Settings
    from mirrorfold.pipelines import fingerprint
    from mirrorfold.pipelines.context import RunContext
    from mirrorfold.pipelines.engine import engine
    from mirrorfold.schemas.objects import OBJECTS
    from mirrorfold.transforms.blocks import parquet
    from mirrorfold.transforms.stores.output import open_output

    objects = _objects(url)

    def run(rows) -> None:
        with tempfile.TemporaryDirectory() as output:
            parquet.write_shard(open_output(output), OBJECTS, rows, 0, 1)
            context = RunContext(output, Settings(), None, (_spec(url),), {"objects": rows.num_rows})
            options = engine.pipeline_options((), work=engine.WorkEstimate(0))
            engine.run_pipeline(lambda root: fingerprint.build(root, context), options)

    run(objects.slice(0, 1))
    _decoder()(_files(folder)[0].read_bytes())
    return per_picture(objects.num_rows, lambda: run(objects))


def imagehash(folder: str, url: str) -> float:
    """Hash as everyone does, from memory."""
    import imagehash as naive

    data = [path.read_bytes() for path in _files(folder)]
    naive.phash(Image.open(io.BytesIO(data[0])))
    return per_picture(len(data), lambda: [naive.phash(Image.open(io.BytesIO(one))) for one in data])


def boto3_imagehash(folder: str, url: str) -> float:
    """Fetch with one boto3 client and hash as everyone does."""
    import boto3
    import imagehash as naive

    client, files = boto3.client("s3", endpoint_url=url), _files(folder)

    def one(path: Path) -> None:
        naive.phash(Image.open(io.BytesIO(client.get_object(Bucket=BUCKET, Key=path.name)["Body"].read())))

    one(files[0])
    return per_picture(len(files), lambda: [one(path) for path in files])


def progressive(folder: str, side: str) -> dict[str, float]:
    """Compare our decode of progressive files with a draft decode of all their scans."""
    data = []
    for path in _files(folder)[:40]:
        image = Image.open(path)
        image = image.resize((int(side), image.height * int(side) // image.width), Image.Resampling.LANCZOS)
        sink = io.BytesIO()
        image.save(sink, "JPEG", quality=85, progressive=True)
        data.append(sink.getvalue())
    decoder = _decoder()
    decoder(data[0])
    ours = per_picture(len(data), lambda: [decoder(one) for one in data])
    full = per_picture(len(data), lambda: [_draft(one) for one in data])
    return {"ratio": ours / full, **_drift(data, decoder)}


def _draft(data: bytes) -> None:
    image = Image.open(io.BytesIO(data))
    image.draft("L", (128, 128))
    image.load()


def drift(folder: str) -> dict[str, float]:
    """Count the bits by which our scaled decode differs from a full one."""
    return _drift([path.read_bytes() for path in _files(folder)[:500]], _decoder())


def _drift(data: list[bytes], decoder) -> dict[str, float]:
    from mirrorfold.transforms.fingerprint.canonical import canonical_grey
    from mirrorfold.transforms.fingerprint.signatures import sign

    scaled = sign(_stack([decoder(one).luma for one in data]))
    full = sign(_stack([canonical_grey(Image.open(io.BytesIO(one)).convert("RGB")) for one in data]))
    bits = np.bitwise_count(scaled.phash64 ^ full.phash64)
    wide = np.bitwise_count(scaled.phash256 ^ full.phash256).sum(axis=1)
    return {
        "mean": float(bits.mean()),
        "p99": float(np.percentile(bits, 99)),
        "p99_256": float(np.percentile(wide, 99)),
    }


def _stack(lumas: list[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(lumas), np.uint8).reshape(-1, 64, 64)


def signatures(folder: str) -> dict[str, float]:
    """Time the batched core and provenance, in CPU microseconds per picture, best of fifty."""
    from mirrorfold.transforms.fingerprint import jpeg
    from mirrorfold.transforms.fingerprint.colour import look
    from mirrorfold.transforms.fingerprint.provenance import read_provenance
    from mirrorfold.transforms.fingerprint.rows import BATCH
    from mirrorfold.transforms.fingerprint.signatures import sign, sign_base

    decoder = _decoder()
    pictures = [decoder(path.read_bytes()) for path in _files(folder)[: 4 * BATCH]]
    luma = _stack([picture.luma for picture in pictures])
    cells = np.frombuffer(b"".join(picture.cells for picture in pictures), np.uint8).reshape(-1, 16, 16, 3)
    base = _best(len(luma), lambda: [sign_base(luma[at : at + BATCH]) for at in range(0, len(luma), BATCH)])
    whole = _best(len(luma), lambda: [sign(luma[at : at + BATCH]) for at in range(0, len(luma), BATCH)])
    coloured = np.ones(BATCH, bool)
    looks = _best(
        len(luma),
        lambda: [look(luma[a : a + BATCH], cells[a : a + BATCH], coloured) for a in range(0, len(luma), BATCH)],
    )
    exif, xmp = _metadata()
    origin = _best(100, lambda: [read_provenance(exif, xmp, None) for _ in range(100)])
    jpeg.read_header(_files(folder)[0].read_bytes())
    return {"base": base, "extra": whole - base, "look": looks, "provenance": origin}


def _best(count: int, work: Callable[[], object]) -> float:
    return min(per_picture(count, work) for _ in range(50)) * 1000


def _metadata() -> tuple[bytes, bytes]:
    exif = Image.Exif()
    exif.update({271: "Maker", 272: "Model", 305: "Software", 315: "Artist", 33432: "Copyright"})
    exif.get_ifd(0x8769).update({36867: "2020:01:02 03:04:05", 37521: "123", 36881: "+08:00", 42033: "SN1"})
    names = "".join(f"<xmp:P{number}>value {number}</xmp:P{number}>" for number in range(40))
    xmp = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"
    xmlns:dc="http://purl.org/dc/elements/1.1/" xmpMM:DocumentID="d" xmpMM:OriginalDocumentID="o">{names}
    <dc:creator><rdf:Seq><rdf:li>Somebody</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF></x:xmpmeta>"""
    return exif.tobytes(), xmp.encode()


class SlowStores:
    """Stores that answer after 30 ms, as a distant bucket does."""

    def __init__(self, data: list[bytes]):
        self.data = data

    def read(self, ref, start: int = 0, stop: int | None = None) -> bytes:
        """Wait, then give the bytes."""
        time.sleep(0.03)
        return self.data[int(ref.key)]


def latency(threads: str) -> dict[str, float]:
    """Time a shard of 200 small pictures, wall seconds."""
    import pyarrow as pa

    from mirrorfold.transforms.fingerprint.options import FingerprintOptions
    from mirrorfold.transforms.fingerprint.plan import PLAN
    from mirrorfold.transforms.fingerprint.shard import fingerprint_shard

    rng, data = np.random.default_rng(1), []
    for _ in range(200):
        sink = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (300, 400), np.uint8)).resize((600, 400)).save(sink, "JPEG")
        data.append(sink.getvalue())
    rows = [
        {
            "uri": f"s3://b/{i}",
            "library": "b",
            "store": "s3",
            "bucket": "b",
            "key": str(i),
            "version": "",
            "etag": "",
            "size": len(one),
            "look_up": False,
            "sniff": False,
        }
        for i, one in enumerate(data)
    ]
    plan = pa.Table.from_pylist(rows, schema=PLAN)
    started = time.monotonic()
    fingerprint_shard(plan, SlowStores(data), _decoder(), FingerprintOptions(threads=int(threads)))
    return {"seconds": time.monotonic() - started}
