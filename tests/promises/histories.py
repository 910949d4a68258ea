"""Random histories: people add, edit and delete; audits decide; tools act; bins and rules empty; disks rot.

Many histories run side by side in one set of tables, each in buckets of its own: they share policies, the dates of
audits and restores, and nothing else.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from mirrorfold.configs.settings import PASSING
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks.parquet import read_table
from mirrorfold.transforms.listing import together
from mirrorfold.transforms.listing.places import mark_places, passing_regex
from mirrorfold.transforms.publish.manifests.withdrawn import note_export
from mirrorfold.transforms.retain import verdicts
from mirrorfold.transforms.stores.api import HoldAnswer, LastingAnswer
from mirrorfold.transforms.stores.output import LocalOutput
from tests.promises.kit import broken, changes_of, note_previous
from tests.retain.runs import write_run, write_table
from tests.retain.tables import clusters, content, content_id, contents, failures, obj, objects, pairs, twin

DAYS = 30
"""Days from a tag to the end, by the policy's own lifecycle rule."""
BIN_DAYS = 40
"""Days that a bin keeps a file, counted from the file's own time: some are emptied soon after an audit."""
EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

POLICIES = tuple(
    f"quarantine: {{days: {DAYS}}}\n{text}"
    for text in (
        "keep_order: [oldest]\n",
        "keep_order: [newest]\nbelongs_together: {packages: ignore, page_runs: ignore, companions: ignore}\n",
        "keep_order: [{library: [hk, gz]}]\nreview: {min_bytes_freed: 0}\n",
        "keep_order: [{library: [gz, hk]}, largest]\nmin_archival_copies: 2\n",
        "keep_order: [smallest]\nscopes: [{name: hk, libraries: [hk], min_copies: 1}, {name: gz, libraries: [gz]}]\n",
        "protect: ['**/masters/**']\nkeep_order: [newest]\n"
        "tiers: {near-certain: {action: quarantine, verification: {min_correlation: 0.97, max_residual: 0.1}}}\n",
    )
)
ROT = "rot"
"""In the name of a content that nobody made: what bytes became by themselves may go as it came."""
NAMES = (
    "a.jpg", "b.jpg", "masters/a.jpg", "#recycle/a.jpg", ".Trash-1000/files/b.jpg", "IMG_1.jpg", "IMG_1.xmp",
    "bag/bagit.txt", "bag/data/a.jpg", "book/page_1.jpg", "book/page_2.jpg", "book/page_3.jpg", "x/page_1.jpg",
    "x/page_2.jpg", "x/page_3.jpg", "odd//a.jpg", "z.jpg", "tmp/a.jpg",
)  # fmt: skip


@dataclass
class File:
    """An object as the store has it."""

    content: str
    etag: str
    day: int
    tagged: int | None = None
    held: bool = False
    rot: str = ""
    """What its bytes became behind size, time and etag; nobody knows until they are read again."""
    spoiled: bool = False
    """It rotted, noticed or not: whoever reads it finds other bytes than were planned on."""
    broken: bool = False
    """Its bytes were read again since, and are no picture any more."""


@dataclass
class Archive:
    """The stores of one history, and what people did and said in it.

    Attributes:
      excused: contents that people lost by themselves, or gave away by their word.
      listed: contents that an audit ever saw with a copy that lasts.
    """

    number: int
    rng: random.Random
    files: dict[str, File] = field(default_factory=dict)
    excused: set[str] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)
    words: list[dict] = field(default_factory=list)
    writes: int = 0

    def uri(self) -> str:
        """Name an object of this history."""
        library = self.rng.choice(("hk", "gz"))
        return f"s3://{library}{self.number}/{self.rng.choice(NAMES)}"

    def name(self) -> str:
        """Name a content; one with a ~ is nearly the one without."""
        return f"{self.number}/{self.rng.randrange(4)}{self.rng.choice(('', '', '~'))}"

    def lasting(self, content: str) -> bool:
        """Tell whether a sound copy is there that nothing will delete."""
        return any(
            f.content == content and not f.rot and f.tagged is None and lasts(uri) for uri, f in self.files.items()
        )

    def decay(self) -> None:
        """Let a file's bytes change unseen; a content whose last lasting copy does is lost by nature.

        What then lies in a bin alone is emptied with the bin, unless a person takes it out.
        """
        whole = [uri for uri, f in sorted(self.files.items()) if "no picture" not in f.content and not f.rot]
        if whole and self.rng.random() < 0.3:
            file = self.files[self.rng.choice(whole)]
            self.writes += 1
            file.rot, file.spoiled = f"{self.number}/{ROT} {self.writes}", True
            if not self.lasting(file.content):
                self.excused.add(file.content)

    def read_again(self) -> None:
        """Let an audit read some files once more: what rotted is found out, as another picture or as none."""
        for file in self.files.values():
            if file.rot and self.rng.random() < 0.5:
                if not file.broken and self.rng.random() < 0.5:
                    file.content, file.rot = file.rot, ""
                else:
                    file.broken = True

    def take_back(self, rows: list[dict]) -> None:
        """Let people take tags off where the plan says that a last good copy goes for one that rotted."""
        for row in rows:
            if row["uri"] in self.files:
                self.files[row["uri"]].tagged = None

    def put(self, day: int) -> None:
        """Write an object: new, or over another."""
        uri, content = self.uri(), self.name()
        if uri.endswith((".xmp", ".txt")):
            content = f"{self.number}/no picture {self.writes}"
        elif self.files and self.rng.random() < 0.5:
            content = self.rng.choice(
                [f.content for f in self.files.values() if "no picture" not in f.content] or [content]
            )
        self.remove(uri)
        self.writes += 1
        self.files[uri] = File(content, f"e{self.number}-{self.writes}", day, None, self.rng.random() < 0.05)

    def remove(self, uri: str) -> None:
        """Let a person delete or overwrite an object; what was the last lasting copy is lost by that person."""
        gone = self.files.pop(uri, None)
        if gone and not self.lasting(gone.content):
            self.excused.add(gone.content)

    def say(self) -> None:
        """Let a person give a verdict; who calls two pictures the same gives one of them away."""
        base = f"{self.number}/{self.rng.randrange(4)}"
        other = self.rng.choice((base, f"{base}~"))
        verdict = self.rng.choice(("same", "same", "different", "defer"))
        first, second = sorted((content_id(base), content_id(other)))
        row = {"content_a": first, "content_b": second, "verdict": verdict, "reviewer": self.rng.choice(("ann", "bo"))}
        self.words.append(verdicts.checked_verdict(row | {"at": f"2026-01-{len(self.words) % 28 + 1:02}"}, "x:1"))
        if verdict == "same" and base != other:
            self.excused |= {base, other}

    def pass_time(self, day: int) -> None:
        """Let lifecycle rules and bins delete."""
        for uri, file in list(self.files.items()):
            bin_is_due = in_bin(uri) and day > file.day + BIN_DAYS
            tag_is_due = file.tagged is not None and day > file.tagged + DAYS
            if bin_is_due or tag_is_due or (in_tmp(uri) and day > file.day + BIN_DAYS):
                del self.files[uri]
                if file.content in self.doubtful() and not self.sound(file.content):
                    self.excused.add(file.content)  # its kept copy rotted, and nobody read it in time

    def sound(self, content: str) -> bool:
        """Tell whether a copy is there whose bytes are what they were."""
        return any(file.content == content and not file.rot for file in self.files.values())

    def doubtful(self) -> set[str]:
        """Name contents of files that rotted, as nobody knows yet."""
        return {file.content for file in self.files.values() if file.rot and not file.broken}

    def act(self, plan: list[dict], day: int, *, fresh: bool) -> None:
        """Carry a plan out as the tools do: what changed since or is held is left alone.

        A list that was exported a while ago is looked up again; a fresh one may be carried out as it is.
        """
        blind = fresh and self.rng.random() < 0.5
        for row in plan:
            file, kept = self.files.get(row["uri"]), self.files.get(row["kept_uri"])
            there = file is not None and file.etag == row["etag"] and file.tagged is None and not file.held
            sound = kept is not None and kept.etag == row["kept_etag"] and kept.tagged is None
            # Every export reads what it relies on once more.
            same = kept is None or kept.etag != row["kept_etag"] or not kept.spoiled
            if there and same and (blind or sound) and self.rng.random() < 0.9:
                file.tagged = day
                if row["tier_to_kept"] != "identical":  # the policy names the tier, or people the pair: a signed word
                    self.excused.add(file.content)

    def lost(self) -> list[str]:
        """Name the contents that are gone for no word of a person."""
        there = {file.content for file in self.files.values() if not file.rot}
        return sorted(self.listed - there - self.excused)


def in_bin(uri: str) -> bool:
    """Tell what lies in a bin."""
    return "/#recycle/" in uri or "/.Trash-1000/" in uri


def in_tmp(uri: str) -> bool:
    """Tell what a rule of the bucket will delete, as its listing says."""
    return "/tmp/" in uri


def lasts(uri: str) -> bool:
    """Tell what nothing will delete."""
    return not in_bin(uri) and not in_tmp(uri)


class Stores:
    """Answers look-ups for all archives; some buckets don't tell the tags of their objects."""

    def __init__(self, archives: list[Archive]):
        self.files = {uri: file for archive in archives for uri, file in archive.files.items()}
        self.silent = {f"s3://gz{archive.number}" for archive in archives if archive.number % 10 == 0}

    def hold(self, ref):
        file = self.files.get(f"s3://{ref.bucket}/{ref.key}")
        return HoldAnswer("yes" if file is None or file.held else "no", "legal-hold", "")

    def lasting(self, ref, tag):
        file = self.files.get(f"s3://{ref.bucket}/{ref.key}")
        if file is None or f"s3://{ref.bucket}" in self.silent:
            return LastingAnswer("unknown", "not allowed to read tags")
        return LastingAnswer("yes" if file.tagged is None else "tagged", "")

    def read(self, ref, start=0, stop=None):
        raise AssertionError("everything was read")

    def close(self):
        return None


def listing(archives: list[Archive]) -> dict[str, pa.Table]:
    """List, fingerprint and match: the tables that decisions are made from."""
    rows, twins, links, skipped, names = [], [], [], [], set()
    for archive in archives:
        bases: dict[str, list[tuple[str, str]]] = {}
        for uri, file in sorted(archive.files.items()):
            picture = "no picture" not in file.content and not file.broken
            ends = EPOCH + dt.timedelta(days=file.day + BIN_DAYS) if in_tmp(uri) else None
            rows.append(
                obj(uri, file.content if picture else None, library=uri[5:7], etag=file.etag, expires_at=ends,
                    stated=[] if uri.endswith(".xmp") else None,
                    last_modified=EPOCH + dt.timedelta(days=file.day), size=1000 + len(file.etag))
            )  # fmt: skip
            if picture:
                bases.setdefault(file.content.rstrip("~"), []).append((uri, file.content))
                names.add(file.content)
                if archive.lasting(file.content) and ROT not in file.content:
                    archive.listed.add(file.content)
            elif file.broken:
                skipped.append({"uri": uri, "stage": "decode", "error": "corrupt", "sha256": content_id(file.rot)})
            else:
                skipped.append({"uri": uri, "stage": "skipped", "error": "not-an-image"})
        for found in bases.values():
            if len(found) > 1:
                twins += _cluster(found)
                links += _pair({name for _, name in found})
    table = objects(*rows)
    part = table.select(together.NAMES)
    packaged = together.mark_packages(part, together.find_packages([part]))
    grouped = list(together.mark_groups(0, {"names": together.group_names(part)}))
    table = together.add_marks(table, pa.concat_tables([packaged, *grouped]))
    return {
        "objects": mark_places(table, passing_regex(PASSING), ()), "contents": contents(*map(content, sorted(names))),
        "clusters": clusters(*twins), "pairs": pairs(*links), "failures": failures(*skipped),
    }  # fmt: skip


def _cluster(found: list[tuple[str, str]]) -> list[dict]:
    master, smallest = found[0][1], min((name for _, name in found), key=content_id)
    return [
        twin(uri, name, master, smallest, library=uri[5:7], is_master=number == 0,
             **({} if name == master else {"tier": "near-certain", "kind": "resized"}))
        for number, (uri, name) in enumerate(found)
    ]  # fmt: skip


def _pair(names: set[str]) -> list[dict]:
    if len(names) < 2:
        return []
    first, second = sorted(map(content_id, names))
    return [{"content_a": first, "content_b": second, "tier": "near-certain", "kind": "resized", "in_cluster": True,
             "reason": "master", "rule": "rule-a", "correlation": 0.99, "residual": 0.01}]  # fmt: skip


@dataclass
class Story:
    """What became of some histories: promises that verify found broken, contents that were lost, objects sent away."""

    broken: list[str]
    lost: list[str]
    sent_away: int


def tell(seed: int, histories: int, audits: int, folder: Path, rot: bool = False) -> Story:
    """Carry histories out, verify each audit, and see in the end what is still there.

    Args:
      rot: bytes change unseen as well.
    """
    rng = random.Random(seed)
    archives = [Archive(number, random.Random(f"{seed}/{number}")) for number in range(histories)]
    story, plans, day = Story([], [], 0), [], 0
    previous: Path | None = None
    for audit in range(audits):
        day += rng.randrange(1, 60)
        for archive in archives:
            archive.pass_time(day)
            if rot:
                archive.decay()
            for _ in range(archive.rng.randrange(12, 20) if audit == 0 else archive.rng.randrange(4)):
                archive.put(day - archive.rng.randrange(20) if audit == 0 else day)
            if audit and archive.files and archive.rng.random() < 0.3:
                archive.remove(archive.rng.choice(sorted(archive.files)))
            if archive.rng.random() < 0.4:
                archive.say()
            archive.read_again()
        here = folder / str(audit)
        plan, urgent = _audit(here, archives, rng.choice(POLICIES), previous)
        story.broken += [f"audit {audit}: {line}" for line in broken(here).splitlines()]
        plans.append(plan)
        for archive in archives:
            archive.take_back(urgent.get(archive.number, []))
            for chosen in archive.rng.sample(plans, archive.rng.randrange(3) % (len(plans) + 1)):
                archive.act(chosen.get(archive.number, []), day, fresh=chosen is plan)
        story.sent_away += sum(file.tagged == day for archive in archives for file in archive.files.values())
        if rng.random() < 0.2:
            note_export(LocalOutput(str(here)), "restore")
            plans.clear()  # what was taken back is carried out no more
            for archive in archives:
                for file in archive.files.values():
                    file.tagged = None
        previous = here
    for archive in archives:
        archive.pass_time(day + 1000)
        story.lost += archive.lost()
    return story


def _audit(folder: Path, archives: list[Archive], policy: str, previous: Path | None) -> tuple[dict, dict]:
    """Give by history what the plan sends away, and what it says must be brought back at once."""
    tables: dict = listing(archives)
    if previous is not None:
        output = LocalOutput(str(previous))
        tables["earlier"] = read_table(output, TABLES["decisions"])
        tables["withdrawn"] = output.exists("exports/withdrawn.txt")
    said = [word for archive in archives for word in archive.words]
    made = write_run(folder, tables, policy, said, Stores(archives))["decisions"]
    if previous is not None:
        write_table(LocalOutput(str(folder)), "changes", changes_of(tables["earlier"], made))
    note_previous(folder, previous)
    plan: dict[int, list[dict]] = {}
    urgent: dict[int, list[dict]] = {}
    for row in made.to_pylist():
        found = plan if row["action"] == "quarantine" else urgent if row["rule"] == "kept-copy-rotted" else None
        if found is not None:
            found.setdefault(int(row["uri"].split("/")[2][2:]), []).append(row)
    return plan, urgent
