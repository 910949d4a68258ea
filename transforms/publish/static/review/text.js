"use strict";
// Words and text. Nothing from the archive ever becomes markup: every text goes through textContent.
const mirrorfold = { words: {}, language: document.documentElement.lang };

mirrorfold.t = (key, values = {}) => {
  const template = (mirrorfold.words[mirrorfold.language] || {})[key];
  if (template === undefined) return key;
  const counted = template.replace(/\{(\w+):([^{}|]*)\|([^{}|]*)\}/g, (_, name, one, many) => `{${name}} ${String(values[name]) === "1" ? one : many}`);
  return counted.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? "")).replace(/`/g, "");
};

mirrorfold.named = (prefix, name) => {
  const key = `${prefix}.${name}`;
  return (mirrorfold.words[mirrorfold.language] || {})[key] === undefined ? name : mirrorfold.t(key);
};

// A reason comes in the phrases that it is made of, or as it stands in the tables.
mirrorfold.reason = (parts) => {
  if (typeof parts === "string") return parts;
  const comma = mirrorfold.language === "en" ? ", " : "、";
  const told = { fields: (value) => value.split(", ").map((one) => mirrorfold.named("fields", one)).join(comma), kind: (value) => mirrorfold.named("kinds", value), tier: (value) => mirrorfold.named("tiers", value) };
  return parts
    .map(([key, values]) => mirrorfold.t(`reasons.${key}`, Object.fromEntries(Object.entries(values).map(([place, value]) => [place, told[place] ? told[place](value) : value]))))
    .join("");
};

// Builds an element; attributes by name, children as nodes or text.
mirrorfold.h = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) element.append(child);
  return element;
};

// Characters that draw nothing, break lines or turn the direction around are spelled out.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;
const ESCAPES = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

mirrorfold.spelled = (character) => {
  const code = character.codePointAt(0);
  if (code >= 0xef80 && code <= 0xefff) return "\\x" + (code - 0xef00).toString(16).toUpperCase().padStart(2, "0");
  return ESCAPES[character] || "U+" + code.toString(16).toUpperCase().padStart(4, "0");
};

mirrorfold.visible = (text) => {
  const shown = document.createElement("bdi");
  let plain = "";
  for (const character of String(text)) {
    if (!HIDDEN.test(character)) {
      plain += character;
      continue;
    }
    shown.append(plain, mirrorfold.h("span", { class: "ctl" }, mirrorfold.spelled(character)));
    plain = "";
  }
  shown.append(plain);
  return shown;
};

mirrorfold.bytes = (count) => {
  const units = ["bytes", "KB", "MB", "GB", "TB", "PB"];
  let value = count;
  let unit = 0;
  while (Math.abs(value) >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  const digits = unit === 0 || Number.isInteger(value) || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${units[unit]}`;
};

mirrorfold.number = (count) => count.toLocaleString("en");

mirrorfold.translate = (root = document) => {
  document.documentElement.lang = mirrorfold.language;
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = mirrorfold.t(element.dataset.t);
  for (const element of root.querySelectorAll("[data-t-placeholder]"))
    element.placeholder = mirrorfold.t(element.dataset.tPlaceholder);
  for (const element of root.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", mirrorfold.t(element.dataset.tLabel));
    element.title = mirrorfold.t(element.dataset.tLabel);
  }
};
