"use strict";
// What is known of a pair: where each file lies, what it states of itself, and where the two disagree.
{
  const { t, named, h, visible } = mirrorfold;

  const places = (content) =>
    h(
      "ul",
      { class: "places" },
      content.at.map(([uri, version, library, storageClass, action]) =>
        h(
          "li",
          {},
          h("span", { class: `action a-${action}` }, named("actions", action)),
          h("span", { class: "path" }, visible(uri)),
          h("span", { class: "soft" }, [library, storageClass].filter(Boolean).join(" · ")),
          version ? h("span", { class: "soft" }, `${t("review.version")} `, visible(version)) : null,
        ),
      ),
      content.places > content.at.length
        ? h("li", { class: "soft" }, t("review.more", { n: mirrorfold.number(content.places - content.at.length) }))
        : null,
    );

  mirrorfold.facts = {
    side: (content, heading, tick) =>
      h(
        "section",
        { class: "side" },
        h("header", {}, h("h2", {}, heading), tick),
        h("p", {}, `${content.meta.pixels || ""} · ${mirrorfold.bytes(content.size)} · `, visible(content.meta.media_type), mirrorfold.served ? " · " : "", mirrorfold.served ? h("a", { href: `originals/${content.id}`, target: "_blank", rel: "noopener" }, t("review.original")) : ""),
        places(content),
      ),
    // What disagrees, whole and above all else: what each file or the catalogue says of it.
    clashes: (left, right, conflicts) =>
      conflicts.map((name) => {
        const said = (content) => [content.meta[name], content.record[name]].filter((value) => value !== undefined && value !== "");
        const value = (content) => (said(content).length ? [...new Set(said(content))].join(" | ") : "–");
        // What neither states in words, as coding without loss, one of them has: the reason below says which.
        if (!said(left).length && !said(right).length) return h("li", {}, h("b", {}, named("fields", name)));
        return h("li", {}, h("b", {}, named("fields", name)), " ", visible(value(left)), " ≠ ", visible(value(right)));
      }),
    // What copies state beyond the kept one: proposed to be written beside it, a conflict for people.
    proposals: (rows) =>
      (rows || []).map(([field, value, state, from]) =>
        h("li", {}, h("b", {}, named("fields", field)), " ", visible(value), " ", h("span", { class: "soft" }, t(`merged.${state}`), " · ", visible(from))),
      ),
    metadata(left, right, conflicts) {
      // What the files state, what XMP beside them does and what the catalogue says are told apart: each may disagree.
      const stated = (content, name) => (name === "size" ? mirrorfold.bytes(content.size) : content.meta[name]);
      const table = (source, value) => {
        const names = [...new Set([...Object.keys(left[source] || {}), ...Object.keys(right[source] || {})])];
        return names.map((name) => {
          const [one, other] = [value(left, name), value(right, name)];
          return { name, source, one, other, rank: one === other ? 2 : conflicts.includes(name) ? 0 : 1 };
        });
      };
      const rows = [...table("meta", stated), ...["beside", "record"].flatMap((source) => table(source, (content, name) => (content[source] || {})[name]))];
      for (const name of conflicts)
        if (!rows.some((row) => row.name === name && row.rank === 0)) rows.push({ name, source: "meta", rank: 0 });
      rows.sort((a, b) => a.rank - b.rank);
      const cell = (value) => h("td", {}, value === undefined ? "–" : visible(value));
      const marks = ["conflict", "differs", ""];
      return rows.map(({ name, source, one, other, rank }) =>
        h(
          "tr",
          { class: marks[rank] },
          h("th", { scope: "row" }, named("fields", name), source === "meta" ? null : h("small", {}, t(source === "record" ? "review.catalogue" : "review.beside"))),
          cell(one),
          cell(other),
          h("td", { class: "mark" }, marks[rank] ? t(`review.${marks[rank]}`) : "="),
        ),
      );
    },
  };
}
