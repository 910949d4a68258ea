"use strict";
// Verdicts, kept in the browser by content pair: a page that is published anew finds them again, whatever its queue is
// then. They are stored in 64 chunks, so that saving one decision never writes a hundred thousand.
{
  const { index } = mirrorfold;
  const { served } = mirrorfold;
  // Served pages keep a copy here of what the server has, under the reviewer's name: it bridges a lost connection.
  const room = `mirrorfold:2:${index.archive}${served ? `:${served.reviewer}` : ""}`;
  const FLAG = { sampleOnly: 4, keptIsB: 8, beside: 96 };
  const NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const KEY = 8;
  const chunkOf = (key) => key[0];
  const chunks = new Map(); // chunk -> Map of key -> what was said, in outward words
  const pairs = new Map(index.keys.map((key, pair) => [key, pair]));
  const verdicts = new Map(); // by pair number, in the page's words
  const undo = [];
  const carried = { over: 0, kept: 0, dropped: 0 };
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

  // Within the page a verdict speaks of the kept and the other picture; outside, of content_a and content_b. Which is
  // kept may change from one publication to the next, so what is stored is in outward words.
  const keptIsB = (pair) => Boolean(index.flags[pair] & FLAG.keptIsB);
  const outward = (verdict, pair) => {
    if (verdict === "keep-other") return keptIsB(pair) ? "keep-a" : "keep-b";
    if (verdict === "keep-kept") return keptIsB(pair) ? "keep-b" : "keep-a";
    return verdict;
  };
  const inward = (verdict, pair) => {
    if (verdict !== "keep-a" && verdict !== "keep-b") return verdict;
    return (verdict === "keep-b") === keptIsB(pair) ? "keep-kept" : "keep-other";
  };

  const chunk = (key) => {
    const name = chunkOf(key);
    if (!chunks.has(name)) chunks.set(name, new Map());
    return chunks.get(name);
  };
  // A chunk is a list of [said, keys in one string]: what was said of a whole filter is written once.
  const packed = (name) => {
    const groups = new Map();
    for (const [key, said] of chunks.get(name) || []) {
      const text = JSON.stringify(said);
      if (!groups.has(text)) groups.set(text, []);
      groups.get(text).push(key);
    }
    return [...groups].map(([text, keys]) => [JSON.parse(text), keys.join("")]);
  };
  const save = (names) => {
    for (const name of names) write(`${room}:${name}`, JSON.stringify(packed(name)));
  };

  const totals = { done: 0, bytes: 0, sampled: 0, beside: 0 };
  const counted = (said) => (said && said.verdict !== "defer" ? 1 : 0);
  const set = (pair, said) => {
    const change = counted(said) - counted(verdicts.get(pair));
    if (index.flags[pair] & FLAG.beside) totals.beside += change;
    else if (index.flags[pair] & FLAG.sampleOnly) totals.sampled += change;
    else {
      totals.done += change;
      totals.bytes += change * index.bytes[pair];
    }
    if (said) verdicts.set(pair, said);
    else verdicts.delete(pair);
  };
  const keep = (pair, said) => {
    const key = index.keys[pair];
    if (said) chunk(key).set(key, { ...said, verdict: outward(said.verdict, pair) });
    else chunk(key).delete(key);
  };

  const load = () => {
    write("mirrorfold:probe", "1");
    const anew = read(`${room}:plan`) !== index.plan;
    const exported = read(`${room}:exported`) || "";
    const changed = new Set();
    for (const name of NAMES) {
      const text = read(`${room}:${name}`);
      if (!text) continue;
      for (const [said, keys] of JSON.parse(text)) {
        for (let at = 0; at < keys.length; at += KEY) {
          const key = keys.slice(at, at + KEY);
          const pair = pairs.get(key);
          if (pair !== undefined) {
            chunk(key).set(key, said);
            set(pair, { ...said, verdict: inward(said.verdict, pair) });
            carried.over += 1;
          } else if (said.at <= exported) changed.add(name); // it was handed in, and this plan follows from it
          else if (said.ids) {
            chunk(key).set(key, said);
            carried.kept += 1;
          } else {
            changed.add(name);
            carried.dropped += 1;
          }
        }
      }
    }
    save(changed);
    if (!anew || read(`${room}:plan`) === null) carried.over = 0;
    if (anew) write(`${room}:plan`, index.plan);
  };

  // ---- a served page sends each decision on at once, and again until the server says that it is on disk ----
  const outbox = new Map(); // by key; a later word on a question replaces an earlier one that isn't sent yet
  let sending = false;
  const wire = async (pair, said) => {
    const [content_a, content_b] = said?.ids || (await mirrorfold.loadIds(pair));
    const purpose = said?.purpose || (index.flags[pair] & FLAG.sampleOnly ? "sample" : "decision");
    if (!said) return { content_a, content_b, purpose, verdict: null };
    const { reason, at, seen } = said;
    return { content_a, content_b, purpose, verdict: outward(said.verdict, pair), reason, at, seen };
  };
  const unsent = () => {
    write(`${room}:unsent`, JSON.stringify([...outbox.keys()]));
    mirrorfold.connection?.(outbox.size, saves);
  };
  const send = async () => {
    if (sending || !outbox.size) return;
    sending = true;
    const batch = [...outbox].slice(0, 500);
    try {
      const rows = await Promise.all(batch.map(([, [pair, said]]) => wire(pair, said)));
      const headers = { "Content-Type": "application/json" };
      const reply = await fetch("answers", { method: "POST", headers, body: JSON.stringify(rows), credentials: "same-origin" });
      if (!reply.ok) throw new Error(String(reply.status));
      for (const [key, entry] of batch) if (outbox.get(key) === entry) outbox.delete(key);
      sending = false;
      unsent();
      const { plan } = await reply.json();
      if (outbox.size) send();
      else if (plan && plan !== index.plan) mirrorfold.anew?.();
    } catch {
      sending = false;
      unsent();
      setTimeout(send, 2000);
    }
  };
  const post = (changes) => {
    if (!served) return;
    for (const [pair, said] of changes) {
      const key = index.keys[pair];
      outbox.delete(key);
      outbox.set(key, [pair, said]);
    }
    unsent();
    send();
  };
  // What the server has counts; of what this browser has, only what never reached it is sent again.
  const loadServed = () => {
    const waiting = new Set(JSON.parse(read(`${room}:unsent`) || "[]"));
    const again = [...waiting].map((key) => [pairs.get(key), chunks.get(chunkOf(key))?.get(key)]).filter(([pair]) => pair !== undefined);
    for (const [key, said] of [...chunks.values()].flatMap((held) => [...held])) {
      if (waiting.has(key)) continue;
      chunk(key).delete(key);
      if (pairs.has(key)) set(pairs.get(key), null);
      else if (said) carried.kept -= 1;
    }
    for (const [key, said] of served.answers) {
      if (waiting.has(key)) continue;
      const pair = pairs.get(key);
      if (pair === undefined) continue;
      chunk(key).set(key, said);
      set(pair, { ...said, verdict: inward(said.verdict, pair) });
    }
    Object.assign(carried, { over: 0, kept: 0, dropped: 0 });
    post(again.map(([pair, said]) => [pair, said ? { ...said, verdict: inward(said.verdict, pair) } : null]));
  };

  mirrorfold.progress = {
    get saves() {
      return saves;
    },
    load() {
      load();
      if (served) loadServed();
    },
    unsent: () => outbox.size,
    carried,
    outward,
    inward,
    get: (pair) => verdicts.get(pair),
    each: () => verdicts.entries(), // in no order
    all: () => [...verdicts.entries()].sort((one, other) => one[0] - other[0]),
    // Decisions on pairs that these pages don't ask about: [said with ids].
    beside: () => [...chunks.values()].flatMap((held) => [...held].filter(([key]) => !pairs.has(key)).map(([, said]) => said)),
    size() {
      return verdicts.size + carried.kept;
    },
    totals,
    // `changes` is a list of [pair, {verdict, at, reason ...} or null]; one undo takes all of it back.
    put(changes, undoable = true) {
      const before = changes.map(([pair]) => [pair, verdicts.get(pair) || null]);
      for (const [pair, said] of changes) {
        set(pair, said);
        keep(pair, said);
      }
      if (undoable) undo.push(before);
      save(new Set(changes.map(([pair]) => chunkOf(index.keys[pair]))));
      post(changes);
    },
    undo() {
      const before = undo.pop();
      if (!before) return null;
      this.put(before, false);
      return before[0][0];
    },
    exported: () => write(`${room}:exported`, new Date().toISOString()),
    setting: (name, value) => (value === undefined ? read(`mirrorfold:${name}`) : write(`mirrorfold:${name}`, value)),
  };
}
