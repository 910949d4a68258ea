"""Retention policies: read from YAML, validated with messages that name the line, resolved to a plain mapping."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from importlib.resources import files
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from mirrorfold.configs import mistakes
from mirrorfold.schemas.formats import WORDS

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def parse_bytes(value: Any) -> Any:
    """Read a size such as 30MB (decimal) or 30MiB (binary) as a number of bytes."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", value) if isinstance(value, str) else None
    if found is None:
        return value
    if found[2].upper() not in UNITS:
        raise ValueError(f"unknown unit {found[2]!r}: use one of B, KB, MB, GB, TB, KiB, MiB, GiB, TiB")
    return int(float(found[1]) * UNITS[found[2].upper()])


def parse_share(value: Any) -> Any:
    """Read a share such as 0.01% as a number from 0 to 1."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", value) if isinstance(value, str) else None
    return value if found is None else float(found[1]) / 100


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Strings = Annotated[list[str], BeforeValidator(_as_list)]
Bytes = Annotated[int, BeforeValidator(parse_bytes), Field(ge=0)]
Share = Annotated[float, BeforeValidator(parse_share), Field(ge=0, le=1, allow_inf_nan=False)]
Action = Literal["keep", "review", "quarantine"]
Conflict = Literal[
    "licence", "creator", "catalogue_no", "capture_time", "provenance", "rights", "usage_terms", "rights_uri",
    "data_mining", "caption", "instructions", "credit", "gps", "digital_source_type", "c2pa",
]  # fmt: skip
Criterion = Literal[
    "protected", "sound", "held", "role", "scope", "library", "parts", "detail", "history", "pixel_class", "pixels",
    "rights", "bit_depth", "lossless", "colour", "quality", "format",
    "metadata_richness", "storage_class", "lasting", "largest", "smallest", "oldest", "newest", "uri",
]  # fmt: skip
LISTED = ("scope", "library", "format", "storage_class", "role")


class Part(BaseModel):
    """A part of a policy: a misspelt name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Holds(Part):
    """Objects under hold are always kept; the file may add a list of its own."""

    on_hold: Literal["keep"] = Field("keep", description="objects under hold are kept; there is no other choice")
    unknown: Literal["keep"] = Field("keep", description="a hold that can't be looked up counts as a hold")
    hold_list: str | None = Field(None, description="CSV with a column uri: objects under hold; beside this file")
    hold_list_sha256: str | None = Field(None, description="filled in when the policy is resolved")


class Scope(Part):
    """A part of the archive, where it lies and how many copies must stay there."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
    match: Strings = Field(default_factory=list, description="patterns over URIs; none means by library alone")
    libraries: Strings = Field(default_factory=list, description="libraries; none means by pattern alone")
    jurisdiction: str | None = Field(None, description="scopes of one jurisdiction share their copies")
    min_copies: Annotated[int, Field(ge=0, le=100)] = Field(0, description="copies of each content that stay there")

    @model_validator(mode="after")
    def _says_which(self) -> Scope:
        if not self.match and not self.libraries:
            raise ValueError(f"scope {self.name!r} needs match or libraries")
        return self


def _known_formats(words: list[str]) -> list[str]:
    """Refuse a word that no file's format can have: a rule that never matches protects nothing."""
    for word in words:
        if word not in WORDS:
            near = difflib.get_close_matches(word.lower(), WORDS, 1)
            hint = f", did you mean {near[0]}?" if near else f": use one of {', '.join(sorted(WORDS))}"
            raise ValueError(f"no file has the format {word!r}{hint}")
    return words


class Condition(Part):
    """All the fields given must hold."""

    format: Strings = Field(default_factory=list, description="tiff, jp2, dng, jpeg ... as decoded")
    path: Strings = Field(default_factory=list, description="patterns over URIs")
    library: Strings = Field(default_factory=list)
    catalogue: Strings = Field(default_factory=list, description="values of the sidecar's column role")
    xmp_derived_from: Annotated[list[Literal["in_cluster", "present"]], BeforeValidator(_as_list)] = Field(
        default_factory=list, description="the file names what it derives from: at all, or something in its family"
    )

    @field_validator("format")
    @classmethod
    def _are_formats(cls, words: list[str]) -> list[str]:
        return _known_formats(words)

    @model_validator(mode="after")
    def _says_something(self) -> Condition:
        if not any(self.model_dump().values()):
            raise ValueError("an empty condition would match every object")
        return self


class Role(Part):
    """An object has the role when any of the conditions holds."""

    any: list[Condition] = Field(default_factory=list)


class Roles(Part):
    """Masters and derivatives; what is neither, in a cluster, is a variant."""

    master: Role = Role()
    derivative: Role = Role()


class Verification(Part):
    """What a pair must show before its tier is quarantined unasked. Distances of hashes alone never do."""

    min_correlation: Annotated[float, Field(ge=0.9, le=1)] | None = Field(None, description="of the aligned lumas")
    min_highpass: Annotated[float, Field(ge=0, le=1)] | None = Field(None, description="of the high-passed lumas")
    max_residual: Annotated[float, Field(ge=0, le=0.5)] | None = Field(
        None, description="of the worst cell, in units of contrast"
    )
    max_aspect: Annotated[float, Field(ge=0, le=1)] | None = Field(None, description="difference of aspect ratios")
    min_crop_area: Annotated[float, Field(ge=0, le=1)] | None = Field(None, description="share of the picture shown")
    max_d_phash256: Annotated[int, Field(ge=0, le=256)] | None = None
    max_d_dhash256: Annotated[int, Field(ge=0, le=256)] | None = None
    rules: Strings = Field(default_factory=list, description="verification rules that are enough, by name")


class Tier(Part):
    """What happens to objects of one tier."""

    action: Action = "review"
    kinds: Strings = Field(default_factory=list, description="kinds of variant the quarantine is for; the rest: review")
    verification: Verification = Verification()
    when: Literal["accepted"] | None = Field(
        None, description="accepted: quarantine only what a sample was accepted for, see `mirrorfold review plan`"
    )


class Tiers(Part):
    """The tiers, surest first."""

    identical: Tier = Tier(action="quarantine")
    same_picture: Tier = Field(Tier(), alias="same-picture")
    near_certain: Tier = Field(Tier(), alias="near-certain")
    probable: Tier = Tier()

    @model_validator(mode="after")
    def _verified(self) -> Tiers:
        if self.identical.when is not None:
            raise ValueError(
                "identical: when is for tiers that people would have to decide on; the same bytes need none"
            )
        for name, tier in (
            ("same-picture", self.same_picture), ("near-certain", self.near_certain), ("probable", self.probable)
        ):  # fmt: skip
            if tier.when is not None and tier.action != "quarantine":
                raise ValueError(f"{name}: when: accepted goes with action: quarantine, not {tier.action}")
        for name, tier in (("near-certain", self.near_certain), ("probable", self.probable)):
            demands = tier.verification
            if (
                tier.when is None
                and tier.action == "quarantine"
                and (demands.min_correlation is None or demands.max_residual is None)
            ):
                raise ValueError(
                    f"{name}: quarantine without a person's word needs verification with min_correlation and "
                    "max_residual; a perceptual hash alone never quarantines anything"
                )
        same = self.same_picture
        if (
            same.when is None
            and same.action == "quarantine"
            and not (same.verification.rules or same.verification.min_correlation)
        ):
            raise ValueError(
                "same-picture: quarantine without a person's word needs verification with rules or min_correlation"
            )
        return self


class Identity(Part):
    """Which proof of equal bytes is enough."""

    md5: Literal["confirm", "accept", "keep"] = Field(
        "confirm", description="copies known by MD5 alone: read and confirm by SHA-256, accept MD5, or keep them"
    )


class Preference(Part):
    """One step of the keep order."""

    by: Criterion
    prefer: Strings = Field(default_factory=list, description="best first, for scope, library, format ...")

    @model_validator(mode="after")
    def _names_formats(self) -> Preference:
        if self.by == "format":
            _known_formats(self.prefer)
        return self


def _preference(value: Any) -> Any:
    if value == "master":
        return {"by": "role", "prefer": ["master", "variant", "derivative"]}
    if isinstance(value, str):
        return {"by": value}
    if isinstance(value, dict) and len(value) == 1 and "by" not in value:
        ((by, prefer),) = value.items()
        return {"by": by, "prefer": prefer}
    return value


def _comparing(value: Any) -> bool | int:
    size = value if isinstance(value, bool) else parse_bytes(value)
    if not isinstance(size, int) or size < 0:
        raise ValueError("true, false, or a size such as 10GB")
    return size


class Review(Part):
    """What is worth a person's time."""

    min_bytes_freed: Bytes = Field(30_000_000, description="below this a review isn't asked for")
    min_share_freed: Share | None = Field(
        None, description="the same as a share of the archive's bytes, e.g. 0.01%: what frees either is asked for"
    )
    per: Literal["batch", "cluster"] = Field("batch", description="what one human action settles")
    below: Literal["keep"] = "keep"
    compare: Annotated[bool | int, BeforeValidator(_comparing)] = Field(
        False,
        description="compare at full detail what waits for people too, so that the better one is proposed; a size, "
        "e.g. 10GB: where that reads no more",
    )
    reviewers: Annotated[int, Field(ge=1, le=9)] = Field(1, description="how many must agree before a verdict counts")


class Quarantine(Part):
    """How other tools set objects aside, and for how long before anything may be deleted."""

    days: Annotated[int, Field(ge=1)] = 90
    method: Literal["tag", "copy"] = "tag"
    tag_key: str = "mirrorfold-quarantine"
    tag_value: str = "planned"
    bucket: str | None = Field(None, description="where method copy puts them")


class Lifecycle(Part):
    """What a bucket's lifecycle rules mean where they can't be read."""

    unknown: Literal["keep", "lasting"] = Field(
        "keep",
        description="objects whose lifecycle rules can't be read are kept and never relied on; or lasting: somebody "
        "vouches that no rule deletes them",
    )


class BelongsTogether(Part):
    """What is part of a whole, by the names in its folder."""

    packages: Literal["keep", "ignore"] = Field("keep", description="BagIt, OCFL, METS, image tiles: no part ever goes")
    page_runs: Literal["keep", "ignore"] = Field("keep", description="numbered pages go as a whole run, or not at all")
    companions: Literal["review", "ignore"] = Field(
        "review", description="pictures with XMP, AAE, MOV, JSON or RAW beside them go to people"
    )


class Approval(Part):
    """Who signs before a plan may be acted on."""

    required_roles: Strings = Field(default_factory=list)
    different_people: bool = Field(True, description="one person fills one role only")


class Reviewer(Part):
    """Somebody whose word counts."""

    name: Annotated[str, Field(min_length=1)]
    roles: Strings = Field(default_factory=list, description="roles to sign in; none given means any")


def _reviewer(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class Policy(Part):
    """A written retention policy."""

    version: Literal[1]
    name: str = "policy"
    holds: Holds = Holds()
    scopes: list[Scope] = Field(default_factory=list, description="the first that matches an object holds")
    min_archival_copies: Annotated[int, Field(ge=1, le=100)] = 1
    protect: Strings = Field(default_factory=list, description="patterns: what lies there is never quarantined")
    roles: Roles = Roles()
    keep_roles: Annotated[list[Literal["master", "derivative", "variant"]], BeforeValidator(_as_list)] = Field(
        default=["master"], description="roles that only a person's word drops for another picture"
    )
    tiers: Tiers = Tiers()
    identity: Identity = Identity()
    replicas: Literal["keep", "ordinary"] = Field("keep", description="copies made by the bucket's own replication")
    conflict_review: list[Conflict] = Field(
        default=["licence", "creator", "catalogue_no", "capture_time"],
        description="fields whose disagreement sends a row to a person, even between identical bytes",
    )
    keep_order: list[Annotated[Preference, BeforeValidator(_preference)]] = Field(
        default_factory=lambda: [
            Preference(**_preference(step))
            for step in (
                "protected", "sound", "master", "parts", "detail", "pixel_class", "rights", "pixels", "history",
                "bit_depth", "metadata_richness", "lossless", "quality", "lasting", "oldest", "uri",
            )
        ],
        description="which copy is preferred; the first difference decides",
    )  # fmt: skip
    review: Review = Review()
    quarantine: Quarantine = Quarantine()
    lifecycle: Lifecycle = Lifecycle()
    belongs_together: BelongsTogether = BelongsTogether()
    approval: Approval = Approval()
    reviewers: list[Annotated[Reviewer, BeforeValidator(_reviewer)]] = Field(
        default_factory=list, description="who may give verdicts and sign; nobody listed means everybody"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Policy:
        names = [scope.name for scope in self.scopes]
        if len(set(names)) < len(names):
            raise ValueError("scopes: two scopes have the same name")
        for step in self.keep_order:
            if step.by in LISTED and not step.prefer:
                raise ValueError(f"keep_order: {step.by} needs a list, best first")
            if step.by == "scope" and set(step.prefer) - set(names):
                raise ValueError(f"keep_order: no scope named {sorted(set(step.prefer) - set(names))[0]!r}")
        if self.quarantine.method == "copy" and not self.quarantine.bucket:
            raise ValueError("quarantine: method copy needs a bucket")
        return self


def load_policy(name_or_path: str) -> dict:
    """Read a policy by the name of a ready one or by path, and resolve it to a plain mapping.

    Raises:
      ValueError: one line for each mistake, naming file and line.
    """
    path = _policy_path(name_or_path)
    return resolve_policy(_text_of(path), path)


def policy_text(name_or_path: str) -> str:
    """Read a policy as it was written, with its comments.

    Raises:
      ValueError: one line naming the file.
    """
    return _text_of(_policy_path(name_or_path))


def _policy_path(name_or_path: str) -> str:
    if re.search(r"[/\\]|\.ya?ml$", name_or_path):
        return name_or_path
    path = str(files("mirrorfold.configs").joinpath("policies", f"{name_or_path}.yaml"))
    if not os.path.exists(path):
        raise ValueError(f"no ready policy named {name_or_path!r}: there are {', '.join(ready_policies())}")
    return path


def _text_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: can't read the policy: {error}") from error


def ready_policies() -> list[str]:
    """Name the policies that come with mirrorfold."""
    folder = files("mirrorfold.configs").joinpath("policies")
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def resolve_policy(text: str, path: str) -> dict:
    """Validate a policy's text and write out every default; `path` names it in errors and locates its hold list."""
    root = mistakes.compose(text, path)
    try:
        policy = Policy.model_validate(yaml.safe_load(text) if root is not None else {})
    except ValidationError as error:
        raise ValueError(mistakes.name_all(error, root, path, Policy)) from error
    resolved = policy.model_dump(mode="json", by_alias=True)
    resolved["tiers"] = {name: _dense(tier) for name, tier in resolved["tiers"].items()}
    if policy.holds.hold_list:
        resolved["holds"] |= _hold_list(policy.holds.hold_list, path, mistakes.locate(root, ("holds", "hold_list"))[0])
    return resolved


def policy_schema() -> dict:
    """Give the JSON Schema of policies, for editors."""
    return Policy.model_json_schema(by_alias=True) | {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def _dense(tier: dict) -> dict:
    if tier["when"] is None:  # a policy that doesn't say it keeps its hash
        tier = {name: value for name, value in tier.items() if name != "when"}
    return tier | {"verification": {k: v for k, v in tier["verification"].items() if v not in (None, [])}}


def _hold_list(name: str, path: str, line: int) -> dict:
    full = os.path.join(os.path.dirname(os.path.abspath(path)), name)
    try:
        with open(full, "rb") as file:
            return {"hold_list": full, "hold_list_sha256": hashlib.sha256(file.read()).hexdigest()}
    except OSError as error:
        raise ValueError(f"{path}:{line}: holds.hold_list: can't read {name}: {error.strerror}") from error
