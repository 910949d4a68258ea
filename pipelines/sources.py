"""SOURCE arguments -> source specs, and the checks that need no listing."""

from __future__ import annotations

import difflib
import logging
import os
import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from mirrorfold.configs.settings import Settings, SourceSettings
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.merging.same_bucket import check_access_points, check_doors
from mirrorfold.schemas.uri import escape_key, library_name, make_uri
from mirrorfold.transforms.listing.manifest import read_manifest
from mirrorfold.transforms.stores.api import SourceSpec, StoreError
from mirrorfold.transforms.stores.check import check_source, what_it_lacks
from mirrorfold.transforms.stores.guard import EndpointRefusedError, check_endpoint

_log = logging.getLogger("mirrorfold.sources")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_REPORTS = {"s3-inventory+": "s3-inventory", "gcs-inventory+": "gcs-inventory"} | {
    "azure-inventory+": "azure-inventory",
    "listing+": "listing",
}
_FIELDS = {"kind": "server"}
"""Settings of a source whose name means something else in a `SourceSpec`."""
_FORMS = (
    "use s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, a folder, or a report "
    "(s3-inventory+, gcs-inventory+, azure-inventory+, listing+)"
)


def parse_sources(args: Sequence[str], settings: Settings, output: str | None) -> tuple[SourceSpec, ...]:
    """Read SOURCE arguments in any order into specs in canonical order.

    Args:
      args: `[LIBRARY=]URI` each.
      output: DIR, which may lie in no source nor hold one.

    Raises:
      UsageError: one line, naming the argument and what to mend.
    """
    if not args:
        raise UsageError(f"name at least one source: {_FORMS}")
    specs = sorted((_parse(arg, settings) for arg in args), key=_canonical)
    for one, other in pairwise(specs):
        if _canonical(one) == _canonical(other):
            raise UsageError(f"{_name(one)} is named twice: name each source once")
    check_endpoints(specs)
    check_access_points(specs)
    check_doors(specs)
    if output is not None:
        for spec in specs:
            _check_apart(spec, output)
    return tuple(specs)


def check_sources(specs: Sequence[SourceSpec], previous: str | None = None) -> None:
    """Ask each store for one key, so that a wrong name or missing right is known before work starts.

    Raises:
      UsageError: one line, naming the source and what to mend.
    """
    for spec in specs:
        if spec.kind != "live":
            continue  # a report was opened when it was named
        try:
            found = check_source(spec)
            if lacks := what_it_lacks(spec):
                _log.warning("%s: %s", _name(spec), lacks)
        except StoreError as error:
            raise UsageError(error.message) from error
        if not found and previous is None:
            raise UsageError(f"{_name(spec)} holds no objects: check the name, the prefix and the permissions")


def check_names(specs: Sequence[SourceSpec], settings: Settings, config: str | None) -> None:
    """Refuse names under `sources:` and `prices.regions:` that fit no source, instead of ignoring them in silence.

    Raises:
      UsageError: one line, naming the unused name and the nearest one.
    """
    libraries = {spec.library for spec in specs}
    for name in settings.sources:
        fits = name in libraries or ("/" in name and any(_covers(name, spec) for spec in specs))
        if not fits:
            raise UsageError(_unused(config, f"sources: {name}", name, libraries | {_uri(spec) for spec in specs}))
    # What a list of URIs names isn't known before it is read.
    known = libraries | {spec.bucket for spec in specs if spec.store != "file"}
    for name in () if any(spec.kind == "listing" for spec in specs) else settings.prices.regions:
        if name not in known:
            raise UsageError(_unused(config, f"prices.regions: {name}", name, known))


def _unused(config: str | None, what: str, name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    mend = f"did you mean {near[0]}?" if near else f"this run has {', '.join(sorted(known))}"
    return f"{config or 'settings'}: {what}: no source has that name; {mend}"


def _uri(spec: SourceSpec) -> str:
    return spec.manifest or make_uri(spec.store, spec.bucket, spec.prefix)


def _covers(name: str, spec: SourceSpec) -> bool:
    return _uri(spec).startswith((name, f"file://{name}"))


def _canonical(spec: SourceSpec) -> tuple[str, ...]:
    return spec.library, spec.store, spec.bucket, spec.prefix, spec.kind, spec.manifest or ""


def _name(spec: SourceSpec) -> str:
    return f"{spec.library}={_uri(spec)}"


def _parse(arg: str, settings: Settings) -> SourceSpec:
    library, uri = _split_library(arg)
    for prefix, kind in _REPORTS.items():
        if uri.startswith(prefix):
            return _report(arg, library, kind, uri.removeprefix(prefix), settings)
    scheme = _SCHEME.fullmatch(uri)
    if scheme is None or scheme[1] == "file":
        spec = _folder(uri if scheme is None else scheme[2], library)
    elif scheme[1] in ("s3", "gs", "az"):
        spec = _bucket(arg, scheme[1], scheme[2], library)
    else:
        raise UsageError(f"{arg}: can't list {scheme[1]}:// sources: {_FORMS}")
    return _with_settings(spec, settings)


def names_library(arg: str) -> bool:
    """Tell whether an argument is read as LIBRARY=URI."""
    before, equals, _ = arg.partition("=")
    return bool(equals) and library_name(before) is not None


def _split_library(arg: str) -> tuple[str | None, str]:
    before, equals, after = arg.partition("=")
    name = library_name(before)
    if equals and name:
        return name, after
    if equals and not re.search(r"[/:]", before) and not os.path.isdir(arg):
        raise UsageError(
            f"{arg}: a library's name has only letters and digits of any script, '.', '_' and '-', not {before!r}"
        )
    return None, arg


def _folder(path: str, library: str | None) -> SourceSpec:
    if not path:
        raise UsageError(f"a source without a place: {_FORMS}")
    real = os.path.realpath(os.path.expanduser(path))
    if not os.path.exists(real):
        raise UsageError(f"there is no folder {path}: check the path, or write s3://... or gs://... for a bucket")
    if not os.path.isdir(real):
        raise UsageError(f"{path} is a file: name the folder it lies in, or listing+{path} if it lists URIs")
    bucket = escape_key(os.fsencode(real))
    return SourceSpec(library or os.path.basename(bucket) or "root", "live", "file", bucket)


def _bucket(arg: str, store: str, rest: str, library: str | None) -> SourceSpec:
    bucket, _, prefix = rest.partition("/")
    if bucket.startswith("arn:"):
        raise UsageError(f"{arg}: name an access point by its alias (it ends in -s3alias), not by its ARN")
    if not bucket or (not prefix.isprintable() and "\udc80" <= max(prefix) <= "\udcff"):
        raise UsageError(f"{arg}: write {store}://BUCKET/PREFIX, in UTF-8")
    return SourceSpec(library or bucket, "live", store, bucket, prefix)


def _report(arg: str, library: str | None, kind: str, place: str, settings: Settings) -> SourceSpec:
    place = _report_place(arg, place)
    if kind == "listing":
        name = posixpath.basename(place)
        return _with_settings(SourceSpec(library or name, kind, "", "", manifest=place), settings)
    store = {"s3-inventory": "s3", "gcs-inventory": "gs"}.get(kind, "az")
    spec = _with_settings(SourceSpec(library or "", kind, store, "", manifest=place), settings)
    try:
        bucket = read_manifest(spec).bucket
    except StoreError as error:
        raise UsageError(error.message) from error
    return _with_settings(replace(spec, bucket=bucket, library=library or bucket), settings)


def _report_place(arg: str, place: str) -> str:
    scheme = _SCHEME.fullmatch(place)
    if scheme and scheme[1] in ("s3", "gs", "az"):
        return place
    if scheme and scheme[1] != "file":
        raise UsageError(f"{arg}: can't read a report from {scheme[1]}://: use s3://, gs://, az:// or a path")
    path = os.path.realpath(os.path.expanduser(scheme[2] if scheme else place))
    if os.path.isdir(path):
        path = os.path.join(path, "manifest.json")
    if not os.path.isfile(path):
        raise UsageError(f"{arg}: there is no file {path}: name a report's manifest.json, or a list of URIs")
    return path


def said_again(spec: SourceSpec, settings: Settings) -> SourceSpec:
    """Lay over a spec what the settings say it shows: another source's very files, or bytes of its own."""
    given = _with_settings(spec, settings)
    return replace(spec, same_as=given.same_as, replica=given.replica)


def _with_settings(spec: SourceSpec, settings: Settings) -> SourceSpec:
    """Lay the config's settings over a spec: the library's, then those of ever longer URIs it starts with."""
    matching = [key for key in settings.sources if key == spec.library or ("/" in key and _covers(key, spec))]
    changes: dict = {}
    for key in sorted(matching, key=lambda key: (key != spec.library, len(key))):
        found: SourceSettings = settings.sources[key]
        changes |= {_FIELDS.get(name, name): getattr(found, name) for name in found.model_fields_set}
    return replace(spec, **changes)


def check_endpoints(specs: Sequence[SourceSpec]) -> None:
    """Refuse one bucket's name at two endpoints, and an endpoint that may not be talked to or written down.

    Raises:
      UsageError: which bucket, or which endpoint.
    """
    for spec in specs:
        try:
            check_endpoint(spec.endpoint)
        except EndpointRefusedError as error:
            raise UsageError(f"sources: {spec.library}: {error}") from error
    seen: dict[tuple[str, str], SourceSpec] = {}
    for spec in specs:
        first = seen.setdefault((spec.store, spec.bucket), spec)
        if (first.endpoint, first.account) != (spec.endpoint, spec.account):
            raise UsageError(f"bucket {spec.bucket!r} at two endpoints in one run: its objects' URIs would be the same")


def _check_apart(spec: SourceSpec, output: str) -> None:
    if spec.kind == "listing":
        return
    source = make_uri(spec.store, spec.bucket, spec.prefix)
    scheme = _SCHEME.fullmatch(output)
    if scheme is None or scheme[1] == "file":
        path = scheme[2] if scheme else output
        place = make_uri("file", escape_key(os.fsencode(os.path.realpath(os.path.expanduser(path)))), "")
    else:
        place = output.rstrip("/") + "/"
    if place.startswith(source):
        raise UsageError(f"the output folder {output} lies inside the source {source}: choose one outside every source")
    if source.startswith(place):
        raise UsageError(f"the source {source} lies inside the output folder {output}: choose another --output")
