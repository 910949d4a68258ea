"use strict";
// Data come as scripts beside this one: a page opened from a folder may not fetch files, but it may run its own.
{
  const shards = { items: new Map(), ids: new Map() };
  const waiting = new Map();
  const OURS = /^data\/(?:items|ids)-\d{5}\.js$/;
  const policy = window.trustedTypes
    ? trustedTypes.createPolicy("mirrorfold", {
        createScriptURL: (url) => {
          if (!OURS.test(url)) throw new TypeError(`not a data file of these pages: ${url}`);
          return url;
        },
      })
    : { createScriptURL: (url) => url };

  const KEY = 8;
  // The keys come in one string, the whole index as JSON.
  const read = (text) => {
    const index = JSON.parse(text);
    index.keys = Array.from({ length: index.count }, (_, pair) => index.keys.slice(KEY * pair, KEY * (pair + 1)));
    return index;
  };

  mirrorfold.receive = (name, ...values) => {
    if (name === "words") mirrorfold.words = values[0];
    else if (name === "index") mirrorfold.index = read(values[0]);
    else if (name === "team") mirrorfold.team = values[0];
    else if (name === "served") mirrorfold.served = values[0];
    else shards[name].set(values[0], values[1]);
  };

  const load = (name, number) => {
    if (shards[name].has(number)) return Promise.resolve(shards[name].get(number));
    const url = `data/${name}-${String(number).padStart(5, "0")}.js`;
    if (!waiting.has(url)) {
      waiting.set(
        url,
        new Promise((resolve, reject) => {
          const script = document.createElement("script");
          script.src = policy.createScriptURL(url);
          script.onload = () => {
            script.remove();
            waiting.delete(url);
            resolve(shards[name].get(number));
          };
          script.onerror = () => {
            waiting.delete(url);
            reject(new Error(mirrorfold.t("review.load_failed", { file: url })));
          };
          document.head.append(script);
        }),
      );
    }
    return waiting.get(url);
  };

  // A few shards stay in memory; the rest come again from the disk when they are wanted.
  const trim = (name, most) => {
    while (shards[name].size > most) shards[name].delete(shards[name].keys().next().value);
  };

  mirrorfold.loadItem = async (item) => {
    const size = mirrorfold.index.itemsPerShard;
    const number = Math.floor(item / size);
    const shard = await load("items", number);
    trim("items", 20);
    return shard[item - number * size];
  };

  mirrorfold.loadIds = async (pair) => {
    const size = mirrorfold.index.idsPerShard;
    const number = Math.floor(pair / size);
    return (await load("ids", number))[pair - number * size];
  };
}
