"use strict";
// The page: the queue at the left, one question in the middle, the answers at the bottom; every key does one thing.
{
  const { t, named, h, progress, filters, rules, compare, grid, facts, people } = mirrorfold;
  const FLAG = { conflict: 1, sample: 2, sampleOnly: 4, below: 32, similar: 64 };
  const flagged = (pair, flag) => (mirrorfold.index.flags[pair] & flag) !== 0;
  const get = (id) => document.getElementById(id);
  const PAGE = 50;
  const state = { found: [], at: 0, pair: -1, page: 0, item: null };

  const say = (text) => {
    get("said").textContent = text;
    get("said").classList.add("shown");
    clearTimeout(state.saying);
    state.saying = setTimeout(() => get("said").classList.remove("shown"), 4000);
  };
  const notice = (text) => {
    get("notice").textContent = text;
    get("notice").hidden = !text;
  };

  // ---- what a verdict means for the files of a cluster ----
  const freed = (item, overrides = new Map()) => {
    const gone = new Set();
    for (const pair of item.pairs) {
      if (pair.kept === pair.other || flagged(pair.n, FLAG.sampleOnly)) continue;
      const said = overrides.has(pair.n) ? overrides.get(pair.n) : progress.get(pair.n)?.verdict;
      if (said === "same" || said === "keep-kept") gone.add(pair.other);
      if (said === "keep-other") gone.add(pair.kept);
    }
    return gone;
  };
  const leavesNone = (item, overrides) => freed(item, overrides).size >= item.contents.length;

  const question = () => state.item?.pairs.find((pair) => pair.n === state.pair);

  const decide = (verdict) => {
    const pair = question();
    if (!pair) return;
    const speaks = pair.kept === pair.other ? ["same", "different", "split", "defer"] : null;
    if (speaks && !speaks.includes(verdict)) return;
    if (FREES.has(verdict) && !complete(pair)) return say(t("review.needs_picture"));
    if (!flagged(pair.n, FLAG.sampleOnly) && leavesNone(state.item, new Map([[pair.n, verdict]]))) return say(t("review.last"));
    progress.put([[pair.n, said(verdict, get("reason").value, pair)]]);
    get("reason").value = "";
    say(t(`review.verdict_${verdict === "keep-other" ? "keep-b" : verdict === "keep-kept" ? "keep-a" : verdict}`));
    onward();
  };
  // `pair` is the question a person had before their eyes; without one, a whole filter was spoken of at once.
  const said = (verdict, reason, pair = null) => ({
    verdict,
    reason,
    reviewer: get("reviewer").value.trim(),
    at: new Date().toISOString(),
    seen: pair !== null,
    purpose: pair ? purposeOf(pair) : "decision",
    ids: pair ? [state.item.contents[pair.kept].id, state.item.contents[pair.other].id].sort() : undefined,
  });
  // Whoever is no party to a disagreement settles it.
  const purposeOf = (pair) => {
    if (flagged(pair.n, FLAG.sampleOnly)) return "sample";
    return people.disputed(pair.n) && !people.mine(pair.n) ? "adjudication" : "decision";
  };
  const FREES = new Set(["same", "keep-kept", "keep-other"]);
  // What nobody sees nobody can free.
  const complete = (pair) =>
    [pair.kept, pair.other].every((place) => picture(state.item.contents[place])) && compare.complete();

  // A whole cluster at once: every undecided variant in it that is shown, as copies of the one that is kept.
  const whole = () => state.item.pairs.filter((pair) => !progress.get(pair.n) && !flagged(pair.n, FLAG.sampleOnly | FLAG.conflict | FLAG.below) && complete(pair));
  const acceptGrid = () => {
    const seen = (pair) => Boolean(picture(state.item.contents[pair.kept]) && picture(state.item.contents[pair.other]));
    const answers = grid.answers(seen);
    const words = new Map(answers.map(([pair, verdict]) => [pair.n, verdict]));
    if (!answers.length) return onward();
    if (leavesNone(state.item, words)) return say(t("review.last"));
    const reason = get("reason").value;
    progress.put(answers.map(([pair, verdict]) => [pair.n, said(verdict, reason, pair)]));
    get("reason").value = "";
    const gone = answers.filter(([, verdict]) => verdict === "same").length;
    say(t("review.grid_said", { gone: mirrorfold.number(gone), kept: mirrorfold.number(answers.length - gone) }));
    grid.on = true; // its next cluster is ticked anew
    onward();
  };
  const showGrid = (on) => {
    grid.on = on;
    get("grid-open").setAttribute("aria-pressed", String(on));
    if (state.item) drawQuestion();
  };
  const decideWhole = () => {
    if (get("grid-view").hidden === false) return acceptGrid();
    const pairs = whole();
    if (pairs.length < 2) return;
    const reason = get("reason").value;
    progress.put(pairs.map((pair) => [pair.n, said("same", reason, pair)]));
    get("reason").value = "";
    say(t("review.whole_said", { pairs: mirrorfold.number(pairs.length) }));
    onward();
  };

  // ---- moving through the queue ----
  const place = (pair) => state.found.findIndex((group) => group.pairs.includes(pair));

  const refilter = (wanted) => {
    state.found = filters.apply();
    const keep = typeof wanted === "function" ? wanted() : wanted;
    const at = keep === undefined ? -1 : place(keep);
    drawBatch();
    if (!state.found.length) {
      state.pair = -1;
      get("empty").textContent = t(mirrorfold.index.count ? "review.empty" : "review.nothing");
    }
    get("empty").hidden = state.found.length > 0;
    get("work").hidden = !state.found.length;
    if (state.found.length) open(at >= 0 ? keep : state.found[0].pairs[0]);
    else drawQueue();
  };

  const open = async (pair) => {
    state.pair = pair;
    state.at = Math.max(0, place(pair));
    state.page = Math.floor(state.at / PAGE);
    drawQueue();
    try {
      const item = await mirrorfold.loadItem(mirrorfold.index.item[pair]);
      if (state.pair !== pair) return;
      state.item = item;
      drawQuestion();
    } catch (error) {
      notice(error.message);
    }
  };

  const drawGrid = () => {
    const one = state.item.pairs.length < 2;
    const shown = grid.on && !one;
    get("grid-view").hidden = !shown;
    for (const id of ["stage", "modes", "zooms", "loupe", "looks", "question", "sides", "metadata-title", "metadata", "record-title", "record", "variants"]) get(id).classList.toggle("away", shown);
    for (const button of get("decide").querySelectorAll("[data-verdict]")) button.hidden = shown;
    get("whole").lastElementChild.textContent = t(shown ? "review.grid_accept" : "review.whole");
    get("whole").classList.toggle("primary", shown);
    if (!shown) return;
    const source = (content) => content.pic || (mirrorfold.served ? `pictures/${content.id}?side=256` : null);
    const seen = (pair) => Boolean(picture(state.item.contents[pair.kept]) && picture(state.item.contents[pair.other]));
    const look = (pair) => {
      showGrid(false);
      open(pair);
    };
    grid.draw(state.item, { number: mirrorfold.index.item[state.pair], complete: seen, source, look });
    get("whole").hidden = false;
  };
  // The pairs in view, laid flat once for each view: a hundred thousand are not, at every key.
  const flat = () => {
    if (state.flatOf !== state.found) [state.flatOf, state.flat] = [state.found, state.found.flatMap((group) => group.pairs)];
    return state.flat;
  };
  const step = (by) => {
    if (get("grid-view").hidden === false) {
      const group = state.found[state.at + by];
      return group ? open(group.pairs[0]) : null;
    }
    const pairs = flat();
    const next = pairs[pairs.indexOf(state.pair) + by];
    return next === undefined ? null : open(next);
  };
  // After a decision: the next pair in view that has none.
  const onward = () => {
    const pairs = flat();
    const from = pairs.indexOf(state.pair);
    const next = pairs.slice(from + 1).find((pair) => !progress.get(pair)) ?? pairs.find((pair) => !progress.get(pair));
    if (filters.wanted().state === "undecided") {
      state.found = filters.apply();
      if (next === undefined) return refilter();
    }
    drawProgress();
    drawBatch();
    open(next ?? state.pair);
  };

  // ---- drawing ----
  const drawProgress = () => {
    const index = mirrorfold.index;
    const { done, bytes, sampled } = progress.totals;
    const sample = index.sampled;
    const both = [
      t("review.progress", { done: mirrorfold.number(done), all: mirrorfold.number(index.work.pairs) }),
      t("review.freed", { bytes: mirrorfold.bytes(bytes), all: mirrorfold.bytes(index.work.bytes) }),
    ];
    if (sample) both.push(t("review.sampled", { done: mirrorfold.number(sampled), all: mirrorfold.number(sample) }));
    get("progress-text").textContent = both.join(" · ");
    Object.assign(get("progress"), { max: Math.max(1, index.work.pairs), value: done });
    get("progress").setAttribute("aria-label", both[0]);
    drawNotices();
  };

  const mark = (pair) => {
    const verdict = progress.get(pair)?.verdict;
    return { same: "✓", "keep-kept": "✓", "keep-other": "⇄", different: "✕", split: "＝", defer: "…" }[verdict] || "";
  };

  // Of many answers their number: the row stays one that can be read.
  const marks = (pairs) => {
    const counts = new Map();
    for (const sign of pairs.map(mark).filter(Boolean)) counts.set(sign, (counts.get(sign) || 0) + 1);
    return [...counts].map(([sign, count]) => (count > 1 ? `${sign}${count}` : sign)).join(" ");
  };

  const drawQueue = () => {
    const index = mirrorfold.index;
    const pages = Math.max(1, Math.ceil(state.found.length / PAGE));
    const shown = state.found.slice(state.page * PAGE, (state.page + 1) * PAGE);
    get("queue").start = state.page * PAGE + 1;
    get("queue").replaceChildren(
      ...shown.map((group) => {
        const first = group.pairs[0];
        const size = group.pairs.reduce((sum, pair) => sum + index.bytes[pair], 0);
        const kinds = [...new Set(group.pairs.map((pair) => named("kinds", index.kinds[index.kind[pair]])))];
        const flags = group.pairs.reduce((sum, pair) => sum | index.flags[pair], 0);
        const current = group.pairs.includes(state.pair);
        return h(
          "li",
          {},
          h(
            "button",
            { class: "entry", "aria-current": current ? "true" : null, on: { click: () => open(first) } },
            h("span", { class: "size" }, mirrorfold.bytes(size)),
            h("span", { class: `dot t-${index.tiers[index.tier[first]]}`, title: named("tiers", index.tiers[index.tier[first]]) }),
            flags & FLAG.conflict ? h("span", { class: "flag", title: t("review.conflict") }, "!") : null,
            flags & FLAG.sample ? h("span", { class: "flag soft", title: t("review.sample_tag") }, "◇") : null,
            second(group.pairs),
            h("span", { class: "marks" }, marks(group.pairs)),
            h("span", { class: "kinds" }, kinds.join(", ")),
          ),
        );
      }),
    );
    get("page").textContent = t("review.page", { page: mirrorfold.number(state.page + 1), pages: mirrorfold.number(pages) });
    get("page-back").disabled = state.page === 0;
    get("page-on").disabled = state.page >= pages - 1;
    // Within the queue alone: on a phone the page would go down to it.
    const [list, here] = [get("queue").parentElement, get("queue").querySelector("[aria-current]")];
    const at = here ? here.offsetTop - list.offsetTop : 0;
    if (here && (at < list.scrollTop || at + here.offsetHeight > list.scrollTop + list.clientHeight)) list.scrollTop = at - list.clientHeight / 3;
  };

  // How many have answered, never what.
  const second = (pairs) => {
    const { needed } = mirrorfold.team;
    const open_ = pairs.filter((pair) => people.answered(pair).length);
    if (pairs.some(people.disputed)) return h("span", { class: "flag", title: t("review.disputed") }, "⚖");
    if (needed < 2 || !open_.length) return null;
    const least = Math.min(...open_.map((pair) => people.answered(pair).length));
    return h("span", { class: "flag soft", title: t("review.answered", { n: least, needed }) }, `${least}/${needed}`);
  };
  const drawWords = (pair) => {
    const words = people.disputed(pair.n) || [];
    get("words").hidden = !words.length;
    get("words").replaceChildren(
      ...words.map(([person, verdict, at, reason]) => {
        const inside = progress.inward(verdict, pair.n);
        const said_ = t(`review.verdict_${inside === "keep-other" ? "keep-b" : inside === "keep-kept" ? "keep-a" : inside}`);
        return h("li", {}, h("b", {}, mirrorfold.visible(mirrorfold.team.people[person])), ` ${said_} `, h("span", { class: "soft" }, at.slice(0, 10)), reason ? " · " : "", reason ? mirrorfold.visible(reason) : "");
      }),
      ...(words.length ? [h("li", { class: "soft" }, t(people.mine(pair.n) ? "review.party" : "review.adjudicate"))] : []),
    );
  };

  // Served pages fetch any picture, larger than a thumbnail, when it is looked at.
  const picture = (content) => (content && mirrorfold.served ? `pictures/${content.id}?side=1024` : content?.pic || null);

  const pictures = (content) => [...new Set([picture(content), content?.pic])].filter(Boolean);

  // The next pair's pictures come once those in view are there: a server reads them one after the other.
  const preload = (shown) => {
    if (shown !== state.pair) return;
    const ahead = flat()[flat().indexOf(shown) + 1];
    if (ahead === undefined) return;
    mirrorfold.loadItem(mirrorfold.index.item[ahead]).then((next) => {
      const other = next.pairs.find((candidate) => candidate.n === ahead);
      compare.preload([picture(next.contents[other.kept]), picture(next.contents[other.other])]);
    }, () => null);
  };

  const drawQuestion = () => {
    const pair = question();
    const { item } = state;
    const index = mirrorfold.index;
    const [left, right] = [item.contents[pair.kept], item.contents[pair.other]];
    const spot = pair.spot && { sides: pair.spot[0].map((side) => (side === pair.kept ? 0 : 1)), box: pair.spot.slice(1) };
    compare.show([pictures(left), pictures(right)], index.kinds[index.kind[pair.n]], pair.warp, spot).then(() => preload(pair.n));
    drawLooks([left, right]);
    const clashes = facts.clashes(left, right, pair.conflicts);
    get("clashes").replaceChildren(...clashes);
    get("clashes").hidden = !clashes.length;
    drawFamily();
    const kind = named("kinds", index.kinds[index.kind[pair.n]]);
    // The tables say the kind in English words; its figure needs no translation.
    const how = pair.text.match(/[\d.]+ ?%/)?.[0];
    get("what").replaceChildren(
      h("span", { class: `tier t-${index.tiers[index.tier[pair.n]]}` }, named("tiers", index.tiers[index.tier[pair.n]])),
      ` ${kind} `,
      h("span", { class: "soft" }, how || ""),
      h("span", { class: "frees" }, frees(pair)),
    );
    const measured = flagged(pair.n, FLAG.sampleOnly);
    const beside = flagged(pair.n, FLAG.similar) ? "similar" : flagged(pair.n, FLAG.below) ? "below" : "";
    const why = beside ? [t(`review.${beside}_note`), beside === "below" ? mirrorfold.reason(pair.why) : ""] : [measured ? t("review.sample_note", { why: mirrorfold.reason(pair.why) }) : mirrorfold.reason(pair.why), flagged(pair.n, FLAG.sample) && !measured ? t("review.sample_tag") : "", item.part > 1 ? t("review.part", { n: item.part }) : ""];
    get("why").replaceChildren(mirrorfold.visible(why.filter(Boolean).join(" · ")));
    drawWords(pair);
    drawVariants();
    drawGrid();
    get("sides").replaceChildren(
      facts.side(left, t("review.kept"), tick(pair, pair.kept)),
      facts.side(right, t("review.candidate"), tick(pair, pair.other)),
    );
    get("metadata").replaceChildren(...facts.metadata(left, right, pair.conflicts));
    get("record").replaceChildren(...facts.proposals(item.record));
    get("record-title").hidden = !(item.record || []).length;
    const verdict = progress.get(pair.n)?.verdict;
    for (const button of get("decide").querySelectorAll("[data-verdict]")) {
      button.setAttribute("aria-pressed", String(button.dataset.verdict === verdict));
      button.disabled = pair.kept === pair.other && button.dataset.verdict === "keep-other";
    }
  };

  // Served pages measure what they show once it is looked at.
  const drawLooks = async (contents) => {
    compare.looks([null, null]);
    const pair = state.pair;
    if (mirrorfold.served && compare.state.measured)
      await Promise.all(contents.map(async (content) => {
        if (content.looks?.sharp[1024] === undefined) content.looks = await fetch(`looks/${content.id}`).then((reply) => (reply.ok ? reply.json() : content.looks), () => content.looks);
      }));
    if (pair === state.pair) compare.looks(contents.map((content) => content.looks));
  };
  const measure = () => {
    compare.measure();
    progress.setting("looks", compare.state.measured ? "1" : "");
    const pair = question();
    if (pair) drawLooks([state.item.contents[pair.kept], state.item.contents[pair.other]]);
  };

  const drawFamily = () => {
    const { index } = mirrorfold;
    const here = index.item[state.pair];
    // The first pair of each cluster, by family.
    if (state.kinOf !== index.families) {
      [state.kinOf, state.kin] = [index.families, new Map()];
      index.item.forEach((item, pair) => {
        const family = index.families[item];
        if (!state.kin.has(family)) state.kin.set(family, new Map());
        const clusters = state.kin.get(family);
        if (!clusters.has(index.clusters[item])) clusters.set(index.clusters[item], pair);
      });
    }
    const others = new Map(state.kin.get(index.families[here]));
    others.delete(index.clusters[here]);
    get("family").hidden = !others.size;
    get("family").replaceChildren(`${t("review.family")}: `, ...[...others.values()].slice(0, 8).map((pair) => h("button", { on: { click: () => open(pair) } }, `${named("kinds", index.kinds[index.kind[pair]])} · ${mirrorfold.bytes(index.bytes[pair])}`)));
  };

  const frees = (pair) => {
    const now = mirrorfold.index.bytes[pair.n];
    if (now) return `${t("review.frees")} ${mirrorfold.bytes(now)}`;
    return pair.same ? t("review.would_free", { bytes: mirrorfold.bytes(pair.same) }) : "";
  };

  const drawVariants = () => {
    const { item } = state;
    get("variants").replaceChildren(
      ...item.pairs.map((pair) => {
        const other = item.contents[pair.other];
        const source = other.pic || (mirrorfold.served ? `pictures/${other.id}?side=256` : null);
        return h(
          "li",
          {},
          h(
            "button",
            { class: "variant", "aria-current": pair.n === state.pair ? "true" : null, on: { click: () => open(pair.n) } },
            source ? h("img", { src: source, alt: "" }) : h("span", { class: "none" }, "–"),
            h("span", {}, named("kinds", mirrorfold.index.kinds[mirrorfold.index.kind[pair.n]])),
            h("span", { class: "soft" }, mirrorfold.index.bytes[pair.n] ? mirrorfold.bytes(mirrorfold.index.bytes[pair.n]) : "–"),
            h("span", { class: "marks" }, mark(pair.n)),
          ),
        );
      }),
    );
    get("variants").hidden = item.pairs.length < 2;
    get("whole").hidden = whole().length < 2;
  };

  // A tick says that a file stays. The last one can't be taken away.
  const tick = (pair, content) => {
    const { item } = state;
    const gone = freed(item);
    const last = !gone.has(content) && gone.size + 1 >= item.contents.length;
    const verdict = content === pair.kept ? "keep-other" : "same";
    const locked = last || pair.kept === pair.other || flagged(pair.n, FLAG.sampleOnly) || !complete(pair);
    const change = (event) => {
      const said_ = event.target.checked ? null : said(verdict, "", pair);
      if (said_ && leavesNone(item, new Map([[pair.n, verdict]]))) event.target.checked = true;
      else progress.put([[pair.n, said_]]);
      drawProgress();
      drawBatch();
      drawQueue();
      drawQuestion();
    };
    return h(
      "label",
      { class: "tick", title: last ? t("review.last") : null },
      h("input", { type: "checkbox", checked: !gone.has(content), disabled: locked, on: { change } }),
      t("review.keep_tick"),
    );
  };

  // ---- a whole filter at once ----
  const scoped = () => {
    const { index } = mirrorfold;
    const here = index.item[state.pair];
    const scope = get("batch-scope").value;
    if (state.rule) return state.rule.pairs;
    if (scope !== "cluster" && scope !== "family") return flat();
    const of = index[scope === "cluster" ? "clusters" : "families"];
    return [...index.keys.keys()].filter((pair) => of[index.item[pair]] === of[here]);
  };
  const batch = (pairs = flat()) => {
    const open_ = pairs.filter((pair) => !progress.get(pair));
    // What the policy keeps, or asks about for the sample alone, no filter frees.
    const asked = open_.filter((pair) => !flagged(pair, FLAG.sampleOnly | FLAG.below));
    const sure = asked.filter((pair) => !flagged(pair, FLAG.conflict));
    return { sure, conflicts: asked.length - sure.length };
  };
  const drawBatch = () => {
    const { sure } = batch();
    get("batch").textContent = t("review.batch", { pairs: mirrorfold.number(sure.length) });
    get("batch").disabled = !sure.length;
    drawRules();
  };
  const ruleNamed = (rule) => {
    const { index } = mirrorfold;
    const where = rule.folder < 0 ? t("review.rule_anywhere") : index.folders[rule.folder].split("/").slice(-3).join("/");
    const answer = t(`review.${rule.answer}`);
    return t("review.rule", { kind: named("kinds", index.kinds[rule.kind]), where, n: mirrorfold.number(rule.n), answer });
  };
  const boundOf = (rule) => t("review.rule_bound", { share: `${(100 * rule.bound).toFixed(1)} %` });
  const drawRules = () => {
    const found = rules.propose();
    get("rules").hidden = !found.length;
    get("rules-list").replaceChildren(
      ...found.map((rule) => {
        const bytes = rule.pairs.reduce((sum, pair) => sum + mirrorfold.index.bytes[pair], 0);
        const rest = t("review.rule_rest", { pairs: mirrorfold.number(rule.pairs.length), bytes: mirrorfold.bytes(bytes) });
        return h("li", {}, h("b", {}, mirrorfold.visible(ruleNamed(rule))), h("span", { class: "soft" }, ` ${rest}. ${boundOf(rule)}`), h("button", { class: "take", on: { click: () => askBatch(rule) } }, t("review.rule_take")));
      }),
    );
  };
  const drawAsk = () => {
    const { sure, conflicts } = batch(scoped());
    const index = mirrorfold.index;
    const frees = get("batch-answer").value === "same";
    get("batch-text").textContent = t(frees ? "review.batch_text" : "review.batch_text_other", {
      answer: t(`review.${get("batch-answer").value}`),
      pairs: mirrorfold.number(sure.length),
      clusters: mirrorfold.number(new Set(sure.map((pair) => index.clusters[index.item[pair]])).size),
      bytes: mirrorfold.bytes(sure.reduce((sum, pair) => sum + index.bytes[pair], 0)),
      filter: spokenOf(),
    });
    get("batch-bound").textContent = state.rule ? boundOf(state.rule) : "";
    get("batch-confirm").disabled = !sure.length;
    get("batch-conflicts").textContent = conflicts ? t("review.batch_conflicts", { pairs: mirrorfold.number(conflicts) }) : "";
  };
  const spokenOf = () => {
    if (state.rule) return ruleNamed(state.rule);
    const scope = get("batch-scope");
    return scope.value === "filter" ? filters.said() : scope.selectedOptions[0].textContent;
  };
  const askBatch = (rule = null) => {
    const { index } = mirrorfold;
    state.rule = rule;
    get("batch-answer").value = rule ? rule.answer : "same";
    for (const id of ["batch-answer", "batch-scope"]) get(id).disabled = Boolean(rule);
    const family = index.families[index.item[state.pair]];
    const clusters = new Set(index.clusters.filter((_, item) => index.families[item] === family)).size;
    const scopes = [["filter", t("review.scope_filter")], ["cluster", t("review.scope_cluster")], ["family", t("review.scope_family", { n: mirrorfold.number(clusters) })]];
    get("batch-scope").replaceChildren(...scopes.map(([value, text]) => h("option", { value }, text)));
    drawAsk();
    get("batch-dialog").showModal();
  };
  const acceptBatch = () => {
    const { sure } = batch(scoped());
    const entry = said(get("batch-answer").value, `${state.rule ? "rule" : "batch"}: ${spokenOf()}`.slice(0, 500));
    progress.put(sure.map((pair) => [pair, entry]));
    get("batch-dialog").close();
    drawProgress();
    refilter(state.pair);
  };

  // ---- keys ----
  const undo = () => {
    const pair = progress.undo();
    if (pair === null) return;
    drawProgress();
    if (!["all", "waiting", "sample", "conflicts"].includes(filters.wanted().state)) state.found = filters.apply();
    drawBatch();
    if (place(pair) >= 0) open(pair);
    else refilter(state.pair);
  };
  const help = () => {
    const groups = [
      ["review.help_decide", [["A", "same"], ["C", "whole"], ["1", "keep_left"], ["2", "keep_right"], ["V", "split"], ["D", "different"], ["L", "defer"], ["U", "undo"], ["G", "grid"], ["1 – 9", "help_grid"]]],
      ["review.help_move", [["J ↓ →", "next"], ["K ↑ ←", "previous"], ["N", "next_page"], ["P", "previous_page"], ["F", "help_filter"]]],
      ["review.help_views", [["Q", "side"], ["W", "slider"], ["E", "flicker"], ["R", "difference"], ["␣", "help_space"], ["+ − 0 9", "help_zoom"], ["O", "rotate"], ["Z", "loupe"], ["H", "heat"], ["I", "looks"]]],
      ["review.export", [["X", "export"], ["?", "help"], ["Esc", "help_close"]]],
    ];
    get("help-keys").replaceChildren(
      ...groups.map(([title, keys]) =>
        h("section", {}, h("h3", {}, t(title)), h("dl", {}, keys.flatMap(([key, name]) => [h("dt", {}, key.split(" ").map((one) => h("kbd", {}, one))), h("dd", {}, t(`review.${name}`))]))),
      ),
    );
    if (!get("help").open) get("help").showModal();
  };
  const turnPage = (by) => {
    const last = Math.max(0, Math.ceil(state.found.length / PAGE) - 1);
    state.page = Math.min(last, Math.max(0, state.page + by));
    drawQueue();
  };
  const exportAll = async () => {
    if (!progress.size()) return say(t("review.export_none"));
    if (!get("reviewer").value.trim()) {
      get("reviewer").focus();
      return say(t("review.reviewer_needed"));
    }
    const lines = await mirrorfold.exchange.download(get("reviewer").value.trim());
    return say(t("review.exported", { pairs: mirrorfold.number(lines) }));
  };

  const KEYS = {
    a: () => decide("same"), v: () => decide("split"),
    c: decideWhole, 9: () => (inGrid() ? grid.press(9) : compare.full()),
    d: () => decide("different"), l: () => decide("defer"), u: undo,
    j: () => step(1), k: () => step(-1), arrowdown: () => step(1), arrowup: () => step(-1),
    arrowright: () => (compare.state.mode === "slider" ? compare.slide(5) : step(1)),
    arrowleft: () => (compare.state.mode === "slider" ? compare.slide(-5) : step(-1)),
    n: () => turnPage(1), p: () => turnPage(-1), f: () => get("f-library").focus(),
    q: () => compare.mode("side"), w: () => compare.mode("slider"), e: () => compare.mode("flicker"),
    r: () => compare.mode("difference"), " ": () => compare.swapByHand(), o: () => compare.rotate(),
    "+": () => compare.zoom(1.4), "=": () => compare.zoom(1.4), "-": () => compare.zoom(1 / 1.4), 0: () => compare.fit(),
    x: exportAll, "?": help, g: () => showGrid(!grid.on), z: () => compare.loupe(), h: () => compare.heat(), i: measure,
  };
  const inGrid = () => get("grid-view").hidden === false;
  for (let digit = 1; digit <= 8; digit++)
    KEYS[digit] = () => (inGrid() ? grid.press(digit) : digit === 1 ? decide("keep-kept") : digit === 2 ? decide("keep-other") : null);
  // Answers on one pair are given where its two pictures are seen large.
  for (const key of ["a", "v", "d", "l"]) {
    const alone = KEYS[key];
    KEYS[key] = () => (inGrid() ? null : alone());
  }
  KEYS.enter = () => (inGrid() ? acceptGrid() : null);
  const PAN = { arrowup: [0, 60], arrowdown: [0, -60], arrowleft: [60, 0], arrowright: [-60, 0] };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const typing = event.target.closest("input:not([type=checkbox]):not([type=range]), select, textarea");
    const key = event.key.toLowerCase();
    if (typing) {
      if (key === "escape") event.target.blur();
      return;
    }
    const presses = event.target.closest("button, input[type=checkbox], summary") && (key === " " || key === "enter");
    const slides = event.target.matches("input[type=range]") && key.startsWith("arrow");
    if (presses || slides) return;
    const act = event.shiftKey && PAN[key] ? () => compare.pan(...PAN[key]) : Object.hasOwn(KEYS, key) ? KEYS[key] : null;
    if (!act || (!state.found.length && !"?xf".includes(key))) return;
    event.preventDefault();
    act();
  });

  mirrorfold.shown = () => state.pair;

  // ---- settings and start ----
  const setLanguage = (language) => {
    mirrorfold.language = language;
    mirrorfold.translate();
    document.title = `${t("review.title")} – mirrorfold`;
    filters.fill();
    drawProgress();
    drawBatch();
    drawQueue();
    if (state.item) drawQuestion();
  };
  const drawNotices = () => {
    const index = mirrorfold.index;
    const texts = [progress.saves || mirrorfold.served ? "" : t("review.no_storage")];
    if (progress.unsent() > 0 && state.offline) texts.push(t("review.unsent", { pairs: mirrorfold.number(progress.unsent()) }));
    for (const [name, key] of [["over", "carried"], ["kept", "kept_for_later"], ["dropped", "dropped"]])
      if (progress.carried[name]) texts.push(t(`review.${key}`, { pairs: mirrorfold.number(progress.carried[name]) }));
    if (index.beyond > 0)
      texts.push(t("review.beyond", { pairs: mirrorfold.number(index.beyond), shown: mirrorfold.number(index.items) }));
    notice(texts.filter(Boolean).join(" "));
  };
  const on = (id, event, act) => get(id).addEventListener(event, act);

  const start = () => {
    progress.load();
    const remembered = (name, id, otherwise) => (get(id).value = progress.setting(name) || otherwise);
    remembered("reviewer", "reviewer", "");
    if (mirrorfold.served) Object.assign(get("reviewer"), { value: mirrorfold.served.reviewer, readOnly: true });
    remembered("theme", "theme", "");
    remembered("language", "language", mirrorfold.language);
    const theme = () => (get("theme").value ? (document.documentElement.dataset.theme = get("theme").value) : delete document.documentElement.dataset.theme);
    theme();
    on("theme", "change", () => (theme(), progress.setting("theme", get("theme").value)));
    on("language", "change", () => (progress.setting("language", get("language").value), setLanguage(get("language").value)));
    on("reviewer", "change", () => {
      progress.setting("reviewer", get("reviewer").value);
      get("f-part").value = String(people.part());
      refilter(state.pair);
    });
    for (const name of ["library", "tier", "kind", "bytes", "state", "part", "clash", "order", "licence", "jurisdiction"]) on(`f-${name}`, "change", () => refilter(state.pair));
    for (const name of ["text", "folder"]) on(`f-${name}`, "input", () => refilter(state.pair));
    on("batch-scope", "change", drawAsk);
    for (const button of get("modes").children) button.addEventListener("click", () => compare.mode(button.dataset.mode));
    for (const button of get("decide").querySelectorAll("[data-verdict]")) button.addEventListener("click", () => decide(button.dataset.verdict));
    const clicks = {
      whole: decideWhole, "zoom-full": () => compare.full(),
      "zoom-in": () => compare.zoom(1.4), "zoom-out": () => compare.zoom(1 / 1.4), "zoom-fit": () => compare.fit(),
      rotate: () => compare.rotate(), loupe: () => compare.loupe(), heat: () => compare.heat(), looks: measure, undo, back: () => step(-1), on: () => step(1), export: exportAll,
      "help-open": help, "help-close": () => get("help").close(), batch: () => askBatch(), "grid-open": () => showGrid(!grid.on), "batch-confirm": acceptBatch,
      "batch-cancel": () => get("batch-dialog").close(), "page-back": () => turnPage(-1), "page-on": () => turnPage(1),
      import: () => get("import-file").click(),
    };
    for (const [id, act] of Object.entries(clicks)) on(id, "click", act);
    on("slide", "input", compare.draw);
    on("gain", "input", compare.draw);
    on("batch-answer", "change", drawAsk);
    on("import-file", "change", async () => {
      try {
        const { loaded, unknown, kept } = await mirrorfold.exchange.load(await get("import-file").files[0].text());
        const numbers = { pairs: mirrorfold.number(loaded), unknown: mirrorfold.number(unknown), kept: mirrorfold.number(kept) };
        say(t("review.imported", numbers));
        refilter(state.pair);
        drawProgress();
      } catch (error) {
        say(error.message);
      }
      get("import-file").value = "";
    });
    // A decision is on disk within milliseconds; only one that isn't, for a while, is worth a word.
    mirrorfold.connection = (count) => {
      clearTimeout(state.waiting);
      if (!count && state.offline) (state.offline = false), drawNotices();
      if (count) state.waiting = setTimeout(() => ((state.offline = true), drawNotices()), 1500);
    };
    mirrorfold.anew = () => {
      say(t("review.anew"));
      setTimeout(() => location.reload(), 800);
    };
    window.addEventListener("beforeunload", (event) => {
      if ((!progress.saves || mirrorfold.served) && (mirrorfold.served ? progress.unsent() : progress.size())) event.preventDefault();
    });
    setLanguage(get("language").value);
    get("f-part").value = String(people.part());
    compare.mode("side");
    if (progress.setting("looks")) compare.measure();
    refilter(() => flat().find((pair) => !progress.get(pair)));
  };

  start();
}
