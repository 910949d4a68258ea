"use strict";
// Which pairs are in view: plain arrays by pair number, so that a hundred thousand clusters filter in milliseconds.
{
  const { t, named, h } = mirrorfold;
  const get = (id) => document.getElementById(id);
  const SIZES = [0, 1e5, 1e6, 1e7, 3e7, 1e8, 1e9];
  const STATES = ["waiting", "undecided", "decided", "deferred", "conflicts", "second", "disputed", "drawn", "sample", "below", "similar", "all"];
  const FOLDERS = 500;
  const FLAG = { conflicts: 1, sample: 2, sampleOnly: 4, drawn: 16, below: 32, similar: 64 };

  const options = (id, values, label) => {
    const select = get(id);
    const before = select.value;
    select.replaceChildren(...values.map((value) => h("option", { value }, label(value))));
    select.value = values.map(String).includes(before) ? before : String(values[0]);
  };

  const folded = (name) => name.trim().split(/\s+/).join(" ").toLowerCase();
  const self = () => folded(get("reviewer").value);
  const team = {
    answered: (pair) => mirrorfold.team.answered[pair] || [],
    mine: (pair) => team.answered(pair).some((person) => folded(mirrorfold.team.people[person]) === self()),
    disputed: (pair) => mirrorfold.team.disputed[pair],
    // A second opinion is asked of those who gave none, and shows them nothing of the first.
    second: (pair) =>
      team.answered(pair).length > 0 && team.answered(pair).length < mirrorfold.team.needed && !team.disputed(pair) && !team.mine(pair),
    part: () => mirrorfold.team.names.findIndex((name) => folded(name) === self()),
  };
  mirrorfold.people = team;

  const matches = (pair, wanted) => {
    const index = mirrorfold.index;
    if (wanted.part >= 0 && !((mirrorfold.team.parts[index.item[pair]] >> wanted.part) & 1)) return false;
    if (wanted.library >= 0 && !index.groups[index.group[pair]].includes(wanted.library)) return false;
    if (wanted.tier >= 0 && index.tier[pair] !== wanted.tier) return false;
    if (wanted.kind >= 0 && index.kind[pair] !== wanted.kind) return false;
    if (index.bytes[pair] < wanted.bytes) return false;
    if (wanted.clash && !index.clashes[index.clash[pair]].includes(wanted.clash)) return false;
    if (wanted.licence >= 0 && index.licence[pair] !== wanted.licence) return false;
    if (wanted.jurisdiction >= 0 && index.jurisdiction[pair] !== wanted.jurisdiction) return false;
    if (wanted.under && !wanted.under.has(index.folder[pair])) return false;
    if (wanted.text && !wanted.folders.has(index.folder[pair]) && !index.said[pair].toLowerCase().includes(wanted.text)) return false;
    if (wanted.state === "all") return true;
    const beside = index.flags[pair] & (FLAG.below | FLAG.similar);
    if (wanted.state === "below" || wanted.state === "similar") return (beside & FLAG[wanted.state]) !== 0;
    if (beside) return false; // nobody has to look: only who asks for them sees them
    if (wanted.state === "sample") return (index.flags[pair] & FLAG.sample) !== 0;
    if (index.flags[pair] & FLAG.sampleOnly) return false;
    if (wanted.state === "drawn") return (index.flags[pair] & FLAG.drawn) !== 0;
    if (wanted.state === "second") return team.second(pair);
    if (wanted.state === "disputed") return Boolean(team.disputed(pair));
    if (wanted.state === "conflicts") return (index.flags[pair] & FLAG.conflicts) !== 0;
    const said = mirrorfold.progress.get(pair);
    if (wanted.state === "undecided") return !said;
    if (wanted.state === "decided") return Boolean(said) && said.verdict !== "defer";
    if (wanted.state === "deferred") return Boolean(said) && said.verdict === "defer";
    return true;
  };

  mirrorfold.filters = {
    fill() {
      const index = mirrorfold.index;
      const every = (values) => [-1, ...values.keys()];
      options("f-library", every(index.libraries), (at) => (at < 0 ? t("review.all") : index.libraries[at]));
      options("f-tier", every(index.tiers), (at) => (at < 0 ? t("review.all") : named("tiers", index.tiers[at])));
      options("f-kind", every(index.kinds), (at) => (at < 0 ? t("review.all") : named("kinds", index.kinds[at])));
      options("f-bytes", SIZES, (size) => (size ? mirrorfold.bytes(size) : t("review.any_size")));
      options("f-state", STATES, (state) => t(`review.${state}`));
      options("f-order", ["bytes", "doubt", "library", "folder"], (order) => t(`review.order_${order}`));
      const clashing = [...new Set(index.clashes.flat())].sort();
      options("f-clash", ["", ...clashing], (name) => (name ? named("fields", name) : t("review.all")));
      get("clash-field").hidden = !clashing.length;
      const stated = (names) => (at) => (at < 0 ? t("review.all") : names[at] || t("review.none_stated"));
      options("f-licence", every(index.licences), stated(index.licences));
      options("f-jurisdiction", every(index.jurisdictions), stated(index.jurisdictions));
      for (const [name, values] of [["licence", index.licences], ["jurisdiction", index.jurisdictions]])
        get(`${name}-field`).hidden = !values.some(Boolean);
      get("folders").replaceChildren(...index.folders.slice(0, FOLDERS).map((folder) => h("option", { value: folder })));
      const { names } = mirrorfold.team;
      options("f-part", every(names), (at) => (at < 0 ? t("review.all") : names[at]));
      get("part-field").hidden = !names.length;
      get("reviewers").replaceChildren(...names.map((name) => h("option", { value: name })));
    },
    wanted: () => ({
      library: Number(get("f-library").value),
      tier: Number(get("f-tier").value),
      kind: Number(get("f-kind").value),
      bytes: Number(get("f-bytes").value),
      state: get("f-state").value,
      part: Number(get("f-part").value),
      clash: get("f-clash").value,
      licence: Number(get("f-licence").value),
      jurisdiction: Number(get("f-jurisdiction").value),
      folder: get("f-folder").value.trim(),
      text: get("f-text").value.trim().toLowerCase(),
      order: get("f-order").value,
    }),
    // Says a filter in words, for the batch's confirmation and for the reason that is exported.
    said() {
      const chosen = ["library", "tier", "kind", "bytes", "clash", "licence", "jurisdiction", "state"]
        .map((name) => get(`f-${name}`))
        .filter((select) => select.selectedIndex > 0)
        .map((select) => select.selectedOptions[0].textContent);
      const typed = ["folder", "text"].map((name) => get(`f-${name}`).value.trim()).filter(Boolean);
      return [...chosen, ...typed.map((text) => `“${text}”`)].join(" · ") || t("review.all");
    },
    // Gives the clusters in view, each with its pairs in view, in the queue's order.
    apply() {
      const wanted = this.wanted();
      const { index } = mirrorfold;
      // Folders are few beside pairs: the text is looked for in them once.
      if (wanted.text)
        wanted.folders = new Set([...index.folders.keys()].filter((at) => index.folders[at].toLowerCase().includes(wanted.text)));
      if (wanted.folder)
        wanted.under = new Set([...index.folders.keys()].filter((at) => index.folders[at].startsWith(wanted.folder)));
      const found = [];
      for (let pair = 0; pair < mirrorfold.index.count; pair++) {
        if (!matches(pair, wanted)) continue;
        const item = mirrorfold.index.item[pair];
        const last = found[found.length - 1];
        if (last && last.item === item) last.pairs.push(pair);
        else found.push({ item, pairs: [pair] });
      }
      const most = (group) => group.pairs.reduce((worst, pair) => Math.max(worst, index.doubt[pair]), 0);
      if (wanted.order === "doubt") found.sort((one, other) => most(other) - most(one));
      const libraries = (group) => index.groups[index.group[group.pairs[0]]].map((at) => index.libraries[at]).join(" ");
      if (wanted.order === "library") found.sort((one, other) => (libraries(one) < libraries(other) ? -1 : libraries(one) > libraries(other) ? 1 : 0));
      if (wanted.order === "folder") found.sort((one, other) => index.folder[one.pairs[0]] - index.folder[other.pairs[0]]);
      return found;
    },
  };
}
