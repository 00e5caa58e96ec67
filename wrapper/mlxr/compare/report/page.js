// Everything here makes elements and text nodes. What a model wrote is never read as markup.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const PER_PAGE = 25;
const SHOWN = 4000; // characters of a text before it is unfolded
const CELLS = 4e6; // of the table that finds a difference; larger texts are compared by line
const WORDS = {
  fixed: "▲ fixed", broken: "▼ broken", both: "= right in both", neither: "= wrong in both",
  win: "▲ better", loss: "▼ worse", tie: "= equal", unscored: "? unscored",
};
const START = { outcome: "", slice: "", error: "", flag: "", alarm: "", q: "", sort: "loss", page: "0", view: "", id: "" };
const state = { ...START };
const find = (id) => document.getElementById(id);
const has = (outcome) => data.samples.some((sample) => sample.outcome === outcome);

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

// --- state, which the address holds ---------------------------------------------------------

function readAddress() {
  Object.assign(state, START);
  for (const [key, value] of new URLSearchParams(location.hash.slice(1))) {
    if (Object.hasOwn(START, key)) state[key] = value;
  }
  if (!location.hash) state.outcome = ["broken", "loss"].find(has) ?? "";
}

function set(changes) {
  Object.assign(state, { id: "" }, "page" in changes || "id" in changes ? {} : { page: "0" }, changes);
  const kept = Object.entries(state).filter(([key, value]) => value !== START[key]);
  history.replaceState(null, "", "#" + (new URLSearchParams(kept).toString() || "all"));
  show();
}

// --- which samples, in which order ----------------------------------------------------------

const slices = (sample) => {
  const category = sample.category === null ? [] : [`category: ${sample.category}`];
  return category.concat(Object.entries(sample.slices).map(([name, value]) => `${name}: ${value}`));
};
const both = (sample, key) => [...new Set([...sample.base[key], ...sample.tuned[key]])];
const text = new Map(); // sample → what a search looks through
function searched(sample) {
  if (!text.has(sample)) {
    const parts = [sample.id, sample.prompt, sample.target, sample.base.output, sample.tuned.output];
    text.set(sample, parts.join("\n").toLowerCase());
  }
  return text.get(sample);
}

const ORDERS = {
  loss: (a, b) => (a.gain ?? 0) - (b.gain ?? 0),
  gain: (a, b) => (b.gain ?? 0) - (a.gain ?? 0),
  id: (a, b) => a.id.localeCompare(b.id, undefined, { numeric: true }),
  length: (a, b) => b.tuned.tokens - a.tuned.tokens || b.tuned.output.length - a.tuned.output.length,
};

function chosen() {
  const words = state.q.toLowerCase();
  const alarmed = state.alarm && new Set(data.alarms[state.alarm] ?? []);
  const kept = data.samples.filter((sample) =>
    (!state.outcome || (state.outcome === "different" ? sample.base.output !== sample.tuned.output : sample.outcome === state.outcome))
    && (!state.slice || slices(sample).includes(state.slice))
    && (!state.error || both(sample, "errors").includes(state.error))
    && (!state.flag || both(sample, "flags").includes(state.flag))
    && (!alarmed || alarmed.has(sample.id))
    && (!words || searched(sample).includes(words)));
  return kept.sort(ORDERS[state.sort] ?? ORDERS.loss);
}

// --- differences ----------------------------------------------------------------------------

const split = (value, pattern) => value.match(pattern) ?? [];

// Longest common subsequence; returns [kind, text] with kind "=", "-" or "+".
function difference(before, after) {
  for (const pattern of [/\s+|[\p{L}\p{N}_]+|./gsu, /[^\n]*\n|[^\n]+/g]) {
    let [a, b] = [split(before, pattern), split(after, pattern)];
    let start = 0;
    while (start < a.length && start < b.length && a[start] === b[start]) start++;
    let end = 0;
    while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
    const tail = a.slice(a.length - end).join("");
    const head = a.slice(0, start).join("");
    [a, b] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
    if (a.length * b.length <= CELLS) return [["=", head], ...middle(a, b), ["=", tail]].filter((part) => part[1]);
  }
  return [["-", before], ["+", after]];
}

function middle(a, b) {
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] = a[i] === b[j]
        ? longest[(i + 1) * width + j + 1] + 1
        : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  const parts = [];
  const add = (kind, piece) => {
    if (parts.length && parts[parts.length - 1][0] === kind) parts[parts.length - 1][1] += piece;
    else parts.push([kind, piece]);
  };
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { add("=", a[i]); i++; j++; }
    else if (j >= b.length || (i < a.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) add("-", a[i++]);
    else add("+", b[j++]);
  }
  return parts;
}

const NAMES = { "-": "del", "+": "ins" };
const marked = (before, after) => make("pre", { dir: "auto" }, ...difference(before, after).map(
  ([kind, piece]) => (kind === "=" ? piece : make(NAMES[kind], {}, piece))));

// --- one sample -----------------------------------------------------------------------------

function long(value) {
  const box = make("pre", { dir: "auto" }, value.slice(0, SHOWN));
  if (value === "") box.append(make("i", {}, "(empty)"));
  if (value.length <= SHOWN) return box;
  const more = make("button", { onclick: () => { box.textContent = value; } }, `… show all ${value.length.toLocaleString("en")} characters`);
  box.append(more);
  return box;
}

const isRecord = (value) => value !== null && typeof value === "object";
const pretty = (value) => JSON.stringify(value, null, 2);

// Leaves by path: {"1.arguments.city": "Rome"}; calls in the order of their names.
function leaves(value, path = "", found = {}) {
  if (!isRecord(value) || Object.keys(value).length === 0) { if (path) found[path] = value; return found; }
  const calls = Array.isArray(value) && value.every((item) => isRecord(item) && "name" in item);
  const items = calls ? [...value].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : value;
  for (const [key, inner] of Object.entries(items)) {
    leaves(inner, path + (path && ".") + (Array.isArray(value) ? Number(key) + 1 : key), found);
  }
  return found;
}

const say = (value) => (value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value));

function fieldTable(sample) {
  const classes = sample.tuned.detail.classes ? [sample.base.detail.classes, sample.tuned.detail.classes] : null;
  const columns = [sample.expected, sample.base.answer, sample.tuned.answer].map(
    (value) => (classes ? value ?? {} : leaves(value ?? {})));
  const keys = [...new Set([...Object.keys(classes ? classes[1] : {}), ...columns.flatMap(Object.keys)])].slice(0, 200);
  const cell = (column, key) => {
    const due = columns[0][key], value = columns[column][key];
    const kind = classes?.[column - 1]?.[key];
    const right = kind ? kind === "TP" || kind === "TN" : JSON.stringify(due) === JSON.stringify(value);
    const mark = make("b", {}, `${right ? "✓" : "✗"}${kind ? ` ${kind}` : ""} `);
    return make("td", { class: right ? "right" : "wrong", dir: "auto" }, mark, say(value));
  };
  const head = ["field", "expected", "base", "tuned"].map((name) => make("th", { scope: "col" }, name));
  const lines = keys.map((key) => make("tr", {}, make("th", { scope: "row" }, key),
    make("td", { dir: "auto" }, say(columns[0][key])), cell(1, key), cell(2, key)));
  return make("table", { class: "fields" },
    make("caption", {}, classes ? "TP right · FD wrong · FA invented · FN missed · TN rightly null" : "As read from the answers; the order of calls is free"),
    make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...lines));
}

const titled = (title, element) => make("div", {}, make("h4", {}, title), element);
const columns = (...items) => make("div", { class: items.length === 2 ? "columns two" : "columns" }, ...items);
const cost = (side) => [side.tokens === null ? "" : `${side.tokens} tokens`,
  side.finish === "length" ? "cut at the limit" : side.finish ?? ""].map((part) => part && ` · ${part}`).join("");
const shaped = (value, raw) => (isRecord(value) ? pretty(value) : raw);

function scoring(side) {
  const shown = { values: side.values, parse: side.parse, errors: side.errors, flags: side.flags, ...side.detail };
  if (side.nll !== null) shown["nats of the expected answer"] = side.nll;
  return long(pretty(shown));
}

const VIEWS = {
  fields: ["Fields", (s) => fieldTable(s)],
  side: ["Side by side", (s) => columns(titled("expected", long(s.target)),
    titled(`base${cost(s.base)}`, long(s.base.output)), titled(`tuned${cost(s.tuned)}`, long(s.tuned.output)))],
  diff: ["Differences", (s) => {
    const [due, base, tuned] = [shaped(s.expected, s.target), shaped(s.base.answer, s.base.output), shaped(s.tuned.answer, s.tuned.output)];
    return columns(titled("expected → tuned", marked(due, tuned)), titled("base → tuned", marked(base, tuned)));
  }],
  scoring: ["Scoring", (s) => columns(titled("base", scoring(s.base)), titled("tuned", scoring(s.tuned)))],
};

function details(sample) {
  const views = Object.keys(VIEWS).filter((name) => name !== "fields" || isRecord(sample.expected));
  const view = views.includes(state.view) ? state.view : views[0];
  const holder = make("div", {}, VIEWS[view][1](sample));
  const tabs = views.map((name) => make("button", { "aria-pressed": String(name === view), onclick: (event) => {
    state.view = name;
    for (const tab of event.target.parentNode.querySelectorAll("[aria-pressed]")) tab.setAttribute("aria-pressed", tab === event.target);
    holder.replaceChildren(VIEWS[name][1](sample));
  } }, VIEWS[name][0]));
  const about = [...slices(sample), ...both(sample, "errors"), ...both(sample, "flags").map((flag) => `⚑ ${flag}`)].join(" · ");
  const link = make("a", { href: "#" + new URLSearchParams({ id: sample.id }) }, "permalink");
  const copy = make("button", { onclick: (event) => { navigator.clipboard?.writeText(pretty(sample)); event.target.textContent = "copied"; } }, "copy as JSON");
  return make("div", { class: "body" }, titled("prompt", long(sample.prompt)),
    make("div", { class: "views" }, ...tabs, copy, link), holder, make("p", { class: "quiet" }, about));
}

const figure = (gain) => (gain === null ? "" : `${gain > 0 ? "+" : ""}${Number(gain.toPrecision(3))}`);

function article(sample) {
  const open = () => {
    const shown = box.classList.toggle("open");
    head.setAttribute("aria-expanded", shown);
    if (shown) box.append(details(sample)); else box.querySelector(".body").remove();
  };
  const flags = both(sample, "flags").length ? "⚑ " : "";
  const head = make("button", { class: "head", "aria-expanded": "false", onclick: open },
    make("span", { class: `mark ${sample.outcome}` }, WORDS[sample.outcome]),
    make("span", { class: "id" }, sample.id), make("span", {}, flags + (data.binary ? "" : figure(sample.gain))),
    make("span", { class: "asked", dir: "auto" }, sample.prompt.slice(-400).replace(/\s+/g, " ").slice(-200)));
  const box = make("article", { class: "sample" }, make("h3", {}, head));
  if (state.id === sample.id) open();
  return box;
}

// --- the list and its controls --------------------------------------------------------------

function show() {
  const kept = chosen();
  const at = state.id ? kept.findIndex((sample) => sample.id === state.id) : -1;
  const last = Math.max(0, Math.ceil(kept.length / PER_PAGE) - 1);
  const page = at >= 0 ? Math.floor(at / PER_PAGE) : Math.min(last, Math.max(0, Number(state.page) || 0));
  state.page = String(page);
  find("list").replaceChildren(...kept.slice(page * PER_PAGE, (page + 1) * PER_PAGE).map(article));
  find("count").textContent = `${kept.length} of ${data.samples.length} samples` + (state.alarm ? ` · of ${state.alarm}` : "");
  find("place").textContent = `Page ${page + 1} of ${last + 1}`;
  find("pages").hidden = last === 0;
  find("before").disabled = page === 0;
  find("after").disabled = page === last;
  for (const chip of find("outcomes").children) chip.setAttribute("aria-pressed", chip.dataset.outcome === state.outcome);
  for (const name of ["slice", "error", "flag", "sort"]) find(name).value = state[name];
  if (document.activeElement !== find("search")) find("search").value = state.q;
  if (at >= 0) find("list").querySelector(".open .head").focus();
}

function fill(name, values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const options = [...counts].sort().map(([value, n]) => make("option", { value }, `${value} (${n})`));
  find(name).replaceChildren(make("option", { value: "" }, "all"), ...options);
  find(name).parentNode.hidden = counts.size === 0;
  find(name).addEventListener("change", (event) => set({ [name]: event.target.value, alarm: "" }));
}

function chips() {
  const different = data.samples.filter((sample) => sample.base.output !== sample.tuned.output).length;
  const counts = [["", `all ${data.samples.length}`], ...Object.keys(WORDS).filter(has).map(
    (name) => [name, `${WORDS[name]} ${data.samples.filter((sample) => sample.outcome === name).length}`]),
  ["different", `outputs differ ${different}`]];
  find("outcomes").append(...counts.map(([outcome, words]) => make("button",
    { "data-outcome": outcome, onclick: () => set({ outcome, alarm: "" }) }, words)));
}

function step(by) {
  const heads = [...find("list").querySelectorAll(".head")];
  const at = heads.findIndex((head) => head.closest(".sample").contains(document.activeElement));
  heads[Math.min(heads.length - 1, Math.max(0, at + by))]?.focus();
}

const turn = (by) => set({ page: String(Number(state.page) + by) });
const KEYS = {
  j: () => step(1), k: () => step(-1), "/": () => find("search").focus(), "?": () => find("help").showModal(),
  n: () => find("after").disabled || turn(1), p: () => find("before").disabled || turn(-1),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target === find("search")) event.target.blur();
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, select, dialog")) return;
  if (Object.hasOwn(KEYS, event.key)) { event.preventDefault(); KEYS[event.key](); }
});
window.addEventListener("hashchange", () => { readAddress(); show(); if (!state.id) find("all").scrollIntoView(); });

chips();
fill("slice", data.samples.flatMap(slices));
fill("error", data.samples.flatMap((sample) => both(sample, "errors")));
fill("flag", data.samples.flatMap((sample) => both(sample, "flags")));
find("sort").addEventListener("change", (event) => set({ sort: event.target.value }));
find("search").addEventListener("input", (event) => set({ q: event.target.value }));
find("before").addEventListener("click", () => turn(-1));
find("after").addEventListener("click", () => turn(1));
find("controls").hidden = false;
readAddress();
show();
