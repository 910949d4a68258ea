"use strict";
// Decisions out and in: one JSON line per pair, as `mirrorfold review import` takes it.
{
  const { t, progress } = mirrorfold;
  const SAMPLE_ONLY = 4;
  const VERDICTS = new Set(["same", "different", "keep-a", "keep-b", "split", "defer"]);

  const line = (contentA, contentB, verdict, said, reviewer) =>
    JSON.stringify({
      content_a: contentA,
      content_b: contentB,
      verdict,
      reviewer: said.reviewer || reviewer,
      reason: said.reason || "",
      at: said.at,
      seen: said.seen !== false,
      purpose: said.purpose || "decision",
    });

  const parse = (text) =>
    text
      .split("\n")
      .map((content, index) => ({ content, number: index + 1 }))
      .filter(({ content }) => content.trim())
      .map(({ content, number }) => {
        let row = null;
        try {
          row = JSON.parse(content);
        } catch {
          row = null;
        }
        if (!row || !VERDICTS.has(row.verdict) || typeof row.content_a !== "string")
          throw new Error(t("review.import_bad", { line: number }));
        return row;
      });
  const named = (contentA, contentB, sample) => `${contentA} ${contentB} ${sample ? "sample" : "decision"}`;

  mirrorfold.exchange = {
    async text(reviewer) {
      const lines = progress.beside().map((said) => line(...said.ids, said.verdict, said, reviewer));
      for (const [pair, said] of progress.all()) {
        const [contentA, contentB] = await mirrorfold.loadIds(pair);
        lines.push(line(contentA, contentB, progress.outward(said.verdict, pair), said, reviewer));
      }
      return lines.length ? lines.join("\n") + "\n" : "";
    },
    async download(reviewer) {
      const text = await this.text(reviewer);
      if (!text) return 0;
      const url = URL.createObjectURL(new Blob([text], { type: "application/x-ndjson" }));
      const link = mirrorfold.h("a", { href: url, download: `mirrorfold-review-${mirrorfold.index.plan}.jsonl` });
      link.click();
      progress.exported();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
      return text.split("\n").length - 1;
    },
    async load(text) {
      const rows = new Map(parse(text).map((row) => [named(row.content_a, row.content_b, row.purpose === "sample"), row]));
      const changes = [];
      let kept = 0;
      for (let pair = 0; pair < mirrorfold.index.count && rows.size; pair++) {
        const [contentA, contentB] = await mirrorfold.loadIds(pair);
        const name = named(contentA, contentB, mirrorfold.index.flags[pair] & SAMPLE_ONLY);
        const row = rows.get(name);
        if (!row) continue;
        rows.delete(name);
        // What is decided here is never overwritten by a file: `review import` takes everybody's files together.
        if (progress.get(pair)) {
          kept += 1;
          continue;
        }
        const { reviewer, reason, at, seen, purpose } = row;
        const ids = seen === false ? undefined : [contentA, contentB];
        changes.push([pair, { verdict: progress.inward(row.verdict, pair), reviewer, reason, at, seen, purpose, ids }]);
      }
      progress.put(changes);
      return { loaded: changes.length, unknown: rows.size, kept };
    },
  };
}
