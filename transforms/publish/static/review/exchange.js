"use strict";
// Decisions out and in: one JSON line per pair, as `mirrorfold review import` takes it.
{
  const { t } = mirrorfold;

  // Within the pages a verdict speaks of the kept and the other picture; outside, of content_a and content_b.
  const outward = (verdict, keptIsB) => {
    if (verdict === "keep-other") return keptIsB ? "keep-a" : "keep-b";
    if (verdict === "keep-kept") return keptIsB ? "keep-b" : "keep-a";
    return verdict;
  };
  const inward = (verdict, keptIsB) => {
    if (verdict !== "keep-a" && verdict !== "keep-b") return verdict;
    return (verdict === "keep-b") === Boolean(keptIsB) ? "keep-kept" : "keep-other";
  };
  const VERDICTS = new Set(["same", "different", "keep-a", "keep-b", "split", "defer"]);

  const line = async ([pair, said], reviewer) => {
    const [contentA, contentB, keptIsB] = await mirrorfold.loadIds(pair);
    return JSON.stringify({
      content_a: contentA,
      content_b: contentB,
      verdict: outward(said.verdict, keptIsB),
      reviewer: said.reviewer || reviewer,
      reason: said.reason || "",
      at: said.at,
    });
  };

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

  mirrorfold.exchange = {
    async text(reviewer) {
      const lines = [];
      for (const entry of mirrorfold.progress.all()) lines.push(await line(entry, reviewer));
      return lines.length ? lines.join("\n") + "\n" : "";
    },
    async download(reviewer) {
      const text = await this.text(reviewer);
      if (!text) return 0;
      const url = URL.createObjectURL(new Blob([text], { type: "application/x-ndjson" }));
      const link = mirrorfold.h("a", { href: url, download: `mirrorfold-review-${mirrorfold.index.plan}.jsonl` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
      return text.split("\n").length - 1;
    },
    async load(text) {
      const rows = new Map(parse(text).map((row) => [`${row.content_a} ${row.content_b}`, row]));
      const changes = [];
      for (let pair = 0; pair < mirrorfold.index.count && rows.size; pair++) {
        const [contentA, contentB, keptIsB] = await mirrorfold.loadIds(pair);
        const row = rows.get(`${contentA} ${contentB}`);
        if (!row) continue;
        const { reviewer, reason, at } = row;
        changes.push([pair, { verdict: inward(row.verdict, keptIsB), reviewer, reason, at }]);
        rows.delete(`${contentA} ${contentB}`);
      }
      mirrorfold.progress.put(changes);
      return { loaded: changes.length, unknown: rows.size };
    },
  };
}
