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

  const save = (chunks) => {
    for (const chunk of chunks) {
      const kept = {};
      for (let pair = chunk * CHUNK; pair < (chunk + 1) * CHUNK; pair++)
        if (verdicts.has(pair)) kept[pair] = verdicts.get(pair);
      write(key(chunk), JSON.stringify(kept));
    }
  };

  mirrorfold.progress = {
    get saves() {
      return saves;
    },
    load() {
      write("mirrorfold:probe", "1");
      for (let chunk = 0; chunk * CHUNK < mirrorfold.index.count; chunk++) {
        const text = read(key(chunk));
        if (text) for (const [pair, said] of Object.entries(JSON.parse(text))) verdicts.set(Number(pair), said);
      }
    },
    get: (pair) => verdicts.get(pair),
    all: () => [...verdicts.entries()].sort((one, other) => one[0] - other[0]),
    size: () => verdicts.size,
    // `changes` is a list of [pair, {verdict, at, reason} or null]; one undo takes all of it back.
    put(changes, undoable = true) {
      const before = changes.map(([pair]) => [pair, verdicts.get(pair) || null]);
      for (const [pair, said] of changes) said ? verdicts.set(pair, said) : verdicts.delete(pair);
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
