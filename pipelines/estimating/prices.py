"""`mirrorfold prices import`: a dated price book out of the official AWS offer file."""

from __future__ import annotations

from pathlib import Path

import yaml

from mirrorfold.configs.prices import load_prices
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.transforms.estimate.aws_offer import Offer, OfferFileError, read_offer

CLASSES = "AWS user guide, doc_source/storage-class-intro.md in awsdocs/amazon-s3-userguide (archived in June 2023)"

HEADER = """\
# Made by `mirrorfold prices import` from the official offer file; each row names its SKU.
# AWS bills by the binary gigabyte and calls it GB. Egress isn't in this file (it is AWSDataTransfer's).
# Use it with `prices: {{book: {name}}}` in the config, and say where each bucket lies with `prices.regions`.
"""


def import_prices(path: str, output: str | None = None) -> tuple[str, Offer]:
    """Import an offer file as a price book, and give the book's path and what was read.

    Args:
      path: AmazonS3/current/REGION/index.json, as downloaded.
      output: the book to write; by default prices-REGION-DATE.yaml in the working folder.

    Raises:
      UsageError: the file can't be read or isn't an AmazonS3 offer file, or the book exists already.
    """
    try:
        with open(path, "rb") as file:
            offer = read_offer(file)
    except OSError as error:
        raise UsageError(f"can't read {path}: {error.strerror}") from error
    except OfferFileError as error:
        raise UsageError(f"{path}: {error}") from error
    where = offer.regions[0] if len(offer.regions) == 1 else "all"
    book = output or f"prices-{where}-{offer.date}.yaml"
    try:
        with open(book, "x", encoding="utf-8") as file:
            file.write(book_text(offer, book))
    except FileExistsError:
        raise UsageError(f"{book} exists already: move it away, or name another file with --output") from None
    except OSError as error:
        raise UsageError(f"can't write {book}: {error.strerror}; name a file with --output") from error
    load_prices(book)
    return book, offer


def book_text(offer: Offer, name: str) -> str:
    """Write an offer as a price book; it includes the default book, over whose rows its own win."""
    document = {
        "name": Path(name).name.removesuffix(".yaml"),
        "include": ["default"],
        "currency": "USD",
        "sources": {
            "offer": {
                "source": f"AWS Price List Bulk API, AmazonS3 offer file, version {offer.version}",
                "date": offer.date,
            },
            "classes": {"source": CLASSES, "date": "2023-06-01"},
        },
    }
    rows = [_line({**row, "source": "offer"}) for row in offer.rows]
    for region in offer.regions:
        for storage_class in ("STANDARD", "INTELLIGENT_TIERING"):
            free = {"store": "s3", "region": region, "storage_class": storage_class, "item": "retrieval"}
            rows.append(_line({**free, "amount": "0", "per": "GiB", "source": "classes"}))
    return HEADER.format(name=name) + yaml.safe_dump(document, sort_keys=False, width=120) + "prices:\n" + "".join(rows)


def _line(row: dict) -> str:
    return "- " + yaml.safe_dump(row, default_flow_style=True, sort_keys=False, width=10_000)
