"use strict";
// A whole cluster at once: every variant beside the picture that is kept, with a tick on what stays.
{
  const { t, named, h, progress } = mirrorfold;
  const get = (id) => document.getElementById(id);
  const FLAG = { conflict: 1, sampleOnly: 4, below: 32 };
  const LEARNED = 3;
  const STAYS = new Set(["split", "different", "keep-other"]);
  const state = { on: false, item: -1, ticks: new Map() };

  const flagged = (pair, flag) => (mirrorfold.index.flags[pair] & flag) !== 0;
  const sure = (verdict) => verdict === "same" || verdict === "keep-kept" || STAYS.has(verdict);
  // What a person said of one kind, three times and never otherwise, is how the next of that kind is ticked; accepting
  // it is still that person's doing, with the picture before their eyes.
  const learned = (kind) => {
    const said = [...progress.each()].filter(([pair, word]) => word.seen && mirrorfold.index.kind[pair] === kind && sure(word.verdict));
    const stay = said.filter(([, word]) => STAYS.has(word.verdict)).length;
    return said.length >= LEARNED && stay === said.length;
  };
  const open = (item, complete) => item.pairs.filter((pair) => pair.kept !== pair.other && !flagged(pair.n, FLAG.sampleOnly | FLAG.below) && (complete(pair) || progress.get(pair.n)));
  const first = (pair, complete) => {
    const said = progress.get(pair.n)?.verdict;
    if (said && said !== "defer") return STAYS.has(said);
    return flagged(pair.n, FLAG.conflict) || !complete(pair) || learned(mirrorfold.index.kind[pair.n]);
  };

  const tile = (pair, content, number, look, locked) => {
    const { index } = mirrorfold;
    const kind = named("kinds", index.kinds[index.kind[pair.n]]);
    const stays = state.ticks.get(pair.n);
    return h(
      "li",
      { class: `tile${stays ? " stays" : ""}`, "data-pair": pair.n },
      h("button", { class: "shot", "aria-label": kind, on: { click: () => look(pair.n) } }, content.source ? h("img", { src: content.source, alt: "", draggable: "false" }) : h("span", { class: "none" }, "–")),
      h(
        "label",
        {},
        h("input", { type: "checkbox", checked: stays, disabled: locked, on: { change: () => mirrorfold.grid.toggle(pair.n) } }),
        number < 9 ? h("kbd", {}, String(number + 1)) : null,
        h("span", {}, t("review.grid_stays")),
      ),
      h("b", {}, kind),
      h("span", { class: "soft" }, index.bytes[pair.n] ? mirrorfold.bytes(index.bytes[pair.n]) : "–"),
      pair.conflicts.length ? h("span", { class: "flag" }, `! ${pair.conflicts.map((name) => named("fields", name)).join(", ")}`) : null,
      !progress.get(pair.n) && stays && !pair.conflicts.length && learned(index.kind[pair.n]) ? h("span", { class: "soft" }, t("review.grid_learned", { kind })) : null,
    );
  };

  mirrorfold.grid = {
    get on() {
      return state.on;
    },
    set on(value) {
      state.on = value;
      state.item = -1;
    },
    // Gives the pairs that a key or a click may answer here, in the order of their tiles.
    pairs: (item, complete) => open(item, complete),
    draw(item, { number, complete, source, look }) {
      const pairs = open(item, complete);
      if (state.item !== number) {
        state.item = number;
        state.ticks = new Map(pairs.map((pair) => [pair.n, first(pair, complete)]));
        state.touched = new Set();
      }
      state.pairs = pairs;
      state.redraw = () => this.draw(item, { number, complete, source, look });
      const kept = item.contents[item.pairs[0].kept];
      get("grid").replaceChildren(
        h("li", { class: "tile kept" }, h("span", { class: "shot" }, source(kept) ? h("img", { src: source(kept), alt: "", draggable: "false" }) : h("span", { class: "none" }, "–")), h("b", {}, t("review.kept")), h("span", { class: "soft" }, kept.meta.pixels || "")),
        ...pairs.map((pair, at) => tile(pair, { source: source(item.contents[pair.other]) }, at, look, !complete(pair))),
      );
      get("grid-hint").textContent = t("review.grid_hint", { keys: pairs.length > 1 ? `1–${Math.min(9, pairs.length)}` : "1" });
    },
    toggle(pair) {
      const known = state.pairs?.find((one) => one.n === pair);
      if (!known) return;
      state.ticks.set(pair, !state.ticks.get(pair));
      state.touched.add(pair);
      state.redraw();
    },
    press(number) {
      if (state.pairs?.[number - 1]) this.toggle(state.pairs[number - 1].n);
    },
    // Gives what the ticks say: [pair, verdict] of what isn't answered yet or was changed here.
    answers: (complete) =>
      (state.pairs || [])
        .filter((pair) => !progress.get(pair.n) || progress.get(pair.n).verdict === "defer" || state.touched.has(pair.n))
        .filter((pair) => state.ticks.get(pair.n) || complete(pair))
        .map((pair) => [pair, state.ticks.get(pair.n) ? "split" : "same"]),
  };
}
