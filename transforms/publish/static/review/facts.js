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
        h("p", {}, `${content.meta.pixels || ""} · ${mirrorfold.bytes(content.size)} · `, visible(content.meta.media_type)),
        places(content),
      ),
    metadata(left, right, conflicts) {
      const names = [...new Set([...Object.keys(left.meta), ...Object.keys(right.meta), ...conflicts])];
      const shown = (content, name) => (name === "size" ? mirrorfold.bytes(content.size) : content.meta[name]);
      const rows = names
        .map((name) => {
          const [one, other] = [shown(left, name), shown(right, name)];
          const conflict = conflicts.includes(name);
          return { name, one, other, rank: conflict ? 0 : one !== other ? 1 : 2 };
        })
        .sort((a, b) => a.rank - b.rank);
      const cell = (value) => h("td", {}, value === undefined ? "–" : visible(value));
      const marks = ["conflict", "differs", ""];
      return rows.map(({ name, one, other, rank }) =>
        h(
          "tr",
          { class: marks[rank] },
          h("th", { scope: "row" }, named("fields", name)),
          cell(one),
          cell(other),
          h("td", { class: "mark" }, marks[rank] ? t(`review.${marks[rank]}`) : "="),
        ),
      );
    },
  };
}
