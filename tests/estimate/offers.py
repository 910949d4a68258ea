"""A small AmazonS3 offer file, laid out as AWS documents it; the amounts are made up."""

import json

TRAPS = (
    # (usage type, volume type, storage class, operation, steps)
    ("Tables-TimedStorage-ByteHrs", "Tables", "General Purpose", "", [("0", "9.9")]),
    ("TimedStorage-ByteHrs", "IntelligentTieringObjectOverhead", "Intelligent-Tiering", "", [("0", "9.8")]),
    ("Requests-Tier3", "", "", "RestoreObject", [("0", "9.7")]),
    ("Requests-Tier1", "", "", "SomethingElse", [("0", "9.6")]),
)
REAL = (
    ("TimedStorage-ByteHrs", "Standard", "General Purpose", "",
     [("51200", "0.0240000000"), ("0", "0.0250000000"), ("512000", "0.0230000000")]),
    ("TimedStorage-SIA-ByteHrs", "Standard - Infrequent Access", "Infrequent Access", "", [("0", "0.0138000000")]),
    ("TimedStorage-INT-FA-ByteHrs", "Intelligent-Tiering Frequent Access", "Intelligent-Tiering", "",
     [("0", "0.0250000000"), ("51200", "0.024")]),
    ("TimedStorage-INT-IA-ByteHrs", "Intelligent-Tiering Infrequent Access", "Intelligent-Tiering", "",
     [("0", "0.0138")]),
    ("TimedStorage-INT-AIA-ByteHrs", "Intelligent-Tiering Archive Instant Access", "Intelligent-Tiering", "",
     [("0", "0.005")]),
    ("Requests-Tier1", "", "", "", [("0", "0.0000050000")]),
    ("Requests-Tier2", "", "", "", [("0", "0.0000004000")]),
    ("Retrieval-SIA", "", "", "", [("0", "0.0100000000")]),
)  # fmt: skip


def offer(prefix: str = "APE1-", region: str = "ap-east-1", **head) -> dict:
    """Make an offer file's document."""
    products, terms = {}, {}
    for number, (usage, volume, storage_class, operation, steps) in enumerate((*TRAPS, *REAL)):
        sku = f"SKU{number:013d}"
        products[sku] = {
            "sku": sku,
            **({"productFamily": "Storage"} if volume else {}),
            "attributes": {
                "servicecode": "AmazonS3",
                "location": "Asia Pacific (Hong Kong)",
                "locationType": "AWS Region",
                "usagetype": prefix + usage,
                "operation": operation,
                "regionCode": region,
                "servicename": "Amazon Simple Storage Service",
                **({"volumeType": volume, "storageClass": storage_class} if volume else {}),
            },
        }
        term = f"{sku}.JRTCKXETXF"
        terms[sku] = {
            term: {
                "offerTermCode": "JRTCKXETXF",
                "sku": sku,
                "effectiveDate": "2026-11-01T00:00:00Z",
                "priceDimensions": {
                    f"{term}.{step}": {
                        "rateCode": f"{term}.{step}",
                        "description": "made up for a test",
                        "beginRange": start,
                        "endRange": "Inf",
                        "unit": "GB-Mo",
                        "pricePerUnit": {"USD": amount},
                        "appliesTo": [],
                    }
                    for step, (start, amount) in enumerate(steps)
                },
                "termAttributes": {},
            }
        }
    return {
        "formatVersion": "v1.0",
        "disclaimer": "This pricing list is for informational purposes only.",
        "offerCode": "AmazonS3",
        "version": "20261103000000",
        "publicationDate": "2026-11-03T00:00:00Z",
        "products": products,
        "terms": {"OnDemand": terms},
        "attributesList": {},
        **head,
    }


def write(path, document: dict) -> str:
    path.write_text(json.dumps(document))
    return str(path)
