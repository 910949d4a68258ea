"""Draw docs/pictures/mission.png, the README's first picture, out of a finished demo (`make demo`, then this).

Needs chromium, as `make tools` installs it.
"""

from __future__ import annotations

import base64
import io
import subprocess
import tempfile
from pathlib import Path

import duckdb
from PIL import Image, ImageOps

from demo.archive import photographs
from mirrorfold.transforms.publish.queue import WAITING_BYTES, WAITS

HERE = Path(__file__).resolve().parent
DEMO = HERE.parent.parent / "build" / "demo"
PAGE = """
<!doctype html><meta charset="utf-8"><style>
 html {{ overflow: hidden; }} body {{ margin: 0; padding: 28px 30px; width: 1180px; background: #fff; color: #1b1f24;
   font: 15px/1.45 system-ui, "DejaVu Sans", sans-serif; }}
 .row {{ display: grid; grid-template-columns: 1fr 26px 1fr 26px 1fr 26px 1fr; align-items: stretch; }}
 .box {{ border: 1px solid #d5dade; border-radius: 10px; padding: 16px; }}
 .to {{ align-self: center; text-align: center; color: #0b6b5b; font-size: 22px; }}
 h2 {{ margin: 0 0 10px; font-size: 16px; }} code {{ font: 12.5px/1.7 "DejaVu Sans Mono", monospace; }}
 .key {{ display: block; white-space: nowrap; overflow: hidden; }} .dim {{ color: #68727c; }}
 img {{ width: 84px; height: 62px; object-fit: cover; border-radius: 5px; display: block; }}
 .pair {{ display: grid; grid-template-columns: 84px 84px; gap: 6px; margin-bottom: 3px; }}
 .note {{ font-size: 12.5px; color: #3d464e; margin-bottom: 9px; }}
 .keep {{ outline: 3px solid #0b6b5b; }} .star {{ display: grid; grid-template-columns: 84px 84px; gap: 9px; }}
 .big {{ font-size: 27px; font-weight: 700; color: #0b6b5b; }}
 .bar {{ height: 13px; border-radius: 3px; margin: 3px 0 9px; }}
</style><div class="row">
<div class="box"><h2>1 · listings</h2><code>
<span class="dim">s3://hk-archive</span><span class="key">photos/chelsea.jpg</span>
<span class="key">masters/chelsea.tif</span><span class="key">press/chelsea-q40.jpg</span><span class="key">…</span>
<span class="dim">/mnt/gz-mirror</span><span class="key">照片/chelsea.jpg</span>
<span class="key">crops/astronaut-crop.jpg</span><span class="key">odd keys/=cmd|'calc'.jpg</span></code>
<div class="note" style="margin-top:10px">{objects} objects, only ever read</div></div><div class="to">→</div>
<div class="box"><h2>2 · pairs, verified</h2>
<div class="pair"><img src="{cat}"><img src="{cat_small}"></div>
<div class="note">recompressed: <b>near-certain</b></div>
<div class="pair"><img src="{man}"><img src="{man_crop}"></div><div class="note">cropped to 77 %: <b>probable</b></div>
<div class="pair"><img src="{man}"><img src="{man_turned}"></div><div class="note">rotated 90°: <b>probable</b></div>
</div><div class="to">→</div>
<div class="box"><h2>3 · clusters</h2>
<div class="star"><img class="keep" src="{cat}"><img src="{cat}">
<img src="{cat_small}"><img src="{cat_grey}"></div>
<div class="note" style="margin-top:10px">{clusters} clusters. Every member is compared with the master, the copy
that your policy prefers; nothing is chained</div></div><div class="to">→</div>
<div class="box"><h2>4 · a plan, with its saving</h2>
<div class="big">{now} MB</div><div class="note">can be freed now: exact copies, each with a kept twin</div>
<div class="bar" style="background:#0b6b5b;width:100%"></div>
<div class="big" style="color:#b07a00;font-size:20px">{later} MB</div>
<div class="note">waits for a person's word</div>
<div class="bar" style="background:#d9a93a;width:{share}%"></div>
<div class="note">nothing was deleted: a plan, with evidence for every row</div></div></div>
"""


def main() -> None:
    """Draw it."""
    pictures = dict(photographs())
    cat, man = pictures["chelsea"], pictures["astronaut"]
    edge = man.width // 9
    ask = duckdb.connect().execute
    decisions, clusters = f"'{DEMO}/decisions/*.parquet'", f"'{DEMO}/clusters/*.parquet'"
    now = ask(f"SELECT sum(bytes_freed) / 1e6 FROM {decisions} WHERE action = 'quarantine'").fetchone()[0]
    later = ask(f"SELECT sum({WAITING_BYTES}) / 1e6 FROM {decisions} d WHERE {WAITS}").fetchone()[0]
    page = PAGE.format(
        objects=ask(f"SELECT count(*) FROM {decisions}").fetchone()[0],
        clusters=ask(f"SELECT count(DISTINCT cluster_id) FROM {clusters}").fetchone()[0],
        now=f"{now:.1f}",
        later=f"{later:.1f}",
        share=round(100 * float(later / now)),
        cat=_data(cat),
        cat_small=_data(cat.resize((110, 74)).resize((280, 187))),
        cat_grey=_data(ImageOps.grayscale(cat)),
        man=_data(man),
        man_crop=_data(man.crop((edge, edge, man.width - edge, man.height - edge))),
        man_turned=_data(man.transpose(Image.Transpose.ROTATE_90)),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mission.html")
        path.write_text(page, encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        options += [f"--user-data-dir={folder}/profile", "--window-size=1240,405", "--force-device-scale-factor=1.5"]
        picture = f"--screenshot={HERE / 'mission.png'}"
        subprocess.run(["chromium", *options, picture, path.as_uri()], check=True, capture_output=True)


def _data(picture: Image.Image) -> str:
    sink = io.BytesIO()
    ImageOps.contain(picture, (280, 210)).save(sink, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(sink.getvalue()).decode()


if __name__ == "__main__":
    main()
