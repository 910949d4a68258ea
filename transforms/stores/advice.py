"""What to mend where a store refused for a cause that isn't a missing right: a wrong key, a clock, a name, a region."""

from __future__ import annotations

import re

from mirrorfold.transforms.stores.api import StoreError

_ADVICE = {
    "SignatureDoesNotMatch": "the secret key doesn't fit the access key: check AWS_SECRET_ACCESS_KEY or the profile",
    "InvalidAccessKeyId": "the store doesn't know the access key: check AWS_ACCESS_KEY_ID, the profile, the endpoint",
    "ExpiredToken": "the session of these credentials has expired: log in again",
    "InvalidToken": "the session token of these credentials isn't valid: log in again",
    "RequestTimeTooSkewed": "this machine's clock is wrong: set it",
    "InvalidBucketName": "that isn't a bucket's name: write s3://BUCKET/PREFIX",
    "AuthorizationHeaderMalformed": "the bucket lies in another region: set AWS_REGION, or its `region` in the config",
}
_ALIASES = {
    "XAdminUserNotFound": "InvalidAccessKeyId",  # versitygw
    "ExpiredTokenException": "ExpiredToken",
    "PermanentRedirect": "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException": "AuthorizationHeaderMalformed",
}


def advice(error: StoreError) -> str | None:
    """Say what to mend where the store's own word for it tells; None where only the error's code does."""
    for word in re.findall(r"[A-Za-z]{5,}", error.message):
        if (found := _ADVICE.get(_ALIASES.get(word, word))) is not None:
            return f"{found} ({word})"
    return None


def unanswered(error: StoreError, right: str) -> str:
    """Say why a look-up has no answer, and what to mend: what the store's word tells, or else the missing right."""
    mend = advice(error) or (f"grant {right}" if error.code == "denied" else None)
    return f"couldn't ask: {error.message}" + (f": {mend}" if mend else "")
