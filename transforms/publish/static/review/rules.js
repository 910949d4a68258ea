"use strict";
// Rules that a person's own answers suggest: what was answered alike each time, and how many undecided pairs are like it.
{
  const { progress } = mirrorfold;
  const FLAG = { conflict: 1, sampleOnly: 4, below: 32 };
  const LEAST = 8;
  const MOST = 4;
  const ANSWERS = { same: "same", "keep-kept": "same", split: "split", different: "different" };

  const flagged = (pair, flag) => (mirrorfold.index.flags[pair] & flag) !== 0;
  // The share of such pairs that might be answered otherwise though all of n were answered alike, at 95 % confidence.
  const bound = (n) => 1 - 0.05 ** (1 / n);
  const likes = (pair) => {
    const { kind, folder } = mirrorfold.index;
    return [`${kind[pair]} ${folder[pair]}`, `${kind[pair]} `];
  };

  mirrorfold.rules = {
    bound,
    // Gives the rules that cover most: {kind, folder or -1, answer, n, bound, pairs}.
    propose() {
      const { index } = mirrorfold;
      const seen = new Map();
      for (const [pair, word] of progress.each()) {
        if (!word.seen || flagged(pair, FLAG.sampleOnly | FLAG.conflict | FLAG.below) || word.verdict === "defer") continue;
        for (const like of likes(pair)) {
          const group = seen.get(like) || { n: 0, answers: new Set(), folders: new Set() };
          group.n += 1;
          group.answers.add(ANSWERS[word.verdict] || word.verdict);
          group.folders.add(index.folder[pair]);
          seen.set(like, group);
        }
      }
      const found = new Map();
      for (const [like, group] of seen) {
        const [answer] = group.answers;
        if (group.n < LEAST || group.answers.size > 1 || !Object.values(ANSWERS).includes(answer)) continue;
        const [kind, folder] = like.split(" ");
        found.set(like, { like, kind: Number(kind), folder: folder ? Number(folder) : -1, answer, n: group.n, bound: bound(group.n), pairs: [] });
      }
      if (!found.size) return [];
      for (let pair = 0; pair < index.count; pair++) {
        if (progress.get(pair) || flagged(pair, FLAG.sampleOnly | FLAG.conflict | FLAG.below)) continue;
        for (const like of likes(pair)) found.get(like)?.pairs.push(pair);
      }
      return [...found.values()]
        .filter((rule) => rule.pairs.length)
        .sort((one, other) => other.pairs.length - one.pairs.length || other.folder - one.folder)
        .slice(0, MOST);
    },
  };
}
