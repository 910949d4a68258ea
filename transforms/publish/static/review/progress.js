"use strict";
// Verdicts by pair number, kept in the browser in chunks, so that saving one decision never writes a hundred thousand.
{
  const CHUNK = 1000;
  const key = (chunk) => `mirrorfold:${mirrorfold.index.plan}:${chunk}`;
  const verdicts = new Map();
  const undo = [];
  let saves = true;

  const write = (name, value) => {
    try {
      localStorage.setItem(name, value);
    } catch {
      saves = false; // private window, full or forbidden storage: the page says so and asks to export
    }
  };
  const read = (name) => {
    try {
      return localStorage.getItem(name);
    } catch {
      saves = false;
      return null;
    }
  };

  // A chunk is a list of [said, first, last, first, last ...]: what a batch said of a thousand pairs is written once.
  const packed = (chunk) => {
    const runs = new Map();
    for (let pair = chunk * CHUNK; pair < (chunk + 1) * CHUNK; pair++) {
      if (!verdicts.has(pair)) continue;
      const said = JSON.stringify(verdicts.get(pair));
      if (!runs.has(said)) runs.set(said, []);
      const run = runs.get(said);
      if (run[run.length - 1] === pair - 1) run[run.length - 1] = pair;
      else run.push(pair, pair);
    }
    return [...runs].map(([said, run]) => [JSON.parse(said), ...run]);
  };
  const unpack = ([said, ...run]) => {
    for (let at = 0; at < run.length; at += 2) for (let pair = run[at]; pair <= run[at + 1]; pair++) set(pair, said);
  };
  const save = (chunks) => {
    for (const chunk of chunks) write(key(chunk), JSON.stringify(packed(chunk)));
  };

  const totals = { done: 0, bytes: 0 };
  const counted = (said) => (said && said.verdict !== "defer" ? 1 : 0);
  const set = (pair, said) => {
    const change = counted(said) - counted(verdicts.get(pair));
    totals.done += change;
    totals.bytes += change * mirrorfold.index.bytes[pair];
    if (said) verdicts.set(pair, said);
    else verdicts.delete(pair);
  };

  mirrorfold.progress = {
    get saves() {
      return saves;
    },
    load() {
      write("mirrorfold:probe", "1");
      for (let chunk = 0; chunk * CHUNK < mirrorfold.index.count; chunk++) {
        const text = read(key(chunk));
        if (text) JSON.parse(text).forEach(unpack);
      }
    },
    get: (pair) => verdicts.get(pair),
    all: () => [...verdicts.entries()].sort((one, other) => one[0] - other[0]),
    size: () => verdicts.size,
    totals,
    // `changes` is a list of [pair, {verdict, at, reason} or null]; one undo takes all of it back.
    put(changes, undoable = true) {
      const before = changes.map(([pair]) => [pair, verdicts.get(pair) || null]);
      for (const [pair, said] of changes) set(pair, said);
      if (undoable) undo.push(before);
      save(new Set(changes.map(([pair]) => Math.floor(pair / CHUNK))));
    },
    undo() {
      const before = undo.pop();
      if (!before) return null;
      this.put(before, false);
      return before[0][0];
    },
    setting: (name, value) => (value === undefined ? read(`mirrorfold:${name}`) : write(`mirrorfold:${name}`, value)),
  };
}
